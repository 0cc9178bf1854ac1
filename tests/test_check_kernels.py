# ci/check_kernels must be able to fail: it is given a good core and two bad ones, each built
# with the project's own setup.py. Skipped where the checkout or the compiler is not at hand.
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHECKOUT / "setup.py").exists(), reason="needs the whole checkout"),
    pytest.mark.skipif(
        platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc",
        reason="kernels are dispatched on x86-64 with glibc only",
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, ["gcc", "objdump"])), reason="needs gcc and objdump"
    ),
]

HEADER = """
cdef extern from "dispatch.h":
    ctypedef void kernel_void "FASTGD_KERNEL_VOID"
"""

GOOD = """
cdef kernel_void scale_kernel(double *theta, Py_ssize_t d,
                              double factor) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(d):
        theta[j] *= factor

def scale(double[::1] theta, double factor, lock):
    cdef double *p = &theta[0]
    cdef Py_ssize_t d = theta.shape[0]
    with lock, nogil:
        scale_kernel(p, d, factor)
"""

# Each step needs the one before, so that no compiler can take four at a time.
SERIAL = """
cdef kernel_void smooth_kernel(double *theta, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(1, d):
        theta[j] = 0.5 * theta[j - 1] + theta[j]

def smooth(double[::1] theta):
    smooth_kernel(&theta[0], theta.shape[0])
"""

# Not noexcept: after each call the caller has to ask Python whether there was an exception.
ASKS_PYTHON = """
cdef double root(double x) nogil:
    if x < 0:
        raise ValueError("negative")
    return x

def roots(double[::1] theta):
    cdef double *p = &theta[0]
    cdef Py_ssize_t j, d = theta.shape[0]
    with nogil:
        for j in range(d):
            p[j] = root(p[j])
"""


TAKES_THE_GIL = """
cdef void report(Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    with gil:
        print(d)
    for j in range(d):
        with gil:
            print(d)

def reports(Py_ssize_t d):
    report(d)
"""


@pytest.fixture
def check(tmp_path):
    """Builds a core of one module from its source and runs ci/check_kernels on it."""
    core = tmp_path / "fastgd/core"
    core.mkdir(parents=True)
    for package in (core, core.parent):
        (package / "__init__.py").touch()
    shutil.copy(CHECKOUT / "setup.py", tmp_path)
    shutil.copy(CHECKOUT / "fastgd/core/dispatch.h", core)

    def run(source: str) -> subprocess.CompletedProcess:
        (core / "module.pyx").write_text(HEADER + source)
        build = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
        subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
        command = [sys.executable, str(CHECKOUT / "ci/check_kernels"), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


@pytest.fixture(autouse=True)
def _default_build(monkeypatch):
    monkeypatch.delenv("FASTGD_SIMD", raising=False)
    monkeypatch.delenv("FASTGD_DEBUG", raising=False)


def test_good_kernel_passes(check):
    done = check(GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 kernels" in done.stdout


def test_kernel_without_vector_code_is_refused(check):
    done = check(GOOD + SERIAL)
    assert done.returncode == 1
    assert "smooth_kernel does no AVX2 arithmetic" in done.stderr
    assert "scale_kernel" not in done.stderr


def test_python_call_without_the_gil_is_refused(check):
    done = check(GOOD + ASKS_PYTHON)
    assert done.returncode == 1
    line = (HEADER + GOOD + ASKS_PYTHON).splitlines().index("            p[j] = root(p[j])") + 1
    assert f"module.pyx:{line}: calls Python without the GIL" in done.stderr


def test_taking_the_gil_is_refused_in_a_loop_only(check):
    done = check(GOOD + TAKES_THE_GIL)
    assert done.returncode == 1
    lines = (HEADER + GOOD + TAKES_THE_GIL).splitlines()
    outside, inside = (i for i, line in enumerate(lines, 1) if line.endswith("print(d)"))
    assert f"module.pyx:{outside}:" not in done.stderr
    assert f"module.pyx:{inside}: calls Python without the GIL" in done.stderr


def test_core_without_any_kernel_is_refused(check):
    assert check(GOOD.replace("kernel_void", "void")).returncode == 1

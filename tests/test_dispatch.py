# dispatch.h is the only C of the project. It compiles without a warning with every compiler at
# hand, as C99, C11 and C17, with dispatch and with each fall-back forced, and does the same each
# time. The compilers other than gcc are for whoever has them; those for other machines, whose
# programs do not run here, only compile.
import shutil
import subprocess
from importlib import resources

import pytest

PROGRAM = """
#include "dispatch.h"
#include <stdio.h>

static FASTGD_KERNEL_VOID halve(fastgd_own_vector x, int n)
{
    for (int i = 0; i < n; i++) {
        FASTGD_PREFETCH(x + i);
        x[i] *= 0.5;
    }
}

int main(void)
{
    double x[5] = {1, 2, -4, 0, 1e300};
    int64_t number = 40;
    halve(x, 5);
    for (int i = 0; i < 5; i++) {
        printf("%.17g %d ", x[i], fastgd_from_bits(fastgd_bits(x[i])) == x[i]);
    }
    printf("%d ", fastgd_bits(-0.0) == INT64_MIN);
    fastgd_write(&number, fastgd_read(&number) + 1);
    fastgd_pause();
    fastgd_nap();
    printf("%d ", (int)fastgd_add(&number, 2));
    printf("%d\\n", (int)fastgd_read(&number));
    printf("%d\\n%s\\n%s\\n", FASTGD_DISPATCHED, fastgd_simd_level(), fastgd_compiler());
    return 0;
}
"""

# Stands before it where another machine is played. The system's own headers come first, since they
# want to know the true one.
AS_IF = """
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
"""
AS_ARM = AS_IF + "#undef __x86_64__\n"
# Microsoft's compiler: no attributes, no builtins, and these two headers.
AS_MSVC = (
    AS_IF
    + """
#undef __GNUC__
#undef __clang__
#undef __VERSION__
#undef __x86_64__
#define _WIN32 1
#define _M_X64 100
#define _MSC_VER 1944
#define _MSC_FULL_VER 194435211
#define __restrict restrict
"""
)
MSVC_HEADERS = {
    "intrin.h": """
#define _MM_HINT_T1 2
static inline void _mm_prefetch(const char *p, int hint) { (void)p; (void)hint; }
static inline unsigned int _mm_getcsr(void) { return 0x1f80; }
static inline void _mm_setcsr(unsigned int mode) { (void)mode; }
static inline long long _InterlockedOr64(volatile int64_t *p, int64_t x)
{ return __atomic_fetch_or(p, x, __ATOMIC_SEQ_CST); }
static inline long long _InterlockedExchange64(volatile int64_t *p, int64_t x)
{ return __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST); }
static inline long long _InterlockedExchangeAdd64(volatile int64_t *p, int64_t x)
{ return __atomic_fetch_add(p, x, __ATOMIC_SEQ_CST); }
""",
    "windows.h": """
#define YieldProcessor() ((void)0)
static inline void Sleep(unsigned long milliseconds) { (void)milliseconds; }
""",
}

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wundef", "-Werror", "-O2", "-g0"]
COMPILERS = ["gcc", "clang", "musl-gcc", "x86_64-w64-mingw32-gcc", "aarch64-linux-gnu-gcc"]
MACHINES = {
    "as it is": ("", []),
    "FASTGD_SIMD=baseline": ("", ["-DFASTGD_SIMD_BASELINE=1"]),
    "another system": ("", ["-U__gnu_linux__"]),
    "another machine": (AS_ARM, []),
    "MSVC": (AS_MSVC, []),
}


@pytest.fixture(params=COMPILERS)
def compiler(request):
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    return request.param


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "gnu17"])
def test_header_compiles_without_warnings(tmp_path, compiler, standard, machine):
    foreign = "mingw" in compiler or "aarch64" in compiler
    before, flags = MACHINES[machine]
    if before and (foreign or compiler == "musl-gcc"):
        pytest.skip("played once, by the compilers of this machine")
    folder = resources.files("fastgd.core")
    (tmp_path / "program.c").write_text(before + PROGRAM)
    if machine == "MSVC":
        for name, text in MSVC_HEADERS.items():
            (tmp_path / name).write_text(text)
    build = [compiler, *STRICT, f"-std={standard}", *flags, f"-I{folder}", "-I.", "program.c"]
    build += ["-c"] if foreign else ["-o", "program"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    if foreign:
        return
    output = subprocess.run(tmp_path / "program", capture_output=True, text=True, check=True).stdout
    numbers, dispatched, level, name = output.splitlines()
    assert numbers == "0.5 1 1 1 -2 1 0 1 5.0000000000000003e+299 1 1 41 43"
    if machine != "as it is" or compiler != "gcc":
        assert (dispatched, level) == ("0", "baseline (built without dispatch)")
    known = {"gcc": "gcc ", "musl-gcc": "gcc ", "clang": "Clang "}[compiler]
    assert ("MSVC 194435211" if machine == "MSVC" else known) in name

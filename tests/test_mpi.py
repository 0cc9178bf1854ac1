"""Real ranks, started by mpiexec: the same bits, the shell, and faults that must not hang.

What does not need processes is tested on threads (test_distributed.py).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import fastgd as gd

pytest.importorskip("mpi4py")

# Beside this Python, where the wheel of an MPI puts it, or on the path.
MPIEXEC = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or shutil.which("mpiexec")
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")

START = """
import os, signal, sys
import numpy as np
import fastgd as gd
from mpi4py import MPI
comm = MPI.COMM_WORLD
X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(*gd.distributed.split(X, y, comm=comm), l2=0.01, fit_intercept=True)

def tell(line):  # at once, so that no other rank speaks in between
    os.write(1, (line + chr(10)).encode())
"""


def mpi(size, *command, cwd=None):
    """What `size` ranks of that command print, all together, and their exit code."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(gd.__file__).parents[1]), *sys.path[1:]]),
    }  # fmt: skip
    done = subprocess.run(
        [MPIEXEC, "-n", str(size), *command], env=environment, cwd=cwd, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def script(size, code, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(START + code, encoding="utf-8")
    return mpi(size, sys.executable, str(file), cwd=tmp_path)


BITS = """
for setting in (
    dict(optimizer=gd.Adam(0.01), batch_size=32, steps=10),
    dict(optimizer=gd.SGD("1/beta"), steps=5, n_threads=2),
    dict(optimizer=gd.SGD(0.01), batch_size=1, steps=10, callbacks=[gd.callbacks.WallTime(99)]),
):
    r = gd.minimize(f, comm=comm, seed=0, **setting)
    if comm.rank == 0:
        tell(f"bits {r.theta.tobytes().hex()} {r.history['loss'].tobytes().hex()}")
"""


def test_the_same_bits_on_one_to_four_ranks(tmp_path):
    found = {}
    for size in (1, 2, 3, 4):
        code, text = script(size, BITS, tmp_path)
        assert code == 0, text
        found[size] = [line for line in text.splitlines() if line.startswith("bits")]
        assert len(found[size]) == 3
    assert found[1] == found[2] == found[3] == found[4]


def test_local_sgd_and_a_checkpoint(tmp_path):
    code, text = script(
        2,
        """
r = gd.minimize(f, gd.SGD(0.01), batch_size=8, steps=40, seed=0, sync_every=10, comm=comm)
stop = [lambda progress: progress.step == 20]
half = gd.minimize(f, gd.SGD(0.01), steps=40, record_every=10, callbacks=stop, comm=comm,
                   checkpoint="run.npz")
full = gd.resume("run.npz", f, comm=comm)
whole = gd.minimize(f, gd.SGD(0.01), steps=40, record_every=10, comm=comm)
assert half.steps == 20 and np.array_equal(full.theta, whole.theta)
tell(f"loss {r.loss} {r.history['loss'][0]}")
""",
        tmp_path,
    )
    assert code == 0, text
    lines = {line for line in text.splitlines() if line.startswith("loss")}
    assert len(lines) == 1
    last, first = map(float, lines.pop().split()[1:])
    assert last < first
    assert (tmp_path / "run.npz").exists()


def test_fit_from_the_shell(tmp_path):
    fit = [sys.executable, "-m", "fastgd", "fit", "penguins", "--epochs", "3"]
    code, alone = mpi(1, *fit, cwd=tmp_path)
    assert code == 0, alone
    code, text = mpi(2, *fit, "--out", "model.npz", cwd=tmp_path)
    assert code == 0, text
    # Rank 0 speaks for all.
    (loss,) = [line for line in text.splitlines() if line.startswith("train loss")]
    assert loss in alone.splitlines()
    assert gd.load_model(tmp_path / "model.npz").classes == ("Adelie", "Chinstrap", "Gentoo")


def test_an_error_from_the_shell_is_one_line(tmp_path):
    fit = [sys.executable, "-m", "fastgd", "fit", "nothing.csv"]
    code, text = mpi(2, *fit, cwd=tmp_path)
    assert code == 2
    assert text.count("nothing.csv") == 1, text


def test_a_rank_with_other_data_is_refused_before_the_first_step(tmp_path):
    code, text = script(
        2,
        """
if comm.rank == 1:
    f = gd.LogisticRegression(f.X.astype(np.float32), f.y, l2=0.01, fit_intercept=True)
try:
    gd.minimize(f, gd.SGD(0.1), steps=3, comm=comm)
except ValueError as error:
    tell(f"refused: {error}")
""",
        tmp_path,
    )
    assert code == 0
    assert "refused: rank 1 of 2: the dtype of X is float32 here, but float64 on rank 0" in text
    assert text.count("refused: ") == 2


def test_an_exception_of_one_rank_ends_all(tmp_path):
    for where in ("minimize", "later"):
        code, text = script(
            2,
            f"""
calls = []
def gradient(theta, indices):
    calls.append(0)
    if comm.rank == 1 and len(calls) > 50:
        raise ZeroDivisionError("no such luck")
    return theta
g = gd.Function(lambda theta, i: 0.0, gradient, 2, n_samples=10)
if {where == "later"} and comm.rank == 1:
    raise KeyError("elsewhere")
gd.minimize(g, gd.SGD(0.1), steps=10**9, batch_size=5, seed=0, record_every=0, comm=comm)
""",
            tmp_path,
        )
        assert code != 0
        if where == "minimize":
            assert "no such luck" in text and "rank 1 of 2" in text, text
        else:
            assert "KeyError: 'elsewhere'" in text
            assert "fastgd: rank 1 of 2 ended by KeyError, and with it all ranks" in text


def test_an_exception_before_the_ranks_have_met_ends_all_too(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(
        """
from mpi4py import MPI
import numpy as np
import fastgd as gd
rank = MPI.COMM_WORLD.rank
f = gd.LeastSquares([[1.0], [np.nan if rank == 1 else 2.0]], [1.0, 2.0])
gd.minimize(f, gd.SGD(0.1), steps=3, comm=MPI.COMM_WORLD)
""",
        encoding="utf-8",
    )
    code, text = mpi(2, sys.executable, str(file), cwd=tmp_path)
    assert code != 0
    assert "ValueError: X" in text
    assert "fastgd: rank 1 of 2 ended by ValueError, and with it all ranks" in text


def test_a_rank_that_is_killed_ends_all(tmp_path):
    code, text = script(
        2,
        """
def gradient(theta, indices):
    if comm.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return theta
g = gd.Function(lambda theta, i: 0.0, gradient, 2, n_samples=10)
gd.minimize(g, gd.SGD(0.1), steps=10**9, batch_size=5, seed=0, record_every=0, comm=comm)
""",
        tmp_path,
    )
    assert code != 0
    assert "killed" in text.lower() or "signal 9" in text
    # Whoever started the ranks names the process, and fastgd has said which rank that is.
    (line,) = [line for line in text.splitlines() if line.startswith("fastgd: processes of 2")]
    process = line.split("rank 1 is ")[1].split()[0]
    assert f"PID {process} " in text, text


def test_the_example_of_data_that_no_rank_has_room_for(tmp_path):
    example = Path(__file__).parents[1] / "examples" / "larger_than_one.py"
    if not example.exists() or not Path("/proc/self/statm").exists():
        pytest.skip("the example is not here, or the system does not say what a process uses")
    command = [sys.executable, str(example), "--rows", "200000"]
    code, text = mpi(2, *command, cwd=tmp_path)
    assert code == 0, text
    assert "X              80 MB, which does not fit in (Cannot allocate memory)" in text
    assert "reached 60 steps" in text and "loss 0.115" in text
    code, text = mpi(1, *command, cwd=tmp_path)
    assert code != 0 and "Cannot allocate memory" in text

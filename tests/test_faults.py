# What can go wrong around a run: forks, exceptions, too little memory, very many runs. The end is
# clear, no object stays in use, and nothing is left behind. Signals are in test_interrupts.py.
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import fastgd as gd

POSIX = pytest.mark.skipif(os.name != "posix", reason="fork and limits as POSIX has them")


def logistic(n=2000, d=5):
    X = np.random.default_rng(0).standard_normal((n, d))
    return gd.LogisticRegression(X, X[:, 0] > 0, l2=0.01)


def theta_of(f):
    return gd.minimize(f, gd.Adam(0.1), steps=20, n_threads=3, seed=0).theta


def in_child(work):
    """The exit code of a forked process: 0 where work() is true."""
    with warnings.catch_warnings():
        # Of forks beside threads: Python's, and that of jax, where another test has imported it.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        process = os.fork()
    if process == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@POSIX
def test_a_fork_after_threads_runs_with_threads_again():
    f = logistic()
    expected = theta_of(f)
    assert in_child(lambda: np.array_equal(theta_of(f), expected)) == 0
    assert np.array_equal(theta_of(f), expected)


@POSIX
def test_a_fork_beside_a_run_in_another_thread():
    f, over, begun = logistic(), threading.Event(), threading.Event()
    expected = theta_of(f)

    def look(progress):
        begun.set()
        return over.is_set()

    options = {"steps": 10**9, "record_every": 10, "callbacks": [look]}
    thread = threading.Thread(target=lambda: gd.minimize(f, gd.SGD(0.1), **options))
    thread.start()
    try:
        begun.wait()
        codes = [in_child(lambda: np.array_equal(theta_of(f), expected)) for _ in range(3)]
    finally:
        over.set()
        thread.join()
    assert codes == [0, 0, 0]


@pytest.mark.parametrize("where", ["callback", "value", "gradient", "schedule"])
def test_an_exception_of_the_users_leaves_nothing_in_use(where):
    class Mine(Exception):
        pass

    calls = []

    def fail(place):
        calls.append(place)
        if armed and place == where and (calls.count(place) == 3 or place == "schedule"):
            raise Mine

    def schedule(t, total):
        fail("schedule")
        return np.full(np.shape(t), 0.1)

    def value(theta):
        fail("value")
        return float(theta @ theta)

    def gradient(theta):
        fail("gradient")
        return 2.0 * theta

    f = gd.Function(value, gradient, n_params=3)
    rule = gd.SGD(gd.schedules.custom(schedule))

    def run():
        calls.clear()
        look = lambda progress: fail("callback")  # noqa: E731
        options = {"steps": 12, "record_every": 1, "callbacks": [look]}
        return gd.minimize(f, rule, np.ones(3), **options).theta

    armed = False
    expected = run()
    armed = True
    with pytest.raises(Mine):
        run()
    armed = False
    assert np.array_equal(run(), expected)


@POSIX
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is kept by Linux only")
def test_too_little_memory_is_a_clear_end():
    code = (
        "import resource, numpy as np, fastgd as gd\n"
        "X = np.ones((4_000_000, 10), dtype=np.uint8); y = X[:, 0] * 1.0\n"
        "X[::2] = 2\n"
        "small = gd.LeastSquares(X[:100].astype(float), y[:100])\n"
        "gd.minimize(small, gd.Adam(0.1), steps=3)\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + 100_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try: gd.LeastSquares(X, y)\n"
        "except MemoryError: print('clear')\n"
        "f = gd.Function(lambda u: u @ u, lambda u: 2 * u, n_params=10_000_000)\n"
        "try: gd.minimize(f, gd.Adam(0.1), np.ones(10_000_000), steps=3)\n"
        "except MemoryError: print('clear')\n"
        "print(gd.minimize(small, gd.Adam(0.1), steps=3).steps)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("clear\nclear\n3\n", "")


# In a process of its own: what the tests before it have left would grow and shrink beside it.
LEAKS = """
import gc, os, sys
import numpy as np
import fastgd as gd

X = np.random.default_rng(0).standard_normal((40, 3))
f = gd.LogisticRegression(X, X[:, 0] > 0)

def runs(count):
    for i in range(count):
        rule = gd.Adam(0.1) if i % 2 else gd.SGD(0.1)
        gd.minimize(f, rule, batch_size=1 + i % 4, steps=3, seed=i)
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), len(gc.get_objects())

before, objects = runs(500)
after, left = runs(int(sys.argv[1]))
print(after - before, left - objects)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("count", [3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_runs_leave_nothing_behind(count):
    done = subprocess.run(
        [sys.executable, "-c", LEAKS, str(count)], capture_output=True, text=True, check=True
    )
    grown, objects = map(int, done.stdout.split())
    assert grown < 1_000_000 and objects < 500

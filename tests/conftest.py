# Says in the first lines of a test run which build of fastgd is under test; settings for all tests.
import importlib.util
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test asserts a time, and machines are slow at times.
settings.register_profile("fastgd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fastgd")

# A shell starts what it puts into the background deaf to Ctrl-C, and so are its children.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    import fastgd

    return f"fastgd: {Path(fastgd.__file__).parent}"


@pytest.fixture(scope="module")
def keras():
    """keras in float64, over jax, or torch where there is no jax: a process has one backend."""
    backend = next(filter(importlib.util.find_spec, ("jax", "torch")), None)
    if backend is not None:
        os.environ.setdefault("KERAS_BACKEND", backend)
    keras = pytest.importorskip("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    if keras.backend.backend() != "jax":
        yield keras
    else:
        import jax

        wide = jax.config.jax_enable_x64
        jax.config.update("jax_enable_x64", True)
        yield keras
        jax.config.update("jax_enable_x64", wide)
    keras.config.set_floatx(before)

# Says in the first lines of a test run which build of fastgd is under test; settings for all tests.
import signal
from pathlib import Path

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

# Says in the first lines of a test run which build of fastgd is under test; settings for all tests.
from pathlib import Path

from hypothesis import HealthCheck, settings

# No test asserts a time, and machines are slow at times.
settings.register_profile("fastgd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fastgd")


def pytest_report_header() -> str:
    import fastgd

    return f"fastgd: {Path(fastgd.__file__).parent}"

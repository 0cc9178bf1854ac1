# Says in the first lines of a test run which build of fastgd is under test.
from pathlib import Path


def pytest_report_header() -> str:
    import fastgd

    return f"fastgd: {Path(fastgd.__file__).parent}"

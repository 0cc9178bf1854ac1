# dispatch.h is the only C of the project: it compiles without a warning with dispatch, with
# each fall-back forced, and as strict C99, and it gives the same numbers each time.
import shutil
import subprocess
from importlib import resources

import pytest

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

PROGRAM = """
#ifdef AS_MSVC
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#undef __GNUC__
#endif
#include "dispatch.h"
#include <stdio.h>

static FASTGD_KERNEL_VOID halve(double *x, int n)
{
    for (int i = 0; i < n; i++) {
        FASTGD_PREFETCH(x + i);
        x[i] *= 0.5;
    }
}

int main(void)
{
    double x[5] = {1, 2, -4, 0, 1e300};
    halve(x, 5);
    for (int i = 0; i < 5; i++) {
        printf("%.17g %d\\n", x[i], fastgd_from_bits(fastgd_bits(x[i])) == x[i]);
    }
    printf("%llx\\n", (unsigned long long)fastgd_bits(-0.0));
    return 0;
}
"""


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["-std=c99", "-pedantic"],
        ["-std=c11", "-pedantic"],
        ["-DFASTGD_SIMD_BASELINE"],  # FASTGD_SIMD=baseline
        ["-U__gnu_linux__"],  # macOS and others
        ["-U__gnu_linux__", "-std=c99", "-pedantic"],
        ["-DAS_MSVC"],  # neither attributes nor builtins
    ],
    ids=lambda flags: " ".join(flags) or "default",
)
def test_header_compiles_without_warnings(tmp_path, flags):
    folder = resources.files("fastgd.core")
    (tmp_path / "program.c").write_text(PROGRAM)
    strict = ["-Wall", "-Wextra", "-Werror", "-O2", "-g0"]
    build = ["gcc", *strict, *flags, f"-I{folder}", "program.c", "-o", "program"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    output = subprocess.run(tmp_path / "program", capture_output=True, text=True, check=True).stdout
    assert output.split("\n") == [
        "0.5 1",
        "1 1",
        "-2 1",
        "0 1",
        "5.0000000000000003e+299 1",
        "8000000000000000",
        "",
    ]

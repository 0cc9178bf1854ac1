# Builds the compiled core: one extension for each .pyx of fastgd/core, all with the same
# flags and directives. Everything else about the package stands in pyproject.toml.
import os
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

MSVC = sys.platform == "win32"

# -fno-math-errno lets sqrt become SIMD (Adam is 4 times slower without it), and
# -fno-trapping-math lets a select become a blend. Neither changes a result. Never -ffast-math:
# NaN and Inf keep their meaning, and sums keep the order in which the source has them.
COMPILE_ARGS = ["/O2"] if MSVC else ["-O3", "-fno-math-errno", "-fno-trapping-math"]

macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
if os.environ.get("FASTGD_SIMD") == "baseline":
    macros.append(("FASTGD_SIMD_BASELINE", "1"))

debug = os.environ.get("FASTGD_DEBUG") == "1"  # bounds checks on, for the test suite only
directives = {
    "language_level": 3,
    "boundscheck": debug,
    "wraparound": False,
    "initializedcheck": debug,
    "nonecheck": debug,
    "cdivision": True,
    "embedsignature": True,
}


def extension(path: Path) -> Extension:
    # The bit generators' bounded integers live in a static library that NumPy ships.
    draws = path.stem == "sampling"
    return Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=[np.get_include(), "fastgd/core"],
        define_macros=macros,
        extra_compile_args=COMPILE_ARGS,
        libraries=["npyrandom"] if draws else [],
        library_dirs=[os.path.join(os.path.dirname(np.__file__), "random", "lib")] if draws else [],
        depends=["fastgd/core/dispatch.h"],
    )


setup(
    ext_modules=cythonize(
        [extension(path) for path in sorted(Path("fastgd/core").glob("*.pyx"))],
        compiler_directives=directives,
        annotate=os.environ.get("FASTGD_ANNOTATE") == "1",
        build_dir=os.environ.get("FASTGD_BUILD_DIR", "build/cython"),
        nthreads=0,
    )
)

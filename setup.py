# Builds the compiled core: one extension for each .pyx of fastgd/core, all with the same
# flags and directives. Everything else about the package stands in pyproject.toml.
#
# Three environment variables choose a variant, each with a build folder of its own:
#   FASTGD_SIMD=baseline   kernels without run-time dispatch, as on musl, macOS and Windows
#   FASTGD_FUSED=1         products and sums may be fused: up to 5 % faster, other bits on each SIMD
#                          level; for measuring
#   FASTGD_DEBUG=1         bounds checks on and little optimization, for the test suite only
#   FASTGD_LEVEL=0         how much the compiler optimizes, 0 to 3: for builds that serve one run
import os
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

BASELINE = os.environ.get("FASTGD_SIMD") == "baseline"
DEBUG = os.environ.get("FASTGD_DEBUG") == "1"
FUSED = os.environ.get("FASTGD_FUSED") == "1"
LEVEL = os.environ.get("FASTGD_LEVEL", "1" if DEBUG else "3")
VARIANTS = {"baseline": BASELINE, "debug": DEBUG, "fused": FUSED}
BUILD = "-".join(["build/core", *(name for name, chosen in VARIANTS.items() if chosen)])

# -fno-math-errno lets sqrt become SIMD (Adam is 4 times slower without it), and
# -fno-trapping-math lets a select become a blend. Neither changes a result. Never -ffast-math:
# NaN and Inf keep their meaning, and sums keep the order in which the source has them.
if sys.platform == "win32":
    COMPILE_ARGS = ["/O2"]
else:
    COMPILE_ARGS = [f"-O{LEVEL}", "-fno-math-errno", "-fno-trapping-math"]
    # A remark on how vectors are passed to functions: ours are all inlined.
    COMPILE_ARGS.append("-Wno-psabi")
    # A fused a * b + c is rounded once. Where a machine has it and another has not, the same run
    # would give other bits (docs/reliability.md has what this costs).
    COMPILE_ARGS.append(f"-ffp-contract={'fast' if FUSED else 'off'}")

MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
# What a kernel is made of goes into each of its copies, or it would run without their instructions:
# gcc leaves out what is large and used twice (exp of a loss).
if sys.platform == "linux":
    MACROS.append(("CYTHON_INLINE", "inline __attribute__((always_inline, unused))"))
if BASELINE:
    MACROS.append(("FASTGD_SIMD_BASELINE", "1"))

# The only place for directives: Cython ignores a misspelt one in a source file without a word.
# No module leans on the GIL: what a run writes into has one user at a time (core/claim.pxd), a bit
# generator has its lock, the threads of a gradient meet in atomic numbers, and nothing else is
# written after it was made. Functions carry their signatures, for help() and editors; what Cython
# lets a class carry is no signature for `inspect`, so the docstrings of classes begin with one.
DIRECTIVES = {
    "language_level": 3,
    "embedsignature": True,
    "embedsignature.format": "clinic",
    "freethreading_compatible": True,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
}


# What Cython generates for memoryviews, 20,000 lines of C, is compiled once, and not in each module
# that has one.
SHARED = "fastgd.core.memoryviews"


def extension(path: Path) -> Extension:
    # The bit generators' bounded integers live in a static library that NumPy ships.
    draws = path.stem == "sampling"
    return Extension(
        ".".join(path.with_suffix("").parts),
        [path.as_posix()],
        include_dirs=[np.get_include(), "fastgd/core"],
        define_macros=MACROS,
        extra_compile_args=COMPILE_ARGS,
        libraries=["npyrandom"] if draws else [],
        library_dirs=[os.path.join(os.path.dirname(np.__file__), "random", "lib")] if draws else [],
        depends=["fastgd/core/dispatch.h"],
    )


if __name__ == "__main__":
    setup(
        ext_modules=cythonize(
            [
                *[extension(path) for path in sorted(Path("fastgd/core").glob("*.pyx"))],
                Extension(SHARED, [], define_macros=MACROS[:1], extra_compile_args=COMPILE_ARGS),
            ],
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name=SHARED,
            annotate=os.environ.get("FASTGD_ANNOTATE") == "1",
            build_dir=f"{BUILD}/cython",
        ),
        options={
            "build": {"build_base": BUILD},
            "build_ext": {"parallel": min(os.cpu_count() or 1, 4)},
        },
    )

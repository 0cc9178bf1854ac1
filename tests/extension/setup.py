# Builds rosenbrock.pyx and cauchy.pyx against an installed fastgd, as a package of one's own would.
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

import fastgd

setup(
    name="extension",
    ext_modules=cythonize(
        [
            Extension(name, [f"{name}.pyx"], include_dirs=[fastgd.get_include(), np.get_include()])
            for name in ("rosenbrock", "cauchy")
        ],
        # Where `cimport fastgd` looks; needed only beside an editable install of fastgd.
        include_path=[str(Path(fastgd.__file__).parents[1])],
        language_level=3,
    ),
)

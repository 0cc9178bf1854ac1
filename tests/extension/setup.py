# Builds rosenbrock.pyx against an installed fastgd, as a package of one's own would.
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

import fastgd

setup(
    name="rosenbrock",
    ext_modules=cythonize(
        [Extension("rosenbrock", ["rosenbrock.pyx"], include_dirs=[fastgd.get_include()])],
        # Where `cimport fastgd` looks; needed only beside an editable install of fastgd.
        include_path=[str(Path(fastgd.__file__).parents[1])],
        language_level=3,
    ),
)

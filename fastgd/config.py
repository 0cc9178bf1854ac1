"""What a bug report needs: versions, compiler, SIMD level, BLAS, threads."""

import os
import platform
import sys
from typing import Any

import numpy as np

__all__ = ["show_config"]


def show_config() -> dict[str, Any]:
    """Print and return how this fastgd was built and what it runs on.

    Returns
    -------
    dict
        The printed lines: versions of fastgd, Python, NumPy and SciPy, platform, cores, compiler,
        SIMD level in use, and NumPy's BLAS, with its threads where threadpoolctl is installed.

    Examples
    --------
    >>> config = gd.show_config()  # doctest: +ELLIPSIS
    fastgd    ...
    >>> sorted(config)[:3]
    ['BLAS', 'NumPy', 'Python']
    """
    import scipy

    import fastgd
    from fastgd.core import build

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    config: dict[str, Any] = {
        "fastgd": fastgd.__version__,
        "Python": sys.version.split()[0],
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "compiler": build.compiler(),
        "SIMD": build.simd_level(),
        "BLAS": f"{blas['name']} {blas['version']}{_blas_threads()}",
    }
    for name, value in config.items():
        print(f"{name:<9} {value}")
    return config


def _blas_threads() -> str:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ""
    counts = sorted({pool["num_threads"] for pool in threadpool_info()})
    return f", threads {'/'.join(map(str, counts))}"

"""Estimators for scikit-learn, fitted by fastgd: needs ``pip install "fastgd[sklearn]"``.

`SGDClassifier` and `SGDRegressor`, `MLPClassifier` and `MLPRegressor` are scikit-learn's, with the
loop of their fit replaced. `GDClassifier` and `GDRegressor` need no rate: they choose how to reach
the minimum. scikit-learn is imported in this folder only.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:  # pragma: no cover
    raise ImportError('fastgd.sklearn needs scikit-learn: pip install "fastgd[sklearn]"') from error

from fastgd.sklearn.classifier import SGDClassifier
from fastgd.sklearn.gd import GDClassifier, GDRegressor
from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
from fastgd.sklearn.regressor import SGDRegressor

__all__ = [
    "GDClassifier", "GDRegressor", "MLPClassifier", "MLPRegressor", "SGDClassifier",
    "SGDRegressor",
]  # fmt: skip

# What every doctest finds: the names under which the documentation imports fastgd and NumPy.
import pytest


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace: dict[str, object]) -> None:
    import numpy as np

    import fastgd as gd

    doctest_namespace.update(gd=gd, np=np)

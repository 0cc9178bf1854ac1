"""S5: logistic regression on CSR rows, plain SGD with l2, one epoch, fit call included."""

from __future__ import annotations

from collections.abc import Iterator

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, Missing, peer

LR, L2 = 0.1, 1e-5


def _ours(X, y, units, rule=None, l2=L2):
    rule = rule or gd.SGD(lr=LR)

    try:
        gd.LogisticRegression(X[:10], y[:10])
    except (TypeError, ValueError) as error:
        raise Missing("it takes no CSR data yet") from error

    def run():
        f = gd.LogisticRegression(X, y, l2=l2)
        return gd.minimize(f, rule, batch_size=1, epochs=1, seed=0, record_every=0).theta

    return run


def cases(quick: bool) -> Iterator[Case]:
    for name, target in (("a9a", 3.5), ("news20", 2.2), ("imdb", 2.2)):
        try:
            X, y = data.sparse(name)
        except Missing as reason:
            print(f"S5 {name}: skipped, {reason}")
            continue
        arguments = (X, y, LR, L2)
        yield Case(
            "S5",
            f"{name} {X.shape[0]}×{X.shape[1]}, {X.nnz / X.shape[0]:.0f} non-zeros a row",
            {
                "fastgd": Contender(lambda units, X=X, y=y: _ours(X, y, units), len(y)),
                "scikit-learn SGDClassifier": Contender(
                    lambda units, a=arguments: peer("scikit_learn").sgd_epoch(*a, units), len(y)
                ),
                "Vowpal Wabbit": Contender(
                    lambda units, a=arguments: peer("vowpal_wabbit").sgd_epoch_csr(*a, units), 5000
                ),
                "numba": Contender(
                    lambda units, a=arguments: peer("numba_loops").sgd_epoch_csr(*a, units), len(y)
                ),
                "fastgd, AdaGrad": Contender(
                    lambda units, X=X, y=y: _ours(X, y, units, gd.AdaGrad(lr=LR), 0.0), len(y)
                ),
            },
            unit="sample",
            bytes=(X.data.itemsize + X.indices.itemsize) * X.nnz / X.shape[0],
            targets={"scikit-learn SGDClassifier": target, "Vowpal Wabbit": 1, "numba": 1},
        )

"""Vowpal Wabbit through its Python package: one learn() a row, on examples parsed beforehand."""

from __future__ import annotations

from vowpalwabbit import pyvw


def sgd_epoch_csr(X, y, lr, l2, units):
    """One epoch of plain SGD, in the order of the rows. Parsing is not counted."""
    workspace = pyvw.Workspace(
        f"--quiet --loss_function logistic --sgd -l {lr} --power_t 0 --l2 {l2} --noconstant -b 18"
    )
    examples = []
    for i in range(units):
        row = slice(X.indptr[i], X.indptr[i + 1])
        pairs = zip(X.indices[row], X.data[row], strict=True)
        features = " ".join(f"{j}:{value:.17g}" for j, value in pairs)
        examples.append(workspace.example(f"{2 * int(y[i]) - 1} | {features}"))

    def run():
        for example in examples:
            workspace.learn(example)

    return run

"""A solver of benchopt: copy it into the folder solvers/ of benchmark_logreg_l2 or benchmark_ridge.

    benchopt run benchmark_logreg_l2 -s fastgd -s sklearn -d simulated

Theirs are sums, Σ log(1 + exp(-y x'w)) + λ/2 ‖w‖² and ½ ‖y - Xw - b‖² + λ/2 ‖w‖²; ours is a mean,
so λ becomes λ/n, and 2λ/n with a square without its half. README.md has what came out.
"""

import numpy as np
from benchopt import BaseSolver

import fastgd as gd


class Solver(BaseSolver):
    name = "fastgd"
    install_cmd = "conda"
    requirements = ["pip::fastgd"]
    references = ["Defazio, Bach and Lacoste-Julien 2014, SAGA"]
    # "saga" is one pass over the rows an epoch, "auto" chooses by the objective.
    parameters = {"method": ["saga", "auto"]}
    sampling_strategy = "iteration"

    def set_objective(self, X, y, lmbd, fit_intercept=None):
        n = X.shape[0]
        if fit_intercept is None:  # benchmark_logreg_l2 has none
            labels = (y > 0).astype(np.int64)
            self.objective = gd.LogisticRegression(X, labels, l2=lmbd / n)
        else:
            y = np.asarray(y, dtype=np.float64)
            self.objective = gd.LeastSquares(
                X, y, l2=2.0 * lmbd / n, fit_intercept=bool(fit_intercept)
            )

    def run(self, n_iter):
        if n_iter == 0:
            self.w = np.zeros(self.objective.n_params)
        elif self.method == "auto":
            self.w = gd.minimize(self.objective, "auto", tol=10.0 ** -min(n_iter, 14)).theta
        else:
            self.w = gd.minimize(
                self.objective, gd.SAGA(), batch_size=1, epochs=n_iter, seed=0, record_every=0
            ).theta

    def get_result(self):
        return {"beta": self.w}  # with the intercept at its end, as theirs

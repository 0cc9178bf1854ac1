"""Every optimizer as an algorithm of optimagic: ``om.minimize(fun, params, gd.optimagic.Adam())``.

An algorithm is made for each optimizer of the registry, under its name and with its fields.
optimagic is imported here only: pip install "fastgd[optimagic]".
"""

import dataclasses
import keyword
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optimagic import mark
from optimagic.optimization.algorithm import Algorithm, InternalOptimizeResult
from optimagic.typing import AggregationLevel

from fastgd import optimizers
from fastgd.callbacks import Progress, Stop
from fastgd.descent import minimize
from fastgd.objectives import Function
from fastgd.optimizers import Optimizer
from fastgd.penalties import Box

__all__: list[str] = []


@dataclass(frozen=True)
class _FastGD(Algorithm):
    """What all of them are: a run, ended by the gradient or by its length."""

    convergence_gtol_abs: float = 1e-5
    stopping_maxiter: int = 10_000

    def _optimizer(self) -> Optimizer:
        raise NotImplementedError

    def _solve_internal_problem(self, problem: Any, x0: Any) -> InternalOptimizeResult:
        low, high = problem.bounds.lower, problem.bounds.upper
        low = np.full(len(x0), -np.inf) if low is None else np.asarray(low, dtype=np.float64)
        high = np.full(len(x0), np.inf) if high is None else np.asarray(high, dtype=np.float64)
        bounded = bool(np.isfinite(low).any() or np.isfinite(high).any())
        objective = Function(
            value_and_gradient=problem.fun_and_jac,
            n_params=len(x0),
            penalty=Box(low, high) if bounded else None,
        )

        def converged(progress: Progress) -> Stop | None:
            x = progress.theta
            gradient = np.asarray(problem.jac(x)) if bounded else None
            rest = progress.grad_norm
            if gradient is not None:
                rest = float(np.linalg.norm(x - np.clip(x - gradient, low, high)))
            if rest <= self.convergence_gtol_abs:
                return Stop(f"gradient norm {rest:.3g}", converged=True)
            return None

        found = minimize(
            objective,
            self._optimizer(),
            np.asarray(x0, dtype=np.float64),
            steps=self.stopping_maxiter,
            record_every=1,
            callbacks=[converged],
            on_interrupt="raise",
        )
        return InternalOptimizeResult(
            x=found.theta,
            fun=found.loss,
            success=found.converged,
            message=found.message,
            n_iterations=found.steps,
        )


def _algorithm(kind: type[Optimizer]) -> type[_FastGD]:
    defaults = kind.hyperparameters()
    names = {name: f"{name}_" if keyword.iskeyword(name) else name for name in defaults}

    def optimizer(self: Any) -> Optimizer:
        return kind.make(**{name: getattr(self, known) for name, known in names.items()})

    fields: list[Any] = [
        (known, Any, field(default=defaults[name])) for name, known in names.items()
    ]
    made = dataclasses.make_dataclass(
        kind.__name__, fields, bases=(_FastGD,), frozen=True,
        namespace={"_optimizer": optimizer, "__module__": __name__,
                   "__doc__": f"`fastgd.{kind.__name__}` as an algorithm of optimagic."},
    )  # fmt: skip
    marked: type[_FastGD] = mark.minimizer(
        name=f"fastgd_{kind.__name__.lower()}",
        solver_type=AggregationLevel.SCALAR,
        is_available=True,
        is_global=False,
        needs_jac=True,
        needs_hess=False,
        needs_bounds=False,
        supports_parallelism=False,
        supports_bounds=True,
        supports_infinite_bounds=True,
        supports_linear_constraints=False,
        supports_nonlinear_constraints=False,
        disable_history=False,
    )(made)
    return marked


for _kind in optimizers.registry.values():
    globals()[_kind.__name__] = _algorithm(_kind)
    __all__.append(_kind.__name__)

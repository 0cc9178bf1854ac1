"""Every optimizer as a method of scipy.optimize.minimize: ``method=gd.Adam(lr=0.1)``.

SciPy calls an optimizer with the function, its gradient and the options; here that becomes a run,
and its result an OptimizeResult. What SciPy's own methods would do in silence is said or refused.
"""

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks import Progress, Stop
from fastgd.checks import as_count, as_penalty
from fastgd.objectives import Function
from fastgd.optimizers import Optimizer
from fastgd.penalties import Box
from fastgd.run import Run

__all__ = ["minimize"]

Vector = NDArray[np.float64]

# The status of a result, by the kind of end that the run had.
STATUS = {"converged": 0, "finished": 1, "diverged": 2, "interrupted": 3, "stopped": 99}
STOPPED = Stop("`callback` raised `StopIteration`.")


def minimize(
    optimizer: Optimizer,
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    tol: float | None = None,
    maxiter: int = 10_000,
    record_every: int = 1,
    smoothness: float | None = None,
    disp: bool = False,
) -> Any:
    """A run of `optimizer` as ``scipy.optimize.minimize(fun, x0, method=optimizer)`` asks for it.

    Parameters
    ----------
    optimizer : Optimizer
        Any that takes the gradients of others: all but SAGA and SVRG.
    fun, x0, args, jac
        As for SciPy. Without a `jac` (also where it names a scheme: SciPy says neither) gradients
        are forward differences, which costs n + 1 values a step; the message says so.
    bounds : scipy.optimize.Bounds or sequence of (low, high), optional
        Kept by a projection after each step, in the metric of the optimizer.
    callback : callable, optional
        ``callback(x)``, or ``callback(intermediate_result)`` by that name, at each record but the
        first. StopIteration ends the run.
    tol : float, at least 0, default 1e-5
        The run has converged where no entry of the gradient is larger; with bounds, no entry of x -
        P(x - gradient), P being the projection. It is looked for at each record.
    maxiter : int, at least 1, default 10000
        Steps, which is also the length that schedules see.
    record_every : int, at least 1, default 1
        Steps between two records. A record costs nothing more where the next step asks for the
        gradient at the same place, which is remembered: so it is but for look-ahead methods.
    smoothness : float, optional
        β of the function, for ``lr="1/beta"``.
    disp : bool, default False
        Print the message.

    Returns
    -------
    scipy.optimize.OptimizeResult
        x, fun, jac, nit, nfev, njev, success, status, message, history (the records). The status is
        0 where the run has converged, 1 after maxiter steps, 2 where it diverged (x is then the
        last finite one), 3 after Ctrl-C, 99 where the callback ended it.

    Raises
    ------
    TypeError, ValueError
        Constraints, bounds that do not fit, an option that there is not.

    Examples
    --------
    >>> from scipy.optimize import minimize, rosen, rosen_der
    >>> r = minimize(rosen, [1.3, 0.7], jac=rosen_der, method=gd.Adam(lr=0.05), tol=1e-6)
    >>> r.success, r.x.round(4)
    (True, array([1., 1.]))
    """
    from scipy.optimize import OptimizeResult, OptimizeWarning

    if np.size(constraints):
        raise ValueError(f"{type(optimizer).__name__} takes bounds, but no other constraints")
    if hess is not None or hessp is not None:
        warnings.warn(f"{type(optimizer).__name__} does not use hess and hessp", RuntimeWarning,
                      stacklevel=3)  # fmt: skip
    x0 = np.atleast_1d(np.asarray(x0, dtype=np.float64))
    args = args if isinstance(args, tuple) else (args,)
    low, high = _limits(bounds, len(x0))
    start = np.clip(x0, low, high)
    if (start != x0).any():
        warnings.warn("x0 is outside the bounds, and is moved to them", OptimizeWarning,
                      stacklevel=3)  # fmt: skip
    function = _Remembered(fun, jac if callable(jac) else None, args, low, high)
    bounded = np.isfinite(low).any() or np.isfinite(high).any()
    objective = Function(
        function.value,
        function.gradient,
        len(x0),
        smoothness,
        penalty=Box(low, high) if bounded else None,
    )
    tol = as_penalty("tol", 1e-5 if tol is None else tol)

    def converged(progress: Progress) -> Stop | None:
        x = progress.theta
        gradient = function.gradient(x)
        rest = np.abs(x - np.clip(x - gradient, low, high)).max() if bounded else (
            np.abs(gradient).max())  # fmt: skip
        if rest <= tol:
            what = "projected gradient" if bounded else "gradient"
            return Stop(f"largest entry of the {what} {rest:.3g} <= {tol:g}", converged=True)
        return None

    watchers = [converged] if callback is None else [_asked(callback), converged]
    with Run(
        objective,
        optimizer,
        start,
        steps=as_count("maxiter", maxiter),
        record_every=as_count("record_every", record_every),
        callbacks=watchers,
        on_interrupt="raise",
    ) as run:
        found = run.advance().result()
        kind = run.stop.kind if run.stop is not None else "stopped"
    message = found.message
    if not callable(jac):
        message += " (gradients by forward differences)"
    if disp:
        print(message)
    return OptimizeResult(
        x=found.theta,
        fun=function.value(found.theta),
        jac=function.gradient(found.theta),
        nit=found.steps,
        nfev=function.nfev,
        njev=function.njev,
        success=found.converged,
        status=STATUS[kind],
        message=message,
        history=found.history,
    )


class _Remembered:
    """Value and gradient of a function of SciPy's kind, each known at the last place asked for."""

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | None,
        args: tuple[Any, ...],
        low: Vector,
        high: Vector,
    ) -> None:
        self.fun, self.jac, self.args = fun, jac, args
        self.low, self.high = low, high
        self.nfev = self.njev = 0
        self._valued: tuple[Any, float] = None, math.nan
        self._sloped: tuple[Any, Any] = None, None

    def value(self, x: Vector) -> float:
        if not np.array_equal(self._valued[0], x):
            kept = x.copy()
            self._valued = kept, self._ask(x)
        return self._valued[1]

    def gradient(self, x: Vector) -> Vector:
        if not np.array_equal(self._sloped[0], x):
            kept = x.copy()
            self.njev += 1
            if self.jac is None:
                gradient = self._differences(kept)
            else:
                given = np.asarray(self.jac(x, *self.args))
                # n values in any shape, as SciPy's own methods have it.
                gradient = given.reshape(-1) if given.size == len(kept) else given
            self._sloped = kept, gradient
        found: Vector = self._sloped[1]
        return found

    def _ask(self, x: Vector) -> float:
        self.nfev += 1
        answer = np.asarray(self.fun(x, *self.args))
        if answer.size != 1:
            raise ValueError(f"fun must return a number, not an array of shape {answer.shape}")
        return float(answer.reshape(()))

    def _differences(self, x: Vector) -> Vector:
        # Towards the inside, where the bound is nearer than the step.
        steps = np.sqrt(np.finfo(np.float64).eps) * np.maximum(1.0, np.abs(x))
        steps = np.where(x + steps > self.high, -steps, steps)
        here, gradient = self.value(x), np.empty(len(x))
        for j, step in enumerate(steps):
            there = x.copy()
            there[j] += step
            taken = there[j] - x[j]  # what the rounding has left of it
            gradient[j] = (self._ask(there) - here) / taken
        return gradient


def _limits(bounds: Any, n: int) -> tuple[Vector, Vector]:
    """The lower and the upper bound of each variable; infinite where there is none."""
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    if bounds is None:
        return low, high
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        given = bounds.lb, bounds.ub
    else:
        pairs: Sequence[Any] = list(bounds)
        if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"bounds must be {n} pairs (low, high), one for each variable")
        given = ([-np.inf if pair[0] is None else pair[0] for pair in pairs],
                 [np.inf if pair[1] is None else pair[1] for pair in pairs])  # fmt: skip
    low[:], high[:] = given
    if (low > high).any():
        j = int(np.argmax(low > high))
        raise ValueError(f"bounds: variable {j} has its low {low[j]} above its high {high[j]}")
    return low, high


def _asked(callback: Callable[..., Any]) -> Callable[[Progress], Stop | None]:
    from scipy.optimize import OptimizeResult

    by_name = set(inspect.signature(callback).parameters) == {"intermediate_result"}

    def ask(progress: Progress) -> Stop | None:
        if not progress.step:
            return None
        try:
            if by_name:
                callback(
                    intermediate_result=OptimizeResult(
                        x=progress.theta, fun=progress.loss, nit=progress.step
                    )
                )
            else:
                callback(progress.theta.copy())
        except StopIteration:
            return STOPPED
        return None

    return ask

"""Whole runs in one call: minimize, resume."""

from collections.abc import Iterable
from typing import Any

from fastgd import views
from fastgd.callbacks import Callback
from fastgd.history import Result
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.run import Run

__all__ = ["minimize", "resume"]


def minimize(
    objective: Objective,
    optimizer: Optimizer | str,
    theta0: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    seed: Any = None,
    sampling: str = "replacement",
    record_every: int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | str = False,
    n_threads: int = 1,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    checkpoint: Any = None,
    checkpoint_every: float = 60.0,
    on_interrupt: str = "return",
    tol: float | None = None,
    comm: Any = None,
    reproducible: bool | int = True,
    sync_every: int | None = None,
    stationarity: bool = False,
) -> Result:
    r"""Minimise an objective by gradient descent or one of its variants.

    .. math:: θ_{t+1} = θ_t - η_t \, d_t, \quad t = 0, \dots, T - 1,

    where the optimizer makes the direction d_t out of the mean gradient over the batch of step t.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer or "auto"
        "auto" chooses a way by what is known of the objective, runs it until `tol`, and says in the
        result's message which: an exact solution, Newton's method, L-BFGS, SAGA or FISTA. It takes
        theta0, seed and tol only.
    theta0 : (n_params,) array, optional
        Where to start, copied; by default ``objective.initial_point``, with the seed of the run
        where that is an int.
    batch_size : int in 1..n_samples, optional
        Observations a step. None takes the whole data set: plain gradient descent. 1 is SGD.
    steps, epochs : int, at least 1
        How long, one of the two. An epoch is ceil(n_samples / batch_size) steps.
    seed : int or numpy.random.Generator, optional
        The one source of randomness. An int makes the run repeatable, bit by bit.
    sampling : "replacement", "shuffle", "sequential" or "importance"
        Independent indices, ``default_rng(seed).integers(n, size=(steps, batch_size))``; or a new
        ``permutation(n)`` each epoch; or rows in their order. The last batch of an epoch of the
        latter two may be short, and is averaged over its own size. "importance", for linear models,
        draws row i with probability p_i = ``objective.importance()[i]`` and weighs it by
        1/(n p_i), so that a step's mean stays right while long rows disturb it less; its indices
        are ``np.searchsorted(c / c[-1], rng.random((steps, batch_size)), "right")``, c being
        ``np.cumsum(p)``.
    record_every : int, at least 0, optional
        Steps between two records of loss and gradient norm over the whole data. None: once an
        epoch, or about 100 times a run where there is no epoch. 0: never; the final loss is then
        computed when first asked for, so that a benchmark times the steps alone.
    callbacks : iterable of callables
        Each is called with a `callbacks.Progress` at every record and may end the run. The stop
        rules are `callbacks.GradientNorm`, `RelativeChange`, `TargetLoss` and `WallTime`.
    progress : bool or "log", default False
        Show a bar on the standard error stream; "log": a line every ten seconds, for a file.
    n_threads : int, at least 1, default 1
        Threads that share each gradient over more than 128 rows (4096 or more of sparse data).
        The result is the same, bit by bit, for any number; there are never more of them than parts
        of a gradient.
    clip_norm, clip_value : float, above 0, optional
        Bounds on the gradient of each step: first every entry is put into [-clip_value,
        clip_value], then the whole is made no longer than clip_norm (Pascanu, Mikolov and Bengio
        2013). Every step then forms its gradient, also where without them it need not.
    checkpoint : path, optional
        A file that is written every `checkpoint_every` seconds and at the end, for `resume`. It
        must not be there yet. The one before is kept beside it, under the name with ".before".
    checkpoint_every : float, at least 0, default 60
        In seconds.
    on_interrupt : "return" or "raise"
        What follows Ctrl-C: a result whose `interrupted` is True, or, once the run is in order and
        its checkpoint written, KeyboardInterrupt.
    tol : float, above 0, optional
        For "auto", 1e-6 by default: it ends with a proof that L(θ) - L* <= tol where it has one,
        and else where the gradient is no longer than tol (times that at the start, if it is above
        1).
    comm : communicator of mpi4py, optional
        Such as ``MPI.COMM_WORLD``: the objective holds this rank's rows, all ranks make the same
        call, and all get the same result. Or an object with ``rank``, ``size``,
        ``allreduce(numbers)`` and ``broadcast(numbers, root)``, in place on float64 vectors.
        Callbacks are asked, and files are written, on rank 0. See `distributed`.
    reproducible : bool or int, default True
        With comm: the rows of all ranks are cut into 12 parts, or as many as are given, and what
        they add to a gradient is added in their order, so that the bits are the same on 1, 2, 3, 4,
        6 and 12 ranks that hold whole parts. False: in any order, with the fewest bytes.
    sync_every : int, at least 1, optional
        With comm, local SGD: every rank takes its own steps, on batches of its own rows, and the
        ranks' θ are averaged after so many (by their numbers of rows). SAGA and SVRG run this way
        only: each rank keeps its table, and at each meeting finds the full gradient of all rows.
    stationarity : bool, default False
        Sum both sides of the fluctuation-dissipation relation (Yaida 2019) along the run, for
        `Result.stationarity` and as columns of the history. For SGD and Momentum, and an objective
        without a kink. Every step then forms its gradient, and costs two passes over θ more.

    Returns
    -------
    Result
        With the last finite θ, also when the run diverged or was interrupted by Ctrl-C. A run that
        ends at a loss above 1e15 max(1, \|L(θ_0)\|) has diverged, however finite its numbers.

    Raises
    ------
    TypeError, ValueError
        Arguments that make no sense, before any work starts.
    OSError
        The checkpoint is there already, or cannot be written, before any work starts.

    Notes
    -----
    Memory beyond the data: at most 8 vectors of n_params float64 and 3 for each vector of the
    optimizer's state (itself, a copy to go back to, and that of the result), so 14 for Adam; and a
    few thousand indices: O(n_params + batch_size), whatever n_samples and the number of steps. Only
    "shuffle" needs more: 16 n_samples bytes for the orders of two epochs, and in the result what is
    left of an epoch's order where the run ended within one.

    References
    ----------
    Bottou, Curtis and Nocedal 2018, Optimization Methods for Large-Scale Machine Learning.
    Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks.
    Needell, Srebro and Ward 2014, Stochastic Gradient Descent, Weighted Sampling, and the
    Randomized Kaczmarz algorithm: importance sampling.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> r = gd.minimize(f, gd.Adam(lr=0.01), batch_size=32, epochs=20, seed=0)
    >>> round(r.loss, 2), r.steps, r.message
    (0.1, 360, 'reached 360 steps')
    """
    if isinstance(optimizer, str):
        if optimizer != "auto":
            raise TypeError(f"optimizer must be an Optimizer or 'auto', not {optimizer!r}")
        if comm is not None:
            raise ValueError('"auto" runs on one machine: give an optimizer beside comm')
        given = (batch_size, steps, epochs, record_every, clip_norm, clip_value, checkpoint)
        if any(one is not None for one in given) or tuple(callbacks) or progress or stationarity:
            raise ValueError('"auto" takes theta0, seed and tol only: it chooses the rest')
        chosen: Result = views.view("auto")(objective, theta0, seed, 1e-6 if tol is None else tol)
        return chosen
    if tol is not None:
        raise ValueError('tol is for "auto": give a stop rule of gd.callbacks')
    with Run(
        objective, optimizer, theta0, batch_size, steps, epochs, seed, sampling, record_every,
        callbacks, progress, n_threads, clip_norm, clip_value, checkpoint, checkpoint_every,
        on_interrupt, comm, reproducible, sync_every, stationarity,
    ) as run:  # fmt: skip
        return run.advance()._last_result()


def resume(
    source: Any,
    objective: Objective | None = None,
    optimizer: Optimizer | None = None,
    record_every: int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool | str = False,
    n_threads: int = 1,
    checkpoint_every: float = 60.0,
    on_interrupt: str = "return",
    comm: Any = None,
    reproducible: bool | int = True,
) -> Result:
    """Go on with a run from its checkpoint, or from its result, to the same bits as one run.

    Parameters
    ----------
    source : path or Result
        The ``checkpoint`` of `minimize`, which is written on, or a file of `Run.save`; or a result
        of a run that was interrupted or stopped.
    objective : Objective
        That of the run, made anew; by default a result's own.
    optimizer : Optimizer, optional
        That of the run, where the file cannot hold it (``schedules.custom`` has a function).
    record_every : int, optional
        As for `minimize`; as before by default.
    callbacks, progress, n_threads, checkpoint_every, on_interrupt, comm, reproducible
        As for `minimize`; the number of ranks may be another. What callbacks remembered is given
        back to those of the same type.

    Returns
    -------
    Result
        Of the whole run: its history begins at step 0. A run that had ended is not taken further.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, or none of a run, or that of another objective or optimizer.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> look = lambda progress: progress.step == 4
    >>> part = gd.minimize(f, gd.SGD(lr=0.5), [1.0], steps=9, record_every=1, callbacks=[look])
    >>> whole = gd.resume(part)
    >>> part.steps, whole.steps, float(whole.theta[0])
    (4, 9, 0.001953125)
    """
    options = {
        "progress": progress, "n_threads": n_threads, "on_interrupt": on_interrupt,
        "checkpoint_every": checkpoint_every, "comm": comm, "reproducible": reproducible,
    }  # fmt: skip
    if isinstance(source, Result):
        run = Run._of_state(
            source.state, source.objective if objective is None else objective, optimizer,
            record_every, callbacks, options,
        )  # fmt: skip
    else:
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be that of the run, not {objective!r}")
        run = Run.load(
            source, objective, optimizer, record_every, callbacks, checkpoint=source, **options
        )
    with run:
        return run.advance()._last_result()

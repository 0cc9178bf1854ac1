"""Rates that fall: with the time, or over the run."""

from dataclasses import dataclass

import numpy as np

from fastgd.schedules.base import Schedule, Steps, Values, half_cosine

__all__ = [
    "bottou",
    "cosine",
    "exponential",
    "inverse_time",
    "invscaling",
    "linear",
    "polynomial",
    "power",
    "step",
]


@dataclass(frozen=True)
class inverse_time(Schedule):
    r"""Decay as one over the time.

    .. math:: η_t = \frac{η_0}{1 + k t}

    Satisfies the conditions of Robbins and Monro if :math:`η_0 > 0` and :math:`k > 0`.

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    rate : float >= 0
        k, per step: after 1/k steps the value has halved.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Robbins and Monro 1951, A stochastic approximation method.

    Examples
    --------
    >>> gd.schedules.inverse_time(lr=1.0, rate=1.0)(np.arange(4), 4)
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """

    lr: float
    rate: float

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("rate")

    @property
    def robbins_monro(self) -> bool:
        return self.lr > 0 and self.rate > 0

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr / (1.0 + self.rate * t)


@dataclass(frozen=True)
class power(Schedule):
    r"""Decay as a power of the time.

    .. math:: η_t = η_0 (1 + t)^{-p}

    Satisfies the conditions of Robbins and Monro if :math:`η_0 > 0` and :math:`1/2 < p <= 1`.

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    exponent : float >= 0
        p.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Robbins and Monro 1951, A stochastic approximation method; Polyak and Juditsky 1992,
    Acceleration of stochastic approximation by averaging, for 1/2 < p < 1.

    Examples
    --------
    >>> gd.schedules.power(lr=1.0, exponent=0.5)(np.array([0, 3, 8]), 9)
    array([1.        , 0.5       , 0.33333333])
    """

    lr: float
    exponent: float

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("exponent")

    @property
    def robbins_monro(self) -> bool:
        return self.lr > 0 and 0.5 < self.exponent <= 1.0

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * (1.0 + t) ** -self.exponent


@dataclass(frozen=True)
class invscaling(power):
    r"""`power` under the name, and with the exponent, of scikit-learn.

    .. math:: η_t = η_0 (1 + t)^{-p}

    Satisfies the conditions of Robbins and Monro if :math:`η_0 > 0` and :math:`1/2 < p <= 1`, so
    not with its default.

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0; scikit-learn's ``eta0``, whose t counts from 1.
    exponent : float >= 0, default 0.25
        p; scikit-learn's ``power_t``, which is 0.25 in its SGDRegressor and 0.5 in its networks.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Pedregosa et al. 2011, Scikit-learn: machine learning in Python.

    Examples
    --------
    >>> gd.schedules.invscaling(lr=1.0)(np.array([0, 15, 80]), 81)
    array([1.        , 0.5       , 0.33333333])
    """

    exponent: float = 0.25


@dataclass(frozen=True)
class bottou(Schedule):
    r"""The rate for a strongly convex loss: one over its curvature and the time.

    .. math:: η_t = \frac{1}{α (t_0 + t)}

    Satisfies the conditions of Robbins and Monro. It is ``inverse_time(1/(α t_0), 1/t_0)``.

    Parameters
    ----------
    alpha : float > 0
        α, a lower bound of the curvature: the factor l2 of a penalty l2/2 ‖w‖².
    t0 : float > 0
        :math:`t_0`, in steps, which sets the first rate, :math:`1/(α t_0)`.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    Notes
    -----
    scikit-learn's ``learning_rate="optimal"`` is this with the α of its penalty and a t_0 that it
    finds from α and the loss.

    References
    ----------
    Bottou 2012, Stochastic gradient descent tricks; Bottou 2010, Large-scale machine learning with
    stochastic gradient descent.

    Examples
    --------
    >>> gd.schedules.bottou(alpha=0.5, t0=4.0)(np.array([0, 4, 12]), 13)
    array([0.5  , 0.25 , 0.125])
    """

    alpha: float
    t0: float
    robbins_monro = True

    def __post_init__(self) -> None:
        self._check_real("alpha", above=True)
        self._check_real("t0", above=True)

    def values(self, t: Steps, total: int | None) -> Values:
        return 1.0 / (self.alpha * (self.t0 + t))


@dataclass(frozen=True)
class step(Schedule):
    r"""A drop by a factor every so many steps.

    .. math:: η_t = η_0 f^{⌊t/s⌋}

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value of the first s steps.
    factor : float > 0
        f; above 1 the schedule grows.
    every : int >= 1
        s, in steps.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Ge, Kakade, Kidambi and Netrapalli 2019, The step decay schedule: a near optimal,
    geometrically decaying learning rate procedure for least squares.

    Examples
    --------
    >>> gd.schedules.step(lr=1.0, factor=0.1, every=2)(np.arange(5), 5)
    array([1.  , 1.  , 0.1 , 0.1 , 0.01])
    """

    lr: float
    factor: float
    every: int
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("factor", above=True)
        self._check_integer("every")

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * self.factor ** (t // self.every).astype(np.float64)


@dataclass(frozen=True)
class exponential(Schedule):
    r"""Multiplication by a ratio at every step.

    .. math:: η_t = η_0 q^t

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    ratio : float > 0
        q; above 1 the schedule grows, as a learning-rate range test wants it.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Li, Zhuang and Orabona 2021, A second look at exponential and cosine step sizes.

    Examples
    --------
    >>> gd.schedules.exponential(lr=0.8, ratio=0.5)(np.arange(4), 4)
    array([0.8, 0.4, 0.2, 0.1])
    """

    lr: float
    ratio: float
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("ratio", above=True)

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * self.ratio ** t.astype(np.float64)


@dataclass(frozen=True)
class linear(Schedule):
    r"""A straight line over the run.

    .. math:: η_t = a + (b - a) \min(t/T, 1)

    T is the run's number of steps: b is where the line arrives as the run ends, and it stays there.

    Parameters
    ----------
    start : float >= 0
        a, the value at step 0.
    end : float >= 0
        b, the value at t = T.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Defazio, Cutkosky, Mehta and Mishchenko 2023, When, why and how much? Adaptive learning rate
    scheduling by refinement.

    Examples
    --------
    >>> gd.schedules.linear(start=1.0, end=0.0)(np.arange(5), 4)
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """

    start: float
    end: float
    top = "start"
    # Beyond the run it stays at `end`: Σ η is finite if that is 0, and Σ η² is not if it is above.
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("start")
        self._check_real("end")

    def values(self, t: Steps, total: int | None) -> Values:
        part = np.minimum(t / self._length(total), 1.0)
        return self.start * (1.0 - part) + self.end * part


@dataclass(frozen=True)
class cosine(Schedule):
    r"""Half a cosine, from the peak to a floor, as long as the run.

    .. math:: η_t = η_{peak} \Bigl(f + (1 - f)
              \Bigl(\frac{1 + \cos(π \min(t/T, m))}{2}\Bigr)^p\Bigr)

    T is the run's number of steps, or `steps`. Beyond it the value stays at the floor, m = 1, but
    for ``after="rise"``, where it rises and falls again for ever, m = ∞, as torch's does. Behind a
    warm-up, t and T count from the warm-up's end.

    Parameters
    ----------
    peak : float >= 0
        The value at step 0.
    floor : float in [0, 1], default 0.1
        f, as a part of the peak. The default is the choice of Hoffmann et al. 2022.
    steps : int >= 1, optional
        T, where it is not the length of the run.
    exponent : float > 0, default 1
        p.
    after : "stay" or "rise", default "stay"
        What follows step T.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type or out of its range.

    References
    ----------
    Loshchilov and Hutter 2016, SGDR: stochastic gradient descent with warm restarts;
    Hoffmann et al. 2022, Training compute-optimal large language models.

    Examples
    --------
    >>> gd.schedules.cosine(peak=1.0, floor=0.0)(np.array([0, 50, 100, 150]), 100)
    array([1. , 0.5, 0. , 0. ])
    """

    peak: float
    floor: float = 0.1
    steps: int | None = None
    exponent: float = 1.0
    after: str = "stay"
    top = "peak"
    robbins_monro = False  # as for `linear`

    def __post_init__(self) -> None:
        self._check_real("peak")
        self._check_real("floor", high=1.0)
        if self.steps is not None:
            self._check_integer("steps")
        self._check_real("exponent", above=True)
        if not isinstance(self.after, str) or self.after not in ("stay", "rise"):
            kind = ValueError if isinstance(self.after, str) else TypeError
            raise kind(f"cosine: after must be 'stay' or 'rise', not {self.after!r}")

    def values(self, t: Steps, total: int | None) -> Values:
        part = t / (self.steps or self._length(total))
        if self.after == "stay":
            part = np.minimum(part, 1.0)
        falling = half_cosine(part)
        if self.exponent != 1.0:
            falling = falling**self.exponent
        return self.peak * (self.floor + (1.0 - self.floor) * falling)


@dataclass(frozen=True)
class polynomial(Schedule):
    r"""A fall, or a rise, by a power of what is left of it.

    .. math:: η_t = b + (a - b) (1 - \min(t/T, 1))^p

    T is the run's number of steps, or `steps`; beyond it the value stays.

    Parameters
    ----------
    start, end : float >= 0
        a and b.
    exponent : float > 0, default 1
        p.
    steps : int >= 1, optional
        T, where it is not the length of the run.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type or out of its range.

    References
    ----------
    Chen, Papandreou, Kokkinos, Murphy and Yuille 2017, DeepLab: semantic image segmentation with
    deep convolutional nets, atrous convolution, and fully connected CRFs.

    Examples
    --------
    >>> gd.schedules.polynomial(1.0, 0.0, exponent=2.0)(np.arange(5), 4)
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    ])
    """

    start: float
    end: float
    exponent: float = 1.0
    steps: int | None = None
    top = "start"
    robbins_monro = False  # as for `linear`

    def __post_init__(self) -> None:
        self._check_real("start")
        self._check_real("end")
        self._check_real("exponent", above=True)
        if self.steps is not None:
            self._check_integer("steps")

    def values(self, t: Steps, total: int | None) -> Values:
        left = 1.0 - np.minimum(t / (self.steps or self._length(total)), 1.0)
        return self.end + (self.start - self.end) * left**self.exponent

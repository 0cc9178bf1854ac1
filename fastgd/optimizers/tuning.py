"""Rules whose rate needs no tuning: they find it from what they have seen of the gradients."""

from dataclasses import KW_ONLY, dataclass

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    LogUniform,
    Optimizer,
    Rate,
    choice,
    number,
    rate,
)

__all__ = ["BarzilaiBorwein", "DoG", "DoWG", "Prodigy"]

# A factor to a rate that is found already.
FACTORS = LogUniform(0.1, 10.0)


@dataclass(frozen=True)
class BarzilaiBorwein(Optimizer):
    r"""A rate that fits the last change of the gradient: gradient descent that knows the curvature.

    .. math:: s = θ_t - θ_{t-1}, \quad y = g_t - g_{t-1}, \quad θ_{t+1} = θ_t - a_t g_t, \quad
              a_t = \frac{⟨s, s⟩}{⟨s, y⟩} \text{ (long)} \quad\text{or}\quad
              \frac{⟨s, y⟩}{⟨y, y⟩} \text{ (short)}

    Where ⟨s, y⟩ is not above 0 there is no such rate, and the one before is taken.

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        a_0, the first rate, at least 0. Later values of a schedule are not used.
    steps : "long" or "short", default "long"
        The first or the second formula.
    weight_decay : float, default 0
        Decoupled λ, at least 0: at the rate that was found.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: θ and the gradient before. For full gradients: two batches have no change in common. The
    loss does not fall in every step; on a quadratic it is proved to converge, elsewhere not. Dense
    in d also on sparse data.

    References
    ----------
    Barzilai and Borwein 1988, Two-Point Step Size Gradient Methods. Raydan 1993, On the Barzilai
    and Borwein choice of steplength for the gradient method.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 10.0])
    >>> gd.minimize(f, gd.BarzilaiBorwein(), steps=30).theta.round(9)
    array([1., 1.])
    """

    lr: Rate = rate(0.01)
    _: KW_ONLY
    steps: str = choice("long", ("long", "short"))
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class DoG(Optimizer):
    r"""The rate is the distance from the start over the root of all squared gradients.

    .. math:: θ_{t+1} = θ_t - η_t \frac{r_t}{\sqrt{\sum_{s \le t} \|g_s\|^2 + ε_{root}}}\, g_t,
              \quad r_t = \max_{s \le t} \|θ_s - θ_0\|, \; r_0 > 0

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1
        η, at least 0: a factor, to be left at 1.
    distance : float or None, default None
        r_0, at least 0, in units of θ: small, as it is soon left behind. None: 1e-6 (1 + ‖θ_0‖).
    eps_root : float, default 1e-8
        ε inside the root, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: at the rate that was found.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: θ_0. The paper's guarantee is of an average of the points, as in ``PolyakAverage(DoG())``
    or ``ExponentialAverage(DoG())``. A run needs some tens of steps to get away from its start, as
    r grows by a factor from step to step. Dense in d also on sparse data.

    References
    ----------
    Ivgi, Hinder and Carmon 2023, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size
    Schedule.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> gd.minimize(f, gd.DoG(), batch_size=32, epochs=20, seed=0).loss < 0.11
    True
    """

    lr: Rate = rate(1.0, space=FACTORS)
    _: KW_ONLY
    distance: float | None = number(None, NOT_NEGATIVE, optional=True)
    eps_root: float = number(1e-8, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class DoWG(Optimizer):
    r"""As `DoG`, each squared gradient weighted by the distance at the time: longer steps later.

    .. math:: θ_{t+1} = θ_t - η_t \frac{r_t^2}{\sqrt{\sum_{s \le t} r_s^2 \|g_s\|^2} + ε}\, g_t,
              \quad r_t = \max_{s \le t} \|θ_s - θ_0\|, \; r_0 > 0

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1
        η, at least 0: a factor, to be left at 1.
    distance : float or None, default None
        r_0, at least 0, in units of θ: small, as it is soon left behind. None: 1e-6 (1 + ‖θ_0‖).
    eps : float, default 0
        ε outside the root, at least 0. The paper has none; optax adds 1e-4.
    weight_decay : float, default 0
        Decoupled λ, at least 0: at the rate that was found.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: θ_0. The paper's guarantee is of an average of the points, weighted by r². Dense in d
    also on sparse data.

    References
    ----------
    Khaled, Mishchenko and Jin 2023, DoWG Unleashed: An Efficient Universal Parameter-Free Gradient
    Descent Method.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> gd.minimize(f, gd.DoWG(), batch_size=32, epochs=20, seed=0).loss < 0.11
    True
    """

    lr: Rate = rate(1.0, space=FACTORS)
    _: KW_ONLY
    distance: float | None = number(None, NOT_NEGATIVE, optional=True)
    eps: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Prodigy(Optimizer):
    r"""Adam at a rate d that grows with an estimate, from below, of the distance to the solution.

    .. math:: m = β_1 m + (1-β_1) d_t g_t, \quad v = β_2 v + (1-β_2) d_t^2 g_t^2, \\
              a = β_3 a + η_t d_t^2 ⟨g_t, θ_0 - θ_t⟩, \quad s = β_3 s + η_t d_t^2 g_t, \quad
              d_{t+1} = \max\left\{d_t, \frac{a}{\|s\|_1}\right\}, \\
              θ_{t+1} = θ_t - η_t d_t \left(\frac{m}{\sqrt v + d_{t+1} ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1
        η, at least 0: a factor, to be left at 1 or moved by a schedule that begins there.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    beta3 : float in [0, 1) or None, default None
        None: √β_2.
    d0 : float, default 1e-6
        d_0, at least 0, in units of θ: small. At 0 nothing moves.
    eps : float, default 1e-8
        ε, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: θ_0, m, v, s. The moments are not corrected for their start, as in the paper; optax
    corrects them. The ε of the paper goes with d_t, that of the authors' program, and this one,
    with d_{t+1}. Dense in d also on sparse data.

    References
    ----------
    Mishchenko and Defazio 2024, Prodigy: An Expeditiously Adaptive Parameter-Free Learner,
    algorithm 4.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> gd.minimize(f, gd.Prodigy(), steps=200).loss < 0.103
    True
    """

    lr: Rate = rate(1.0, space=FACTORS)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    beta3: float | None = number(None, BELOW_ONE, optional=True)
    d0: float = number(1e-6, NOT_NEGATIVE)
    eps: float = number(1e-8, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)

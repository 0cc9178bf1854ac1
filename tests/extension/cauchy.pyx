# Everything that fastgd can be given from outside, in Cython: a loss, a penalty, an optimizer and a
# sampler, each a compiled class and a dataclass that names it. They run in fastgd's own loop.
from libc.math cimport fabs, log1p, sqrt
from libc.stdint cimport int64_t

from fastgd.core.losses cimport Loss
from fastgd.core.penalties cimport Penalty, Span
from fastgd.core.sampling cimport Batch, Sampler
from fastgd.core.update cimport Update

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import fastgd
from fastgd.core.sampling import SAMPLERS


# log(1 + r²/c²), which outliers hardly move
cdef void cauchy_kernel(double *margins, const double *targets, Py_ssize_t count,
                        Py_ssize_t n_outputs, const double *parameters,
                        double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double c2 = parameters[0] * parameters[0], r
    for i in range(count):
        r = margins[i] - targets[i]
        if values != NULL:
            values[i] = log1p(r * r / c2)
        else:
            margins[i] = 2.0 * r / (c2 + r * r)


cdef class CauchyLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = cauchy_kernel


@dataclass(frozen=True, eq=False)
class Cauchy(fastgd.losses.Loss):
    scale: float = 1.0
    kernel: ClassVar[Any] = CauchyLoss
    convex: ClassVar[bool] = False


# strength times the number of weights other than 0
cdef class L0Penalty(Penalty):
    cdef double strength

    def __init__(self, double strength):
        self.proximal = True
        self.strength = strength

    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil:
        cdef Py_ssize_t i, j
        for i in range(n_spans):
            if spans[i].penalized:
                for j in range(spans[i].start, spans[i].stop):
                    out[0] += self.strength * (theta[j] != 0.0)

    cdef void prox(self, double *theta, const double *rates, Py_ssize_t start, Py_ssize_t stop,
                   double lr) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(start, stop):
            if fabs(theta[j]) < sqrt(2.0 * self.strength * (lr if rates == NULL else rates[j])):
                theta[j] = 0.0


@dataclass(frozen=True)
class L0(fastgd.penalties.Penalty):
    strength: float
    kernel: ClassVar[Any] = L0Penalty


# theta <- keep theta - lr g/‖g‖
cdef class NormalizedUpdate(Update):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef Py_ssize_t j
        cdef double square = 0.0
        for j in range(self.n_params):
            square += gradient[j] * gradient[j]
        for j in range(start, stop):
            theta[j] = keep * theta[j] - lr * gradient[j] / sqrt(square)


@dataclass(frozen=True)
class Normalized(fastgd.Optimizer):
    lr: Any = 0.1
    _: KW_ONLY
    weight_decay: float = 0.0
    rule: ClassVar[Any] = NormalizedUpdate


# Rows from both ends in turn: 0, n - 1, 1, n - 2, ...
cdef class BothEnds(Sampler):
    cdef int64_t row
    cdef Py_ssize_t drawn

    def save(self):
        return {"drawn": self.drawn}

    def load(self, saved):
        self.drawn = saved["drawn"]

    cdef void draw(self, Batch *batch) noexcept nogil:
        cdef Py_ssize_t half = self.drawn // 2
        self.row = half if self.drawn % 2 == 0 else self.n_samples - 1 - half
        self.drawn = (self.drawn + 1) % self.n_samples
        batch.indices = &self.row
        batch.first = 0
        batch.count = 1
        batch.ahead = 0


SAMPLERS["both_ends"] = BothEnds


# A schedule is a function of the step, in Python: it is asked for many steps at once.
class halving(fastgd.schedules.Schedule):
    top = "lr"

    def __init__(self, lr, every):
        self.lr, self.every = lr, every

    def __call__(self, t, total):
        return self.lr * 0.5 ** (t // self.every)

    def __repr__(self):
        return f"halving({self.lr}, {self.every})"

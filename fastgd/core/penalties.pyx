# Penalties on the weights: value and proximal step. The formulas stand in fastgd/penalties.py.
#
# A comparison is written so that NaN goes through: a run that diverges must be seen to.
from libc.math cimport INFINITY, fabs

from .vector cimport kernel_void, square_sum

import numpy as np


cdef kernel_void square_norm(const double *w, Py_ssize_t n, double *out) noexcept nogil:
    out[0] += square_sum(w, n)


cdef kernel_void absolute_sum(const double *w, Py_ssize_t n, double *out) noexcept nogil:
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while j + 4 <= n:
        a0 += fabs(w[j])
        a1 += fabs(w[j + 1])
        a2 += fabs(w[j + 2])
        a3 += fabs(w[j + 3])
        j += 4
    while j < n:
        a0 += fabs(w[j])
        j += 1
    out[0] += (a0 + a1) + (a2 + a3)


cdef class Penalty:
    """Penalty(*parameters)\n--\n
    No penalty: the base of all.
    """

    def __init__(self, *parameters):
        pass

    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil:
        pass

    cdef void prox(self, double *theta, const double *rates, Py_ssize_t start, Py_ssize_t stop,
                   double lr) noexcept nogil:
        pass

    def __reduce__(self):
        return make, (self.source,)

    def size(self):
        """The length of theta that it is made for; None: any."""

    def evaluate(self, const double[::1] w not None):
        """The penalty of a vector of weights."""
        cdef Span span = Span(0, w.shape[0], True)
        cdef double out = 0.0
        if self.size() not in (None, w.shape[0]):
            raise ValueError(f"the penalty is for {self.size()} parameters, not {w.shape[0]}")
        if w.shape[0]:
            self.value(&w[0], &span, 1, &out)
        return out

    def move(self, const double[::1] w not None, double lr, const double[::1] rates=None):
        """The proximal step of a vector of weights: a new one."""
        cdef double[::1] out = np.array(w)
        if self.size() not in (None, w.shape[0]):
            raise ValueError(f"the penalty is for {self.size()} parameters, not {w.shape[0]}")
        if rates is not None and rates.shape[0] != w.shape[0]:
            raise ValueError("there must be one rate for each weight")
        if w.shape[0]:
            self.prox(&out[0], NULL if rates is None else &rates[0], 0, w.shape[0], lr)
        return out.base


# l2/2 ‖w‖²
cdef class L2Penalty(Penalty):
    def __init__(self, double l2):
        self.decay = l2

    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil:
        cdef Py_ssize_t i
        cdef double norm = 0.0
        if self.decay != 0.0:
            for i in range(n_spans):
                if spans[i].penalized:
                    square_norm(theta + spans[i].start, spans[i].stop - spans[i].start, &norm)
            out[0] += 0.5 * self.decay * norm


# w <- sign(w) max(0, |w| - rate l1) / (1 + rate l2)
cdef kernel_void elastic_kernel(double *theta, const double *rates, Py_ssize_t start,
                                Py_ssize_t stop, double lr, double l1, double l2) noexcept nogil:
    cdef Py_ssize_t j
    cdef double rate, cut, w
    for j in range(start, stop):
        rate = lr if rates == NULL else rates[j]
        cut = rate * l1
        w = theta[j]
        w = w - cut if w > cut else (w + cut if w < -cut else (0.0 if w == w else w))
        theta[j] = w / (1.0 + rate * l2)


# l1 ‖w‖₁ + l2/2 ‖w‖², both by the proximal step
cdef class ElasticNetPenalty(Penalty):
    def __init__(self, double l1, double ratio):
        self.proximal = self.elastic = True
        self.l2 = l1 * (1.0 - ratio)
        self.l1 = l1 * ratio

    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil:
        cdef Py_ssize_t i
        cdef double total = 0.0, norm = 0.0
        for i in range(n_spans):
            if spans[i].penalized:
                absolute_sum(theta + spans[i].start, spans[i].stop - spans[i].start, &total)
                square_norm(theta + spans[i].start, spans[i].stop - spans[i].start, &norm)
        out[0] += self.l1 * total
        if self.l2 != 0.0:
            out[0] += 0.5 * self.l2 * norm

    cdef void prox(self, double *theta, const double *rates, Py_ssize_t start, Py_ssize_t stop,
                   double lr) noexcept nogil:
        elastic_kernel(theta, rates, start, stop, lr, self.l1, self.l2)


cdef class L1Penalty(ElasticNetPenalty):
    def __init__(self, double l1):
        ElasticNetPenalty.__init__(self, l1, 1.0)


# w <- min(max(w, low), high)
cdef kernel_void box_kernel(double *theta, Py_ssize_t start, Py_ssize_t stop, double low,
                            double high) noexcept nogil:
    cdef Py_ssize_t j
    cdef double w
    for j in range(start, stop):
        w = theta[j]
        theta[j] = low if w < low else (high if w > high else w)


cdef kernel_void boxes_kernel(double *theta, Py_ssize_t start, Py_ssize_t stop, const double *low,
                              const double *high) noexcept nogil:
    cdef Py_ssize_t j
    cdef double w
    for j in range(start, stop):
        w = theta[j]
        theta[j] = low[j] if w < low[j] else (high[j] if w > high[j] else w)


# 0 inside the box, infinite outside; bounds are numbers, or vectors as long as theta
cdef class BoxPenalty(Penalty):
    cdef double low, high
    cdef const double *lows
    cdef const double *highs
    cdef object bounds

    def __init__(self, low, high):
        cdef const double[:, ::1] view
        self.proximal = self.idempotent = True
        if isinstance(low, float):
            self.low, self.high = low, high
        else:
            self.bounds = np.array([low, high])
            view = self.bounds
            self.lows, self.highs = &view[0, 0], &view[1, 0]

    def size(self):
        return None if self.lows == NULL else self.bounds.shape[1]

    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil:
        cdef Py_ssize_t i, j
        cdef double low = self.low, high = self.high
        for i in range(n_spans):
            if spans[i].penalized:
                for j in range(spans[i].start, spans[i].stop):
                    if self.lows != NULL:
                        low, high = self.lows[j], self.highs[j]
                    if not (low <= theta[j] <= high):
                        out[0] += INFINITY if theta[j] == theta[j] else theta[j]

    cdef void prox(self, double *theta, const double *rates, Py_ssize_t start, Py_ssize_t stop,
                   double lr) noexcept nogil:
        if self.lows == NULL:
            box_kernel(theta, start, stop, self.low, self.high)
        else:
            boxes_kernel(theta, start, stop, self.lows, self.highs)


cdef class NonNegativePenalty(BoxPenalty):
    def __init__(self):
        BoxPenalty.__init__(self, 0.0, float("inf"))


PENALTIES = {name[:-len("Penalty")]: kind for name, kind in list(globals().items())
             if name.endswith("Penalty") and name != "Penalty"}


cpdef Penalty make(penalty):
    """The compiled penalty of a dataclass of fastgd.penalties; of None that of no penalty."""
    if penalty is None:
        return Penalty()
    kind = type(penalty).kernel or PENALTIES[type(penalty).__name__]
    cdef Penalty made = kind(*penalty.parameters)
    made.source = penalty
    return made

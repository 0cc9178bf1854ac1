# What a parameter costs: a smooth multiple of the square, or a term that is dealt with by its
# proximal step. Only the base is declared here: a new penalty is a class in penalties.pyx.

# A stretch start <= j < stop of theta: whole weights (penalised) or whole biases (not).
cdef struct Span:
    Py_ssize_t start
    Py_ssize_t stop
    bint penalized


cdef class Penalty:
    # The gradient of the smooth part is decay * w; the objective adds it, so that it goes through
    # the moments of a rule.
    cdef readonly double decay
    # Whether `prox` does anything; a rule calls it after each of its steps.
    cdef readonly bint proximal
    # Whether a coordinate without a gradient stays where it is, once it has been through `prox`.
    cdef readonly bint idempotent
    # What lazy steps on sparse rows need to know of l1 w + l2/2 w²: see descent.pyx.
    cdef readonly bint elastic
    cdef readonly double l1, l2
    # The dataclass behind it.
    cdef readonly object source

    # The penalty of the penalised stretches, added to *out.
    cdef void value(self, const double *theta, const Span *spans, Py_ssize_t n_spans,
                    double *out) noexcept nogil
    # The proximal step of start <= j < stop, in place; the rate of coordinate j is rates[j], or lr
    # for all of them where rates is NULL.
    cdef void prox(self, double *theta, const double *rates, Py_ssize_t start, Py_ssize_t stop,
                   double lr) noexcept nogil


cpdef Penalty make(penalty)

# Linear models: a loss of x . w (+ b), for one output or several.
from .losses cimport Loss
from .objective cimport Objective
from .rows cimport Rows
from .sampling cimport Batch

# The largest batch whose margins are kept at once.
cdef enum:
    MARGINS = 1024


cdef class LinearObjective(Objective):
    cdef Rows rows
    cdef Loss loss
    cdef const double[::1] targets
    cdef const double[::1] sample_weights
    cdef const double *weights_of_rows     # NULL: 1 each
    # Of rows that are drawn, and not of those of a whole pass; where draws are uniform, the same.
    cdef const double[::1] drawn_weights
    cdef const double *weights_of_drawn
    cdef Py_ssize_t n_outputs, n_weights
    cdef bint intercept
    cdef double *margins_buffer
    cdef double *targets_buffer
    cdef double *losses_buffer
    cdef double *weights_buffer

    cdef const double *weights_of(self, const Batch *batch) noexcept nogil
    cdef void find_margins(self, const double *theta, const Batch *batch,
                           double factor) noexcept nogil
    cdef void find_slopes(self, const Batch *batch) noexcept nogil
    cdef void add_rows(self, const Batch *batch, double weight, double factor,
                       double *target) noexcept nogil

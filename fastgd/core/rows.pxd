# The rows of a data matrix, however they are stored. Nothing else knows the storage.
from libc.stdint cimport int32_t, int64_t

from .losses cimport Slope
from .sampling cimport Batch

# What steps on single rows leave for later: the true weights are factor times those stored, plus
# amount times a row (none where it is negative).
cdef struct Late:
    double factor
    double amount
    Py_ssize_t row


cdef class Rows:
    cdef readonly Py_ssize_t n_rows
    cdef readonly Py_ssize_t n_columns
    cdef readonly object source            # keeps the memory alive
    # Rows that stay in cache between two passes over them.
    cdef readonly Py_ssize_t block_rows
    cdef readonly bint sparse

    # out[i, k] = bias[k] + x_i . weights[k], for the rows of the batch; bias may be NULL.
    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil
    # target[k] += sum over the batch of factor * coefficients[i, k] x_i
    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil
    # out[i] = scale x_i, one after another, for the rows of the batch. Dense storage only.
    cdef void gather(self, const Batch *batch, double scale, double *out) noexcept nogil
    # Steps of plain SGD on each row of the batch in turn: weights and bias (or NULL) descend by
    # lr[i] slope(margin, target), after the weights were shrunk by 1 - lr[i] decay.
    cdef void descend_singles(self, const Batch *batch, const double *targets, Slope slope,
                              const double *lr, double decay, double *weights, double *bias,
                              Late *late) noexcept nogil
    # target = factor target + amount x_row
    cdef void add_row(self, const Late *late, double *target) noexcept nogil
    # Sparse storage only: append to `columns` those columns of the batch whose mark is not yet
    # `stamp`, marking them; the new length of the list.
    cdef Py_ssize_t touch(self, const Batch *batch, int64_t *marks, int64_t stamp,
                          int64_t *columns) noexcept nogil


cdef Rows wrap(X)

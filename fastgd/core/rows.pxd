# The rows of a data matrix, however they are stored. Nothing else knows the storage.
from .sampling cimport Batch


cdef class Rows:
    cdef readonly Py_ssize_t n_rows
    cdef readonly Py_ssize_t n_columns
    cdef readonly object source            # keeps the memory alive
    # Rows that stay in cache between two passes over them.
    cdef readonly Py_ssize_t block_rows

    # out[i, k] = bias[k] + x_i . weights[k], for the rows of the batch; bias may be NULL.
    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil
    # target[k] += sum over the batch of factor * coefficients[i, k] x_i
    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil


cdef Rows wrap(X)

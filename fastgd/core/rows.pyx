# The rows of a data matrix, as a base for each way to store them, and what may be wrong with one.
#
# A linear model needs two things of its data, the products of some rows with the weights and a
# weighted sum of the same rows; both come a batch at a time. A network needs the rows themselves.
from libc.stdint cimport int64_t

from .sampling cimport Batch
from .vector cimport kernel_void, real

import numpy as np


cdef class Rows:
    """Rows()\n--\n
    The rows of a data matrix, however they are stored.
    """

    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        pass

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        pass

    cdef void gather(self, const Batch *batch, double scale, double *out) noexcept nogil:
        pass

    cdef void descend(self, const Batch *batch, const double *lr, Descent *run) noexcept nogil:
        pass

    cdef void add_row(self, const Descent *run, double *target) noexcept nogil:
        pass

    cdef void catch_up(self, const Batch *batch, Py_ssize_t n_outputs,
                       Descent *run) noexcept nogil:
        pass

    cdef int check(self) except -1:
        return 0

    cdef Py_ssize_t touch(self, const Batch *batch, int64_t *marks, int64_t stamp,
                          int64_t *columns) noexcept nogil:
        return 0


# Entries looked at together; a block with a NaN or an infinity is then searched.
cdef kernel_void sum_of_zeros(const real *x, Py_ssize_t n, double *out) noexcept nogil:
    cdef Py_ssize_t j = 0
    cdef real a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    cdef real b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0
    while j + 16 <= n:
        a0 += 0 * x[j]
        a1 += 0 * x[j + 1]
        a2 += 0 * x[j + 2]
        a3 += 0 * x[j + 3]
        a4 += 0 * x[j + 4]
        a5 += 0 * x[j + 5]
        a6 += 0 * x[j + 6]
        a7 += 0 * x[j + 7]
        b0 += 0 * x[j + 8]
        b1 += 0 * x[j + 9]
        b2 += 0 * x[j + 10]
        b3 += 0 * x[j + 11]
        b4 += 0 * x[j + 12]
        b5 += 0 * x[j + 13]
        b6 += 0 * x[j + 14]
        b7 += 0 * x[j + 15]
        j += 16
    while j < n:
        a0 += 0 * x[j]
        j += 1
    out[0] = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) \
        + ((b0 + b1) + (b2 + b3)) + ((b4 + b5) + (b6 + b7))


cdef Py_ssize_t find_not_finite(const real *x, Py_ssize_t n) noexcept nogil:
    # 0 x is NaN for NaN and infinities, and 0 for everything else.
    cdef Py_ssize_t first = 0, j
    cdef double zero
    while first < n:
        sum_of_zeros(x + first, min(<Py_ssize_t>4096, n - first), &zero)
        if zero != 0.0:
            for j in range(first, n):
                if 0 * x[j] != 0:
                    return j
        first += 4096
    return -1


def first_not_finite(X):
    """The number of the first NaN or infinite entry of a C-contiguous array, or None."""
    cdef const double[::1] doubles
    cdef const float[::1] floats
    cdef Py_ssize_t place
    if X.size == 0:
        return None
    if X.itemsize == 4:
        floats = X.reshape(-1)
        with nogil:
            place = find_not_finite(&floats[0], floats.shape[0])
    else:
        doubles = X.reshape(-1)
        with nogil:
            place = find_not_finite(&doubles[0], doubles.shape[0])
    return None if place < 0 else place


cdef kernel_void extremes(const integer *columns, Py_ssize_t n, int64_t *least,
                          int64_t *largest) noexcept nogil:
    cdef integer low = 0, high = 0
    cdef Py_ssize_t i
    for i in range(n):
        low = columns[i] if columns[i] < low else low
        high = columns[i] if columns[i] > high else high
    least[0], largest[0] = low, high


def structure(const integer[::1] columns, const integer[::1] starts, Py_ssize_t n_rows,
              Py_ssize_t n_columns, Py_ssize_t n_values):
    """What is wrong with the structure of a CSR matrix, or None."""
    cdef Py_ssize_t i
    if starts.shape[0] != n_rows + 1:
        return f"indptr has {starts.shape[0]} entries, and {n_rows} rows need {n_rows + 1}"
    cdef Py_ssize_t n_entries = starts[n_rows]
    if starts[0] != 0 or n_entries > columns.shape[0] or n_entries > n_values:
        return "indptr does not start at 0 or ends beyond the entries"
    for i in range(n_rows):
        if starts[i] > starts[i + 1]:
            return f"indptr decreases after row {i}"
    cdef int64_t least = 0, largest = 0
    if n_entries > 0:
        extremes(&columns[0], n_entries, &least, &largest)
    if least < 0 or largest >= n_columns:
        for i in range(n_entries):
            if columns[i] < 0 or columns[i] >= n_columns:
                return f"entry {i} is in column {columns[i]}, outside [0, {n_columns})"
    return None


def check_csr(X):
    """What is wrong with the structure of a CSR matrix, or None."""
    for name, array in (("data", X.data), ("indices", X.indices), ("indptr", X.indptr)):
        if array.ndim != 1 or not array.dtype.isnative or not array.flags.c_contiguous \
                or not array.flags.aligned:
            return f"its {name} is not a contiguous, aligned vector in the machine's byte order"
    if X.indices.dtype not in (np.int32, np.int64):
        return f"its indices are {X.indices.dtype}, not int32 or int64"
    starts = np.ascontiguousarray(X.indptr, dtype=X.indices.dtype)
    return structure(X.indices, starts, *X.shape, X.data.shape[0])

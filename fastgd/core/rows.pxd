# The rows of a data matrix, however they are stored. Nothing else knows the storage.
from libc.stdint cimport int32_t, int64_t

from .losses cimport LossKernel
from .sampling cimport Batch
from .vector cimport prefetch, real

# The type of the column indices of a CSR matrix.
ctypedef fused integer:
    int32_t
    int64_t

cdef enum:
    LINE = 64
    # Dense rows whose sum goes to several outputs at once: a divisor of what threads take.
    TOGETHER = 32
    # Asked for ahead of use. A random row is a cache miss of about 80 ns, a few rows of work.
    PREFETCH_BYTES = 1 << 13


cdef inline void fetch(const void *start, Py_ssize_t size) noexcept nogil:
    # Ask for every line that these bytes touch: a row seldom starts with one.
    cdef const char *line = <const char *>(<size_t>start // LINE * LINE)
    cdef const char *end = <const char *>start + size
    while line < end:
        prefetch(line)
        line += LINE


cdef inline const real *row_of(const real *X, Py_ssize_t d, const Batch *batch,
                               Py_ssize_t i) noexcept nogil:
    return X + d * (batch.first + i if batch.indices == NULL else <Py_ssize_t>batch.indices[i])


cdef inline Py_ssize_t number_of(const Batch *batch, Py_ssize_t i) noexcept nogil:
    return batch.first + i if batch.indices == NULL else <Py_ssize_t>batch.indices[i]


# Steps of plain SGD on one row each, and what they put off.
#
# Dense, narrow rows: the true weights are factor times those stored, plus amount times a row (none
# where it is negative). Sparse rows: they are factor times soft(stored, threshold - seen), column
# by column, where soft(v, u) moves v towards 0 by u, and `seen` is NULL where nothing is
# thresholded.
cdef struct Descent:
    LossKernel slope
    const double *parameters
    const double *targets
    const double *sample_weights   # or NULL
    double *weights
    double *bias                   # or NULL
    double decay                   # each step shrinks the weights by 1 - lr decay
    double l1                      # and then is followed by the proximal step of l1 and l2
    double l2
    double factor
    double amount
    Py_ssize_t row
    double threshold
    double *seen


# Where the numbers lie, for kernels of single steps that stand elsewhere (reduced.pyx). `columns`
# and `starts` are NULL for dense rows.
cdef struct Storage:
    const void *values
    const void *columns
    const void *starts
    bint single                    # float32
    bint narrow                    # int32
    Py_ssize_t distance            # dense rows to ask for ahead of use


cdef class Rows:
    cdef Storage storage
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
    # Steps of plain SGD on each row of the batch in turn: weights and bias descend by lr[i] slope.
    cdef void descend(self, const Batch *batch, const double *lr, Descent *run) noexcept nogil
    # The row that is put off, onto `target`: target = factor target + amount x_row.
    cdef void add_row(self, const Descent *run, double *target) noexcept nogil
    # Sparse storage only: bring the weights in the columns of the batch up to the threshold.
    cdef void catch_up(self, const Batch *batch, Py_ssize_t n_outputs, Descent *run) noexcept nogil
    # Sparse storage only: append to `columns` those columns of the batch whose mark is not yet
    # `stamp`, marking them; the new length of the list.
    cdef Py_ssize_t touch(self, const Batch *batch, int64_t *marks, int64_t stamp,
                          int64_t *columns) noexcept nogil

    # Raises where memory that others may write into would be read out of its bounds.
    cdef int check(self) except -1

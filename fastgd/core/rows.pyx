# Row storage: dense float64 and float32.
#
# A linear model needs two things of its data, the products of some rows with the weights and a
# weighted sum of the same rows; both come a batch at a time.
from .vector cimport axpy, dot, kernel_void, prefetch, real

# Bytes asked for ahead of use. A random row is a cache miss of about 80 ns, a few rows of work.
cdef enum:
    LINE = 64
    PREFETCH_BYTES = 4096
    CACHE = 1 << 13


cdef inline const real *row_of(const real *X, Py_ssize_t d, const Batch *batch,
                               Py_ssize_t i) noexcept nogil:
    return X + d * (batch.first + i if batch.indices == NULL else <Py_ssize_t>batch.indices[i])


cdef kernel_void dense_margins(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t distance,
                               const double *weights, const double *bias, Py_ssize_t n_outputs,
                               double *out) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef const real *row
    cdef const char *line
    cdef const char *end
    cdef Py_ssize_t fetched = min(d * <Py_ssize_t>sizeof(real), <Py_ssize_t>PREFETCH_BYTES)
    for i in range(batch.count):
        # Consecutive rows are left to the hardware, which sees the pattern by itself. Not in a
        # function of its own: gcc takes one that only prefetches for one without effect.
        if batch.indices != NULL and i + distance < batch.count + batch.ahead:
            line = <const char *>row_of(X, d, batch, i + distance)
            end = line + fetched
            while line < end:
                prefetch(line)
                line += LINE
        row = row_of(X, d, batch, i)
        for k in range(n_outputs):
            out[i * n_outputs + k] = dot(row, weights + k * d, d)
            if bias != NULL:
                out[i * n_outputs + k] += bias[k]


cdef kernel_void dense_add(const real *X, Py_ssize_t d, const Batch *batch,
                           const double *coefficients, double factor, Py_ssize_t n_outputs,
                           double *target) noexcept nogil:
    cdef Py_ssize_t i = 0, j, k
    cdef const real *a
    cdef const real *b
    cdef const real *c
    cdef const real *e
    cdef double wa, wb, wc, we
    cdef double *out
    # Four rows at a time: the target is read and written once for them.
    while i + 4 <= batch.count:
        a = row_of(X, d, batch, i)
        b = row_of(X, d, batch, i + 1)
        c = row_of(X, d, batch, i + 2)
        e = row_of(X, d, batch, i + 3)
        for k in range(n_outputs):
            wa = factor * coefficients[i * n_outputs + k]
            wb = factor * coefficients[(i + 1) * n_outputs + k]
            wc = factor * coefficients[(i + 2) * n_outputs + k]
            we = factor * coefficients[(i + 3) * n_outputs + k]
            out = target + k * d
            for j in range(d):
                out[j] += (wa * a[j] + wb * b[j]) + (wc * c[j] + we * e[j])
        i += 4
    while i < batch.count:
        a = row_of(X, d, batch, i)
        for k in range(n_outputs):
            axpy(factor * coefficients[i * n_outputs + k], a, target + k * d, d)
        i += 1


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
    """(row, column) of the first NaN or infinite entry of a C-contiguous matrix, or None."""
    cdef const double[:, ::1] doubles
    cdef const float[:, ::1] floats
    cdef Py_ssize_t place
    if X.itemsize == 4:
        floats = X
        with nogil:
            place = find_not_finite(&floats[0, 0], floats.shape[0] * floats.shape[1])
    else:
        doubles = X
        with nogil:
            place = find_not_finite(&doubles[0, 0], doubles.shape[0] * doubles.shape[1])
    return None if place < 0 else divmod(place, X.shape[1])


cdef class Rows:
    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        pass

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        pass


cdef class DenseRows(Rows):
    """A C-contiguous (n, d) array of float64 or float32, used in place."""
    cdef const void *data
    cdef bint single
    cdef Py_ssize_t distance

    def __init__(self, X):
        cdef const double[:, ::1] doubles
        cdef const float[:, ::1] floats
        self.source = X
        self.n_rows, self.n_columns = X.shape
        self.single = X.itemsize == 4
        if self.single:
            floats = X
            self.data = &floats[0, 0]
        else:
            doubles = X
            self.data = &doubles[0, 0]
        cdef Py_ssize_t width = self.n_columns * X.itemsize
        self.distance = max(2, min(16, PREFETCH_BYTES // width))
        # Fours, as `dense_add` takes them, and few enough for the second pass to find them in the
        # first-level cache while the next ones are on their way.
        self.block_rows = max(8, min(256, CACHE // width // 4 * 4))

    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        if self.single:
            dense_margins(<const float *>self.data, self.n_columns, batch, self.distance, weights,
                          bias, n_outputs, out)
        else:
            dense_margins(<const double *>self.data, self.n_columns, batch, self.distance, weights,
                          bias, n_outputs, out)

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        if self.single:
            dense_add(<const float *>self.data, self.n_columns, batch, coefficients, factor,
                      n_outputs, target)
        else:
            dense_add(<const double *>self.data, self.n_columns, batch, coefficients, factor,
                      n_outputs, target)


cdef Rows wrap(X):
    return DenseRows(X)

# Dense rows against several outputs, as softmax has: register blocks of four rows by three classes.
from .rows cimport PREFETCH_BYTES, TOGETHER, fetch, row_of
from .sampling cimport Batch
from .vector cimport VECTORS, all_of, four, kernel_void, load, load_doubles, load_first, real
from .vector cimport store, sums_of


cdef inline double product_by_four(const real *x, const double *w, Py_ssize_t n) noexcept nogil:
    # The same sums without vectors.
    cdef Py_ssize_t j
    cdef double[4] sums
    for j in range(4):
        sums[j] = 0.0
    for j in range(n):
        sums[j % 4] += x[j] * w[j]
    return (sums[0] + sums[2]) + (sums[1] + sums[3])


cdef inline void class_products(const real *a, const real *b, const real *c, const real *e,
                                const double *w, const double *bias, Py_ssize_t d,
                                Py_ssize_t n_classes, double *out, Py_ssize_t stride,
                                Py_ssize_t n_rows) noexcept nogil:
    # The products of four rows with up to three classes: the sums stay in registers, and each
    # number that is read takes part in three or four of them. The first n_rows rows are written.
    cdef Py_ssize_t j, k, i
    cdef four u, v, x, y, z = all_of(0.0)
    cdef four a0 = z, b0 = z, c0 = z, e0 = z, a1 = z, b1 = z, c1 = z, e1 = z
    cdef four a2 = z, b2 = z, c2 = z, e2 = z
    cdef const double *w1 = w + d if n_classes > 1 else w
    cdef const double *w2 = w + 2 * d if n_classes > 2 else w
    cdef double[4] sums
    for j in range(0, d - 3, 4):
        u = load(w + j)
        v = load(w1 + j)
        y = load(w2 + j)
        x = load(a + j)
        a0 += x * u
        a1 += x * v
        a2 += x * y
        x = load(b + j)
        b0 += x * u
        b1 += x * v
        b2 += x * y
        x = load(c + j)
        c0 += x * u
        c1 += x * v
        c2 += x * y
        x = load(e + j)
        e0 += x * u
        e1 += x * v
        e2 += x * y
    j = d // 4 * 4
    if j < d:
        u = load_first(w + j, d - j)
        v = load_first(w1 + j, d - j)
        y = load_first(w2 + j, d - j)
        x = load_first(a + j, d - j)
        a0 += x * u
        a1 += x * v
        a2 += x * y
        x = load_first(b + j, d - j)
        b0 += x * u
        b1 += x * v
        b2 += x * y
        x = load_first(c + j, d - j)
        c0 += x * u
        c1 += x * v
        c2 += x * y
        x = load_first(e + j, d - j)
        e0 += x * u
        e1 += x * v
        e2 += x * y
    for k in range(n_classes):
        x = sums_of(a0, b0, c0, e0) if k == 0 else (
            sums_of(a1, b1, c1, e1) if k == 1 else sums_of(a2, b2, c2, e2))
        if bias != NULL:
            x = all_of(bias[k]) + x
        store(sums, x)
        for i in range(n_rows):
            out[i * stride + k] = sums[i]


cdef inline void row_classes(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t i,
                             const double *weights, const double *bias, Py_ssize_t n_outputs,
                             double *out) noexcept nogil:
    # Of four rows from i on, or of those that are left.
    cdef Py_ssize_t k = 0, last = batch.count - 1
    cdef Py_ssize_t n_rows = min(<Py_ssize_t>4, batch.count - i)
    cdef const real *a = row_of(X, d, batch, i)
    cdef const real *b = row_of(X, d, batch, min(i + 1, last))
    cdef const real *c = row_of(X, d, batch, min(i + 2, last))
    cdef const real *e = row_of(X, d, batch, min(i + 3, last))
    while k < n_outputs:
        if n_outputs - k >= 3:
            class_products(a, b, c, e, weights + k * d, bias + k if bias != NULL else NULL, d, 3,
                           out + k, n_outputs, n_rows)
        elif n_outputs - k == 2:
            class_products(a, b, c, e, weights + k * d, bias + k if bias != NULL else NULL, d, 2,
                           out + k, n_outputs, n_rows)
        else:
            class_products(a, b, c, e, weights + k * d, bias + k if bias != NULL else NULL, d, 1,
                           out + k, n_outputs, n_rows)
        k += 3


cdef kernel_void dense_classes(const real *X, Py_ssize_t d, const Batch *batch,
                               Py_ssize_t distance, const double *weights, const double *bias,
                               Py_ssize_t n_outputs, double *out) noexcept nogil:
    cdef Py_ssize_t i, k, fetched = min(d * <Py_ssize_t>sizeof(real), <Py_ssize_t>PREFETCH_BYTES)
    if not VECTORS:
        for i in range(batch.count):
            for k in range(n_outputs):
                out[i * n_outputs + k] = product_by_four(row_of(X, d, batch, i), weights + k * d,
                                                         d)
                if bias != NULL:
                    out[i * n_outputs + k] = bias[k] + out[i * n_outputs + k]
        return
    for i in range(0, batch.count, 4):
        for k in range(i + distance, min(i + distance + 4, batch.count + batch.ahead)):
            fetch(row_of(X, d, batch, k), fetched)
        row_classes(X, d, batch, i, weights, bias, n_outputs, out + i * n_outputs)


cdef inline void add_two(double *out, four factor, four a, four b,
                         Py_ssize_t n_columns) noexcept nogil:
    store(out, load_doubles(out) + factor * a)
    if n_columns > 4:
        store(out + 4, load_doubles(out + 4) + factor * b)


cdef inline void add_block(const real *const *rows, Py_ssize_t first, Py_ssize_t count,
                           Py_ssize_t d, const double *coefficients, Py_ssize_t step,
                           double factor, Py_ssize_t n_outputs, Py_ssize_t n_classes,
                           Py_ssize_t n_columns, double *target) noexcept nogil:
    # Of all rows, onto up to four classes in up to eight columns: the sums stay in registers.
    cdef Py_ssize_t i
    cdef four x, y, u, z = all_of(0.0)
    cdef four a0 = z, a1 = z, b0 = z, b1 = z, c0 = z, c1 = z, e0 = z, e1 = z
    cdef const real *row
    cdef const double *weights = coefficients
    for i in range(count):
        row = rows[i] + first
        x = load(row)
        y = load(row + 4) if n_columns > 4 else x
        u = all_of(weights[0])
        a0 += u * x
        a1 += u * y
        if n_classes > 1:
            u = all_of(weights[step])
            b0 += u * x
            b1 += u * y
        if n_classes > 2:
            u = all_of(weights[2 * step])
            c0 += u * x
            c1 += u * y
        if n_classes > 3:
            u = all_of(weights[3 * step])
            e0 += u * x
            e1 += u * y
        weights += n_outputs
    u = all_of(factor)
    add_two(target, u, a0, a1, n_columns)
    if n_classes > 1:
        add_two(target + d, u, b0, b1, n_columns)
    if n_classes > 2:
        add_two(target + 2 * d, u, c0, c1, n_columns)
    if n_classes > 3:
        add_two(target + 3 * d, u, e0, e1, n_columns)


cdef inline void add_columns(const real *const *rows, Py_ssize_t first, Py_ssize_t count,
                             Py_ssize_t d, const double *coefficients, Py_ssize_t step,
                             double factor, Py_ssize_t n_outputs, Py_ssize_t n_columns,
                             double *target) noexcept nogil:
    # Onto all classes, in the columns from the first on, which stay in the first-level cache.
    cdef Py_ssize_t k = 0
    while k + 4 <= n_outputs:
        add_block(rows, first, count, d, coefficients + k, step, factor, n_outputs, 4, n_columns,
                  target + k * d)
        k += 4
    if n_outputs - k == 3:
        add_block(rows, first, count, d, coefficients + k, step, factor, n_outputs, 3, n_columns,
                  target + k * d)
    elif n_outputs - k == 2:
        add_block(rows, first, count, d, coefficients + k, step, factor, n_outputs, 2, n_columns,
                  target + k * d)
    elif n_outputs - k == 1:
        add_block(rows, first, count, d, coefficients + k, step, factor, n_outputs, 1, n_columns,
                  target + k * d)


cdef kernel_void dense_add_classes(const real *X, Py_ssize_t d, const Batch *batch,
                                   const double *coefficients, Py_ssize_t step, double factor,
                                   Py_ssize_t n_outputs, double *target) noexcept nogil:
    # `step` is 1. A constant would let gcc read four coefficients at once, to spread each of them
    # by a slower instruction than the one that does both.
    cdef Py_ssize_t done = 0, i, j, k, count
    cdef double sum
    cdef const real *rows[TOGETHER]
    while done < batch.count:
        count = min(<Py_ssize_t>TOGETHER, batch.count - done)
        for i in range(count):
            rows[i] = row_of(X, d, batch, done + i)
        j = 0
        while VECTORS and j + 8 <= d:
            add_columns(rows, j, count, d, coefficients, step, factor, n_outputs, 8, target + j)
            j += 8
        if VECTORS and j + 4 <= d:
            add_columns(rows, j, count, d, coefficients, step, factor, n_outputs, 4, target + j)
            j += 4
        while j < d:
            for k in range(n_outputs):
                sum = 0.0
                for i in range(count):
                    sum += coefficients[i * n_outputs + k] * rows[i][j]
                target[k * d + j] += factor * sum
            j += 1
        coefficients += count * n_outputs
        done += count


cdef void class_margins(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t distance,
                        const double *weights, const double *bias, Py_ssize_t n_outputs,
                        double *out) noexcept nogil:
    dense_classes(X, d, batch, distance, weights, bias, n_outputs, out)


cdef void add_classes(const real *X, Py_ssize_t d, const Batch *batch, const double *coefficients,
                      double factor, Py_ssize_t n_outputs, double *target) noexcept nogil:
    # `step` is 1. A constant would let gcc read four coefficients at once, to spread each of them
    # by a slower instruction than the one that does both.
    dense_add_classes(X, d, batch, coefficients, 1, factor, n_outputs, target)

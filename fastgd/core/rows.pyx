# Row storage: dense or CSR, float64 or float32 (dense also uint8), 32- or 64-bit column indices.
#
# A linear model needs two things of its data, the products of some rows with the weights and a
# weighted sum of the same rows; both come a batch at a time. A network needs the rows themselves.
from libc.stdint cimport int32_t, int64_t, uint8_t

from .sampling cimport Batch
from .vector cimport VECTORS, all_of, axpy, dot, four, kernel_void, load, load_doubles
from .vector cimport load_first, prefetch, real, store, sums_of

import numpy as np

ctypedef fused integer:
    int32_t
    int64_t

ctypedef fused number:
    double
    float
    uint8_t

# Bytes asked for ahead of use. A random row is a cache miss of about 80 ns, a few rows of work.
cdef enum:
    PREFETCH_BYTES = 1 << 13
    CACHED = 1 << 19
    NARROW = 32
    CACHE = 1 << 13


cdef inline const real *row_of(const real *X, Py_ssize_t d, const Batch *batch,
                               Py_ssize_t i) noexcept nogil:
    return X + d * (batch.first + i if batch.indices == NULL else <Py_ssize_t>batch.indices[i])


cdef inline void ask_four(const void *a, const void *b, const void *c,
                          const void *e) noexcept nogil:
    prefetch(a)
    prefetch(b)
    prefetch(c)
    prefetch(e)


cdef inline four four_products(const real *a, const real *b, const real *c, const real *e,
                               const real *a2, const real *b2, const real *c2, const real *e2,
                               const double *w, Py_ssize_t d) noexcept nogil:
    # The products of four rows with w, each with the sums of `dot` in their order. Four rows that
    # will be needed later are asked for on the way, line by line: all at once they would have to
    # wait for one another.
    cdef Py_ssize_t j = 0, line = 0, per_line = LINE // <Py_ssize_t>sizeof(real)
    cdef four low, high
    cdef four a0 = all_of(0.0), b0 = all_of(0.0), c0 = all_of(0.0), e0 = all_of(0.0)
    cdef four a1 = all_of(0.0), b1 = all_of(0.0), c1 = all_of(0.0), e1 = all_of(0.0)
    while j + 8 <= d:
        if real is double or j == line:
            ask_four(a2 + j, b2 + j, c2 + j, e2 + j)
            line += per_line
        low = load(w + j)
        high = load(w + j + 4)
        a0 += load(a + j) * low
        a1 += load(a + j + 4) * high
        b0 += load(b + j) * low
        b1 += load(b + j + 4) * high
        c0 += load(c + j) * low
        c1 += load(c + j + 4) * high
        e0 += load(e + j) * low
        e1 += load(e + j + 4) * high
        j += 8
    # A row seldom starts with a line, so its end may lie on one more.
    ask_four(a2 + d - 1, b2 + d - 1, c2 + d - 1, e2 + d - 1)
    if j + 4 <= d:
        low = load(w + j)
        a0 += load(a + j) * low
        b0 += load(b + j) * low
        c0 += load(c + j) * low
        e0 += load(e + j) * low
        j += 4
    if j < d:
        low = load_first(w + j, d - j)
        a0 += load_first(a + j, d - j) * low
        b0 += load_first(b + j, d - j) * low
        c0 += load_first(c + j, d - j) * low
        e0 += load_first(e + j, d - j) * low
    return sums_of(a0 + a1, b0 + b1, c0 + c1, e0 + e1)


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


cdef kernel_void dense_margins(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t distance,
                               const double *weights, const double *bias,
                               double *out) noexcept nogil:
    cdef Py_ssize_t i = 0, known = batch.count + batch.ahead, later, last
    cdef double total
    cdef four sums
    cdef Py_ssize_t fetched = min(d * <Py_ssize_t>sizeof(real), <Py_ssize_t>PREFETCH_BYTES)
    # Rows in a row come from memory faster one by one, where the hardware sees one stream of them.
    if VECTORS and (batch.indices != NULL or known * fetched <= CACHED):
        later = max(<Py_ssize_t>4, distance // 4 * 4)
        last = known - 1
        while i + 4 <= batch.count:
            sums = four_products(
                row_of(X, d, batch, i), row_of(X, d, batch, i + 1), row_of(X, d, batch, i + 2),
                row_of(X, d, batch, i + 3), row_of(X, d, batch, min(i + later, last)),
                row_of(X, d, batch, min(i + later + 1, last)),
                row_of(X, d, batch, min(i + later + 2, last)),
                row_of(X, d, batch, min(i + later + 3, last)), weights, d)
            store(out + i, sums if bias == NULL else all_of(bias[0]) + sums)
            i += 4
    while i < batch.count:
        if i + distance < known:
            fetch(row_of(X, d, batch, i + distance), fetched)
        total = dot(row_of(X, d, batch, i), weights, d)
        # Written once: to set it first and add to it later costs a call of memset each row.
        out[i] = total if bias == NULL else bias[0] + total
        i += 1


cdef inline void add_eight(const real *a, const real *b, const real *c, const real *e,
                           const real *f, const real *g, const real *h, const real *l,
                           const double *weights, double factor, double *out,
                           Py_ssize_t d) noexcept nogil:
    # Two fours one after the other, as they come below, but the target is read and written once.
    cdef Py_ssize_t j
    cdef four s, t
    cdef double wa = factor * weights[0], wb = factor * weights[1]
    cdef double wc = factor * weights[2], we = factor * weights[3]
    cdef double wf = factor * weights[4], wg = factor * weights[5]
    cdef double wh = factor * weights[6], wl = factor * weights[7]
    cdef four va = all_of(wa), vb = all_of(wb), vc = all_of(wc), ve = all_of(we)
    cdef four vf = all_of(wf), vg = all_of(wg), vh = all_of(wh), vl = all_of(wl)
    for j in range(0, d - 3, 4):
        s = (va * load(a + j) + vb * load(b + j)) + (vc * load(c + j) + ve * load(e + j))
        t = (vf * load(f + j) + vg * load(g + j)) + (vh * load(h + j) + vl * load(l + j))
        store(out + j, (load_doubles(out + j) + s) + t)
    for j in range(d // 4 * 4, d):
        out[j] = (out[j] + ((wa * a[j] + wb * b[j]) + (wc * c[j] + we * e[j]))) \
            + ((wf * f[j] + wg * g[j]) + (wh * h[j] + wl * l[j]))


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


cdef kernel_void dense_add(const real *X, Py_ssize_t d, const Batch *batch,
                           const double *coefficients, double factor,
                           double *target) noexcept nogil:
    cdef Py_ssize_t i = 0, j
    cdef const real *a
    cdef const real *b
    cdef const real *c
    cdef const real *e
    cdef double wa, wb, wc, we
    if VECTORS:
        while i + 8 <= batch.count:
            add_eight(row_of(X, d, batch, i), row_of(X, d, batch, i + 1),
                      row_of(X, d, batch, i + 2), row_of(X, d, batch, i + 3),
                      row_of(X, d, batch, i + 4), row_of(X, d, batch, i + 5),
                      row_of(X, d, batch, i + 6), row_of(X, d, batch, i + 7), coefficients + i,
                      factor, target, d)
            i += 8
    # Four rows at a time: the target is read and written once for them.
    while i + 4 <= batch.count:
        a = row_of(X, d, batch, i)
        b = row_of(X, d, batch, i + 1)
        c = row_of(X, d, batch, i + 2)
        e = row_of(X, d, batch, i + 3)
        wa = factor * coefficients[i]
        wb = factor * coefficients[i + 1]
        wc = factor * coefficients[i + 2]
        we = factor * coefficients[i + 3]
        for j in range(d):
            target[j] += (wa * a[j] + wb * b[j]) + (wc * c[j] + we * e[j])
        i += 4
    while i < batch.count:
        axpy(factor * coefficients[i], row_of(X, d, batch, i), target, d)
        i += 1


cdef kernel_void dense_gather(const number *X, Py_ssize_t d, const Batch *batch,
                              Py_ssize_t distance, double scale, double *out) noexcept nogil:
    cdef Py_ssize_t i, j, size = d * <Py_ssize_t>sizeof(number)
    cdef const number *row
    for i in range(batch.count):
        row = X + d * (batch.first + i)
        if batch.indices != NULL:
            row = X + d * <Py_ssize_t>batch.indices[i]
            # The whole row: it is only copied, so the hardware has no time to see the pattern.
            if i + distance < batch.count + batch.ahead:
                fetch(X + d * <Py_ssize_t>batch.indices[i + distance], size)
        for j in range(d):
            out[j] = scale * row[j]
        out += d


cdef inline void shift(double factor, double amount, const real *row, double *weights,
                       Py_ssize_t d) noexcept nogil:
    # Eight at a time where it can be said: the compiler takes four, and asks each time whether the
    # row and the weights overlap.
    cdef Py_ssize_t j = 0
    cdef four a
    if factor != 1.0:
        for j in range(d):
            weights[j] = factor * weights[j] + amount * row[j]
        return
    if not VECTORS:
        axpy(amount, row, weights, d)
        return
    a = all_of(amount)
    while j + 8 <= d:
        store(weights + j, load_doubles(weights + j) + a * load(row + j))
        store(weights + j + 4, load_doubles(weights + j + 4) + a * load(row + j + 4))
        j += 8
    if j + 4 <= d:
        store(weights + j, load_doubles(weights + j) + a * load(row + j))
        j += 4
    if j < d:
        weights[j] += amount * row[j]
    if j + 1 < d:
        weights[j + 1] += amount * row[j + 1]
    if j + 2 < d:
        weights[j + 2] += amount * row[j + 2]


cdef kernel_void dense_shift(double factor, double amount, const real *row, double *weights,
                             Py_ssize_t d) noexcept nogil:
    shift(factor, amount, row, weights, d)


cdef kernel_void dense_descend(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t distance,
                               const double *lr, Descent *run) noexcept nogil:
    # One function for a whole stretch of steps, and one call a step (of the loss): each step waits
    # for the one before, so what stands between them counts.
    #
    # With narrow rows it counts most, and a step need not wait for the weights: the margin is
    # x . (w + a p) = x . w + a x . p, where a p, the step before, is still under way. So a step is
    # added to the weights one step late (569 x 30: 35 ns against 44). Wide rows gain nothing.
    cdef Py_ssize_t i, place, before = run.row
    cdef const real *row
    cdef Py_ssize_t fetched = min(d * <Py_ssize_t>sizeof(real), <Py_ssize_t>PREFETCH_BYTES)
    cdef Py_ssize_t known = batch.count + batch.ahead
    cdef const double *targets = run.targets
    cdef const double *sample_weights = run.sample_weights
    cdef double *weights = run.weights
    cdef double *bias = run.bias
    cdef double decay = run.decay, amount = run.amount, factor = run.factor, move
    for i in range(batch.count):
        if batch.indices != NULL and i + distance < known:
            place = batch.indices[i + distance]
            prefetch(targets + place)
            fetch(X + d * place, fetched)
        place = number_of(batch, i)
        row = X + d * place
        move = dot(row, weights, d)
        if before >= 0:
            move = factor * move + amount * dot(row, X + d * before, d)
            shift(factor, amount, X + d * before, weights, d)
        if bias != NULL:
            move += bias[0]
        run.slope(&move, targets + place, 1, 1, run.parameters, NULL)
        if sample_weights != NULL:
            move *= sample_weights[place]
        amount = -lr[i] * move
        factor = 1.0 - lr[i] * decay
        if bias != NULL:
            bias[0] += amount
        if d <= NARROW:
            before = place
        else:
            shift(factor, amount, row, weights, d)
    if before >= 0:
        run.factor, run.amount, run.row = factor, amount, before


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


cdef Py_ssize_t rows_ahead(Py_ssize_t width):
    return max(2, min(16, PREFETCH_BYTES // width))


cdef class DenseRows(Rows):
    """DenseRows(X)\n--\n
    A C-contiguous (n, d) array of float64 or float32, used in place.
    """
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
        self.distance = rows_ahead(width)
        self.storage = Storage(self.data, NULL, NULL, self.single, False, self.distance)
        # Fours, as `dense_add` takes them, and few enough for the second pass to find them in the
        # first-level cache while the next ones are on their way.
        self.block_rows = max(4, min(256, CACHE // width // 4 * 4))

    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        if n_outputs > 1:
            if self.single:
                dense_classes(<const float *>self.data, self.n_columns, batch, self.distance,
                              weights, bias, n_outputs, out)
            else:
                dense_classes(<const double *>self.data, self.n_columns, batch, self.distance,
                              weights, bias, n_outputs, out)
        elif self.single:
            dense_margins(<const float *>self.data, self.n_columns, batch, self.distance, weights,
                          bias, out)
        else:
            dense_margins(<const double *>self.data, self.n_columns, batch, self.distance, weights,
                          bias, out)

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        if n_outputs > 1:
            if self.single:
                dense_add_classes(<const float *>self.data, self.n_columns, batch, coefficients, 1,
                                  factor, n_outputs, target)
            else:
                dense_add_classes(<const double *>self.data, self.n_columns, batch, coefficients, 1,
                                  factor, n_outputs, target)
        elif self.single:
            dense_add(<const float *>self.data, self.n_columns, batch, coefficients, factor,
                      target)
        else:
            dense_add(<const double *>self.data, self.n_columns, batch, coefficients, factor,
                      target)

    cdef void gather(self, const Batch *batch, double scale, double *out) noexcept nogil:
        if self.single:
            dense_gather(<const float *>self.data, self.n_columns, batch, self.distance, scale, out)
        else:
            dense_gather(<const double *>self.data, self.n_columns, batch, self.distance, scale,
                         out)

    cdef void descend(self, const Batch *batch, const double *lr, Descent *run) noexcept nogil:
        if self.single:
            dense_descend(<const float *>self.data, self.n_columns, batch, self.distance, lr, run)
        else:
            dense_descend(<const double *>self.data, self.n_columns, batch, self.distance, lr, run)

    cdef void add_row(self, const Descent *run, double *target) noexcept nogil:
        cdef Py_ssize_t start = run.row * self.n_columns
        if self.single:
            dense_shift(run.factor, run.amount, <const float *>self.data + start, target,
                        self.n_columns)
        else:
            dense_shift(run.factor, run.amount, <const double *>self.data + start, target,
                        self.n_columns)


cdef class ByteRows(Rows):
    """ByteRows(X)\n--\n
    A C-contiguous (n, d) array of uint8, as images are stored: used in place, for `gather`.
    """
    cdef const uint8_t *data
    cdef Py_ssize_t distance

    def __init__(self, X):
        cdef const uint8_t[:, ::1] view = X
        self.source = X
        self.n_rows, self.n_columns = X.shape
        self.data = &view[0, 0]
        self.distance = rows_ahead(self.n_columns)

    cdef void gather(self, const Batch *batch, double scale, double *out) noexcept nogil:
        dense_gather(self.data, self.n_columns, batch, self.distance, scale, out)


# Of the sparse kernels only the one of single steps is dispatched, which makes it 5 % faster: they
# wait for single loads, not for arithmetic.
cdef inline double asking_dot(const real *values, const integer *columns, Py_ssize_t n,
                              const double *w, const char *line, const char *end) noexcept nogil:
    # Four sums: the loads of w miss the cache, and should not wait for one another's addition. At
    # each four entries a line of a later row is asked for: the buffers for lines under way are few,
    # and all of a row at once would fill them.
    cdef Py_ssize_t p = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while p + 4 <= n:
        if line < end:
            prefetch(line)
            line += LINE
        a0 += values[p] * w[columns[p]]
        a1 += values[p + 1] * w[columns[p + 1]]
        a2 += values[p + 2] * w[columns[p + 2]]
        a3 += values[p + 3] * w[columns[p + 3]]
        p += 4
    while p < n:
        a0 += values[p] * w[columns[p]]
        p += 1
    while line < end:
        prefetch(line)
        line += LINE
    return (a0 + a1) + (a2 + a3)


cdef inline double sparse_dot(const real *values, const integer *columns, Py_ssize_t n,
                              const double *w) noexcept nogil:
    return asking_dot(values, columns, n, w, NULL, NULL)


cdef inline void asking_add(double move, const real *values, const integer *columns, Py_ssize_t n,
                            double *w, const char *line, const char *end) noexcept nogil:
    cdef Py_ssize_t p = 0
    while p + 4 <= n:
        if line < end:
            prefetch(line)
            line += LINE
        w[columns[p]] += move * values[p]
        w[columns[p + 1]] += move * values[p + 1]
        w[columns[p + 2]] += move * values[p + 2]
        w[columns[p + 3]] += move * values[p + 3]
        p += 4
    while p < n:
        w[columns[p]] += move * values[p]
        p += 1
    while line < end:
        prefetch(line)
        line += LINE


cdef inline const char *line_of(const void *start) noexcept nogil:
    return <const char *>(<size_t>start // LINE * LINE)


cdef void sparse_margins(const real *values, const integer *columns, const integer *starts,
                         Py_ssize_t d, const Batch *batch, const double *weights,
                         const double *bias, Py_ssize_t n_outputs, double *out) noexcept nogil:
    cdef Py_ssize_t i, k, row, start, stop, known = batch.count + batch.ahead
    for i in range(batch.count):
        if batch.indices != NULL:
            # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
            if i + 16 < known:
                prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
            if i + 8 < known:
                row = <Py_ssize_t>batch.indices[i + 8]
                start = starts[row]
                stop = min(<Py_ssize_t>starts[row + 1], start + 1024)
                fetch(values + start, (stop - start) * <Py_ssize_t>sizeof(values[0]))
                fetch(columns + start, (stop - start) * <Py_ssize_t>sizeof(columns[0]))
        row = number_of(batch, i)
        start = starts[row]
        stop = starts[row + 1]
        for k in range(n_outputs):
            out[i * n_outputs + k] = sparse_dot(values + start, columns + start, stop - start,
                                                weights + k * d)
            if bias != NULL:
                out[i * n_outputs + k] += bias[k]


cdef void sparse_add(const real *values, const integer *columns, const integer *starts,
                     Py_ssize_t d, const Batch *batch, const double *coefficients, double factor,
                     Py_ssize_t n_outputs, double *target) noexcept nogil:
    cdef Py_ssize_t i, k, p, row
    cdef double weight
    cdef double *out
    for i in range(batch.count):
        row = number_of(batch, i)
        for k in range(n_outputs):
            weight = factor * coefficients[i * n_outputs + k]
            out = target + k * d
            for p in range(starts[row], starts[row + 1]):
                out[columns[p]] += weight * values[p]


cdef inline double soft(double v, double cut) noexcept nogil:
    # v moved towards 0 by `cut`; NaN stays NaN.
    return v - cut if v > cut else (v + cut if v < -cut else (0.0 if v == v else v))


cdef kernel_void late_kernel(double *weights, Py_ssize_t d, Py_ssize_t n_outputs,
                             const Descent *run) noexcept nogil:
    # The weights as they are, of those stored.
    cdef Py_ssize_t j, k
    cdef double factor = run.factor
    for k in range(n_outputs):
        if run.seen != NULL:
            for j in range(d):
                weights[k * d + j] = factor * soft(weights[k * d + j],
                                                   run.threshold - run.seen[j])
        else:
            for j in range(d):
                weights[k * d + j] *= factor


cdef inline void catch_up_row(const integer *columns, Py_ssize_t start, Py_ssize_t stop,
                              Py_ssize_t d, Py_ssize_t n_outputs, double *weights,
                              double threshold, double *seen) noexcept nogil:
    cdef Py_ssize_t p, k, j
    cdef double cut
    for p in range(start, stop):
        j = columns[p]
        cut = threshold - seen[j]
        if cut > 0.0:
            for k in range(n_outputs):
                weights[k * d + j] = soft(weights[k * d + j], cut)
            seen[j] = threshold


cdef void sparse_catch_up(const integer *columns, const integer *starts, Py_ssize_t d,
                          const Batch *batch, Py_ssize_t n_outputs, Descent *run) noexcept nogil:
    cdef Py_ssize_t i, row
    for i in range(batch.count):
        row = number_of(batch, i)
        catch_up_row(columns, starts[row], starts[row + 1], d, n_outputs, run.weights,
                     run.threshold, run.seen)


cdef kernel_void sparse_descend(const real *values, const integer *columns, const integer *starts,
                                const Batch *batch, const double *lr, Descent *run,
                                Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i, place, start, stop, known = batch.count + batch.ahead
    cdef const double *targets = run.targets
    cdef const double *sample_weights = run.sample_weights
    cdef double *weights = run.weights
    cdef double *bias = run.bias
    cdef double decay = run.decay, factor = run.factor, move
    cdef const char *values_line
    cdef const char *values_end
    cdef const char *columns_line
    cdef const char *columns_end
    for i in range(batch.count):
        values_line = values_end = columns_line = columns_end = NULL
        if batch.indices != NULL:
            # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
            if i + 16 < known:
                prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
                prefetch(targets + <Py_ssize_t>batch.indices[i + 16])
            if i + 8 < known:
                place = <Py_ssize_t>batch.indices[i + 8]
                start = starts[place]
                stop = min(<Py_ssize_t>starts[place + 1], start + 1024)
                values_line, values_end = line_of(values + start), <const char *>(values + stop)
                columns_line, columns_end = line_of(columns + start), <const char *>(columns + stop)
        place = number_of(batch, i)
        start = starts[place]
        stop = starts[place + 1]
        if run.seen != NULL:
            catch_up_row(columns, start, stop, d, 1, weights, run.threshold, run.seen)
        move = factor * asking_dot(values + start, columns + start, stop - start, weights,
                                   values_line, values_end)
        if bias != NULL:
            move += bias[0]
        run.slope(&move, targets + place, 1, 1, run.parameters, NULL)
        if sample_weights != NULL:
            move *= sample_weights[place]
        move *= -lr[i]
        if decay != 0.0:
            factor *= 1.0 - lr[i] * decay
            if not 1e-100 < factor:
                run.factor = factor
                fold(run, d, 1)
                factor = 1.0
        if bias != NULL:
            bias[0] += move
        move /= factor
        asking_add(move, values + start, columns + start, stop - start, weights,
                   columns_line, columns_end)
        if run.seen != NULL:
            run.threshold += lr[i] * run.l1 / factor
            factor /= 1.0 + lr[i] * run.l2
            if not 1e-100 < factor:
                run.factor = factor
                fold(run, d, 1)
                factor = 1.0
    run.factor = factor


cdef void apply_late(double *weights, Py_ssize_t d, Py_ssize_t n_outputs,
                     const Descent *run) noexcept nogil:
    late_kernel(weights, d, n_outputs, run)


cdef void fold(Descent *run, Py_ssize_t d, Py_ssize_t n_outputs) noexcept nogil:
    # Apply what is put off, before what is stored can overflow.
    cdef Py_ssize_t j
    late_kernel(run.weights, d, n_outputs, run)
    run.factor = 1.0
    run.threshold = 0.0
    if run.seen != NULL:
        for j in range(d):
            run.seen[j] = 0.0


cdef Py_ssize_t sparse_touch(const integer *columns, const integer *starts, const Batch *batch,
                             int64_t *marks, int64_t stamp, int64_t *touched) noexcept nogil:
    cdef Py_ssize_t i, p, row, count = 0
    for i in range(batch.count):
        row = number_of(batch, i)
        for p in range(starts[row], starts[row + 1]):
            if marks[columns[p]] != stamp:
                marks[columns[p]] = stamp
                touched[count] = columns[p]
                count += 1
    return count


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


cdef class SparseRows(Rows):
    """SparseRows(X)\n--\n
    A CSR matrix (scipy's matrix or array class), its three arrays used in place.

    Column indices need not be sorted, and may repeat: repeated entries count as their sum.
    """
    cdef const void *values
    cdef const void *columns
    cdef const void *starts
    cdef bint single, narrow
    cdef object arrays

    def __init__(self, X):
        wrong = check_csr(X)
        if wrong is None and X.data.dtype not in (np.float64, np.float32):
            wrong = f"its data is {X.data.dtype}"
        if wrong is not None:
            raise ValueError(f"X is not a valid CSR matrix: {wrong}")
        self.source = X
        self.n_rows, self.n_columns = X.shape
        self.sparse = True
        # scipy keeps both index arrays in one type; a hand-made matrix may not.
        starts = np.ascontiguousarray(X.indptr, dtype=X.indices.dtype)
        self.arrays = X.data, X.indices, starts
        self.single = X.data.itemsize == 4
        self.narrow = X.indices.itemsize == 4
        self.values = address(X.data)
        self.columns = address(X.indices)
        self.starts = address(starts)
        self.storage = Storage(self.values, self.columns, self.starts, self.single, self.narrow, 0)
        self.block_rows = 256

    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_margins(<const float *>self.values, <const int32_t *>self.columns,
                               <const int32_t *>self.starts, self.n_columns, batch, weights, bias,
                               n_outputs, out)
            else:
                sparse_margins(<const float *>self.values, <const int64_t *>self.columns,
                               <const int64_t *>self.starts, self.n_columns, batch, weights, bias,
                               n_outputs, out)
        elif self.narrow:
            sparse_margins(<const double *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, self.n_columns, batch, weights, bias,
                           n_outputs, out)
        else:
            sparse_margins(<const double *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, self.n_columns, batch, weights, bias,
                           n_outputs, out)

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_add(<const float *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, self.n_columns, batch, coefficients,
                           factor, n_outputs, target)
            else:
                sparse_add(<const float *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, self.n_columns, batch, coefficients,
                           factor, n_outputs, target)
        elif self.narrow:
            sparse_add(<const double *>self.values, <const int32_t *>self.columns,
                       <const int32_t *>self.starts, self.n_columns, batch, coefficients, factor,
                       n_outputs, target)
        else:
            sparse_add(<const double *>self.values, <const int64_t *>self.columns,
                       <const int64_t *>self.starts, self.n_columns, batch, coefficients, factor,
                       n_outputs, target)

    cdef void descend(self, const Batch *batch, const double *lr, Descent *run) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_descend(<const float *>self.values, <const int32_t *>self.columns,
                               <const int32_t *>self.starts, batch, lr, run, self.n_columns)
            else:
                sparse_descend(<const float *>self.values, <const int64_t *>self.columns,
                               <const int64_t *>self.starts, batch, lr, run, self.n_columns)
        elif self.narrow:
            sparse_descend(<const double *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, batch, lr, run, self.n_columns)
        else:
            sparse_descend(<const double *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, batch, lr, run, self.n_columns)

    cdef void catch_up(self, const Batch *batch, Py_ssize_t n_outputs,
                       Descent *run) noexcept nogil:
        if self.narrow:
            sparse_catch_up(<const int32_t *>self.columns, <const int32_t *>self.starts,
                            self.n_columns, batch, n_outputs, run)
        else:
            sparse_catch_up(<const int64_t *>self.columns, <const int64_t *>self.starts,
                            self.n_columns, batch, n_outputs, run)

    cdef int check(self) except -1:
        wrong = structure(*self.arrays[1:], self.n_rows, self.n_columns, self.arrays[0].shape[0])
        if wrong is not None:
            raise ValueError(f"the CSR matrix was changed since it was checked: {wrong}")
        return 0

    cdef Py_ssize_t touch(self, const Batch *batch, int64_t *marks, int64_t stamp,
                          int64_t *columns) noexcept nogil:
        if self.narrow:
            return sparse_touch(<const int32_t *>self.columns, <const int32_t *>self.starts, batch,
                                marks, stamp, columns)
        return sparse_touch(<const int64_t *>self.columns, <const int64_t *>self.starts, batch,
                            marks, stamp, columns)


cdef const void *address(array) except NULL:
    # An empty array has an address too, in NumPy.
    return <const void *><size_t>array.__array_interface__["data"][0]


cdef Rows wrap(X):
    if hasattr(X, "indptr"):
        return SparseRows(X)
    return ByteRows(X) if X.itemsize == 1 else DenseRows(X)

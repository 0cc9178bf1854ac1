# Dense rows, of float64, float32 or uint8: kernels of one output, and who chooses among them.
from libc.stdint cimport uint8_t

from .classes cimport add_classes, class_margins
from .rows cimport LINE, PREFETCH_BYTES, Descent, Rows, Storage, fetch, number_of, row_of
from .sampling cimport Batch
from .vector cimport VECTORS, all_of, axpy, dot, four, kernel_void, load, load_doubles
from .vector cimport load_first, prefetch, real, store, sums_of

ctypedef fused number:
    double
    float
    uint8_t

cdef enum:
    CACHED = 1 << 19
    NARROW = 32
    CACHE = 1 << 13


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


cdef Py_ssize_t rows_ahead(Py_ssize_t width):
    return max(2, min(16, PREFETCH_BYTES // width))


cdef class DenseRows(Rows):
    """DenseRows(X)\n--\n
    A C-contiguous (n, d) array of float64 or float32, used in place.
    """
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
                class_margins(<const float *>self.data, self.n_columns, batch, self.distance,
                              weights, bias, n_outputs, out)
            else:
                class_margins(<const double *>self.data, self.n_columns, batch, self.distance,
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
                add_classes(<const float *>self.data, self.n_columns, batch, coefficients, factor,
                            n_outputs, target)
            else:
                add_classes(<const double *>self.data, self.n_columns, batch, coefficients, factor,
                            n_outputs, target)
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
    def __init__(self, X):
        cdef const uint8_t[:, ::1] view = X
        self.source = X
        self.n_rows, self.n_columns = X.shape
        self.data = &view[0, 0]
        self.distance = rows_ahead(self.n_columns)

    cdef void gather(self, const Batch *batch, double scale, double *out) noexcept nogil:
        dense_gather(self.data, self.n_columns, batch, self.distance, scale, out)

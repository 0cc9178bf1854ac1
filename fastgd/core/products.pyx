# Products of matrices, row-major: in registers, or by BLAS where they are large.
#
# BLAS's are cut into slices small enough that OpenBLAS keeps each on the calling thread (below 2^19
# multiplications). So no thread of BLAS ever wakes up: bits do not depend on their number, threads
# that train networks side by side do not wait for one another, and nothing needs to be set. It is
# faster too (on one core, 64 x 128 x 784: 232 us in slices, 278 us whole).
from scipy.linalg.cython_blas cimport dgemm

from .vector cimport VECTORS, all_of, four, kernel_void, load_doubles, load_first_doubles
from .vector cimport store, sums_of

cdef enum:
    SLICE = (1 << 19) - 1
    SIDE = 96
    # Multiplications up to which our own products are faster: a call of BLAS is 0.3 us, and it
    # copies both matrices first.
    SMALL = 1 << 18


cdef inline void put(double *c, four x, Py_ssize_t count, bint add) noexcept nogil:
    # The first `count` of four sums.
    cdef double[4] sums
    cdef Py_ssize_t i
    if count == 4:
        store(c, load_doubles(c) + x if add else x)
        return
    store(sums, x)
    for i in range(count):
        c[i] = c[i] + sums[i] if add else sums[i]


cdef inline void put_row(double *c, four x, four y, four z, Py_ssize_t columns, Py_ssize_t rest,
                         bint add) noexcept nogil:
    put(c, x, 4 if columns else rest, add)
    if columns > 4:
        put(c + 4, y, 4, add)
    if columns > 8:
        put(c + 8, z, 4, add)


cdef inline void block(const double *a, Py_ssize_t across, Py_ssize_t along, const double *b,
                       Py_ssize_t n, Py_ssize_t k, bint add, double *c, Py_ssize_t rows,
                       Py_ssize_t columns, Py_ssize_t rest) noexcept nogil:
    # Up to 4 x 12 entries of C, their sums in registers: a[r, p] stands at r across + p along.
    # `columns` is 12, 8 or 4, or 0 where fewer than four are left. The callers' numbers of rows and
    # columns are constants, so that each gets its own code.
    cdef Py_ssize_t p
    cdef four u, x, y, z = all_of(0.0)
    cdef four x0 = z, y0 = z, z0 = z, x1 = z, y1 = z, z1 = z
    cdef four x2 = z, y2 = z, z2 = z, x3 = z, y3 = z, z3 = z
    for p in range(k):
        x = load_doubles(b) if columns else load_first_doubles(b, rest)
        y = load_doubles(b + 4) if columns > 4 else x
        z = load_doubles(b + 8) if columns > 8 else x
        u = all_of(a[0])
        x0 += u * x
        y0 += u * y
        z0 += u * z
        if rows > 1:
            u = all_of(a[across])
            x1 += u * x
            y1 += u * y
            z1 += u * z
        if rows > 2:
            u = all_of(a[2 * across])
            x2 += u * x
            y2 += u * y
            z2 += u * z
        if rows > 3:
            u = all_of(a[3 * across])
            x3 += u * x
            y3 += u * y
            z3 += u * z
        a += along
        b += n
    put_row(c, x0, y0, z0, columns, rest, add)
    if rows > 1:
        put_row(c + n, x1, y1, z1, columns, rest, add)
    if rows > 2:
        put_row(c + 2 * n, x2, y2, z2, columns, rest, add)
    if rows > 3:
        put_row(c + 3 * n, x3, y3, z3, columns, rest, add)


cdef inline void panel(const double *a, Py_ssize_t across, Py_ssize_t along, const double *b,
                       Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, bint add, double *c,
                       Py_ssize_t columns, Py_ssize_t rest) noexcept nogil:
    # All rows of C, in the next columns.
    cdef Py_ssize_t i = 0
    while i + 4 <= m:
        block(a + i * across, across, along, b, n, k, add, c + i * n, 4, columns, rest)
        i += 4
    if m - i == 3:
        block(a + i * across, across, along, b, n, k, add, c + i * n, 3, columns, rest)
    elif m - i == 2:
        block(a + i * across, across, along, b, n, k, add, c + i * n, 2, columns, rest)
    elif m - i == 1:
        block(a + i * across, across, along, b, n, k, add, c + i * n, 1, columns, rest)


cdef kernel_void small_product(const double *a, Py_ssize_t across, Py_ssize_t along,
                               const double *b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, bint add,
                               double *c) noexcept nogil:
    # B as it stands.
    cdef Py_ssize_t j = 0
    while j + 12 <= n:
        panel(a, across, along, b + j, m, n, k, add, c + j, 12, 0)
        j += 12
    # What is left, together with columns that are there already where nothing is added to them.
    if not add and n >= 8 and n - j > 4:
        j = n - 8
    elif not add and n >= 4 and 0 < n - j < 4:
        j = n - 4
    if j + 8 <= n:
        panel(a, across, along, b + j, m, n, k, add, c + j, 8, 0)
        j += 8
    if j + 4 <= n:
        panel(a, across, along, b + j, m, n, k, add, c + j, 4, 0)
        j += 4
    if j < n:
        panel(a, across, along, b + j, m, n, k, add, c + j, 0, n - j)


cdef inline void dots(const double *a, const double *a1, const double *a2, const double *b,
                      const double *b1, const double *b2, const double *b3, Py_ssize_t k,
                      Py_ssize_t rest, bint add, double *c, Py_ssize_t n, Py_ssize_t rows,
                      Py_ssize_t columns) noexcept nogil:
    # The products of three rows with four, of which `rows` and `columns` are kept. The rows' length
    # is a multiple of four and `rest`, a constant.
    cdef Py_ssize_t p = 0
    cdef four w, x, y, u, z = all_of(0.0)
    cdef four x0 = z, y0 = z, w0 = z, x1 = z, y1 = z, w1 = z
    cdef four x2 = z, y2 = z, w2 = z, x3 = z, y3 = z, w3 = z
    while p + 4 <= k:
        x = load_doubles(a + p)
        y = load_doubles(a1 + p)
        w = load_doubles(a2 + p)
        u = load_doubles(b + p)
        x0 += x * u
        y0 += y * u
        w0 += w * u
        u = load_doubles(b1 + p)
        x1 += x * u
        y1 += y * u
        w1 += w * u
        u = load_doubles(b2 + p)
        x2 += x * u
        y2 += y * u
        w2 += w * u
        u = load_doubles(b3 + p)
        x3 += x * u
        y3 += y * u
        w3 += w * u
        p += 4
    if rest:
        x = load_first_doubles(a + p, rest)
        y = load_first_doubles(a1 + p, rest)
        w = load_first_doubles(a2 + p, rest)
        u = load_first_doubles(b + p, rest)
        x0 += x * u
        y0 += y * u
        w0 += w * u
        u = load_first_doubles(b1 + p, rest)
        x1 += x * u
        y1 += y * u
        w1 += w * u
        u = load_first_doubles(b2 + p, rest)
        x2 += x * u
        y2 += y * u
        w2 += w * u
        u = load_first_doubles(b3 + p, rest)
        x3 += x * u
        y3 += y * u
        w3 += w * u
    put(c, sums_of(x0, x1, x2, x3), columns, add)
    if rows > 1:
        put(c + n, sums_of(y0, y1, y2, y3), columns, add)
    if rows > 2:
        put(c + 2 * n, sums_of(w0, w1, w2, w3), columns, add)


cdef inline void all_dots(const double *a, const double *b, Py_ssize_t m, Py_ssize_t n,
                          Py_ssize_t k, Py_ssize_t rest, bint add, double *c) noexcept nogil:
    cdef Py_ssize_t i, j, last = (n - 1) * k
    cdef const double *row
    cdef const double *b0
    cdef const double *b1
    cdef const double *b2
    cdef const double *b3
    for j in range(0, n, 4):
        b0 = b + j * k
        b1 = b + min((j + 1) * k, last)
        b2 = b + min((j + 2) * k, last)
        b3 = b + min((j + 3) * k, last)
        row = a
        for i in range(0, m - 2, 3):
            dots(row, row + k, row + 2 * k, b0, b1, b2, b3, k, rest, add, c + i * n + j, n, 3,
                 min(<Py_ssize_t>4, n - j))
            row += 3 * k
        i = m // 3 * 3
        if i < m:
            dots(row, a + (m - 1) * k, a + (m - 1) * k, b0, b1, b2, b3, k, rest, add,
                 c + i * n + j, n, m - i, min(<Py_ssize_t>4, n - j))


cdef kernel_void small_dots(const double *a, const double *b, Py_ssize_t m, Py_ssize_t n,
                            Py_ssize_t k, bint add, double *c) noexcept nogil:
    # B as its transpose: both are read along their rows.
    if k % 4 == 0:
        all_dots(a, b, m, n, k, 0, add, c)
    elif k % 4 == 1:
        all_dots(a, b, m, n, k, 1, add, c)
    elif k % 4 == 2:
        all_dots(a, b, m, n, k, 2, add, c)
    else:
        all_dots(a, b, m, n, k, 3, add, c)


cdef inline Py_ssize_t even(Py_ssize_t total, Py_ssize_t most) noexcept nogil:
    # The length of equal parts of at most that length.
    cdef Py_ssize_t parts = (total + most - 1) // most
    return (total + parts - 1) // parts


cdef void product(bint a_transposed, bint b_transposed, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                  const double *a, const double *b, bint add, double *c) noexcept nogil:
    # BLAS counts by columns: for it all three are transposed, and so is their order.
    cdef char transpose_a = b't' if a_transposed else b'n'
    cdef char transpose_b = b't' if b_transposed else b'n'
    cdef int lda = <int>(m if a_transposed else k)
    cdef int ldb = <int>(k if b_transposed else n)
    cdef int ldc = <int>n
    cdef int rows, columns, depth
    cdef Py_ssize_t i, j = 0, p, m_part = m, n_part = n, k_part = k
    cdef double one = 1.0, beta
    if is_small(m, n, k) and not (a_transposed and b_transposed):
        if b_transposed:
            small_dots(a, b, m, n, k, add, c)
        else:
            small_product(a, 1 if a_transposed else k, m if a_transposed else 1, b, m, n, k, add,
                          c)
        return
    if m * n * k > SLICE:
        m_part = even(m, SIDE)
        n_part = even(n, SIDE)
        k_part = even(k, SLICE // (m_part * n_part))
    while j < n:
        i = 0
        while i < m:
            p = 0
            while p < k:
                rows = <int>min(m_part, m - i)
                columns = <int>min(n_part, n - j)
                depth = <int>min(k_part, k - p)
                beta = 1.0 if add or p > 0 else 0.0
                dgemm(&transpose_b, &transpose_a, &columns, &rows, &depth, &one,
                      <double *>b + (j * k + p if b_transposed else p * n + j), &ldb,
                      <double *>a + (p * m + i if a_transposed else i * k + p), &lda,
                      &beta, c + i * n + j, &ldc)
                p += k_part
            i += m_part
        j += n_part


cdef bint is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    return VECTORS and m * n * k <= SMALL

# Sums and products over contiguous vectors, inlined into the kernels that need them.
#
# Nothing here carries the dispatch attribute: it belongs on the function that holds the loop
# over a batch, and each of its SIMD copies gets its own copy of these.
from libc.stdint cimport int64_t

cdef extern from "dispatch.h" nogil:
    ctypedef void kernel_void "FASTGD_KERNEL_VOID"
    bint DISPATCHED "FASTGD_DISPATCHED"
    void prefetch "FASTGD_PREFETCH"(const void *address)
    int64_t bits_of "fastgd_bits"(double x)
    double from_bits "fastgd_from_bits"(int64_t bits)
    # Four doubles at once. Where VECTORS is 0 a kernel must not use them.
    bint VECTORS "FASTGD_VECTORS"
    ctypedef double four "fastgd_four"
    four all_of "fastgd_all"(double x)
    four load_doubles "fastgd_load"(const double *p)
    four load_floats "fastgd_load_floats"(const float *p)
    four load_first_doubles "fastgd_load_first"(const double *p, Py_ssize_t n)
    four load_first_floats "fastgd_load_first_floats"(const float *p, Py_ssize_t n)
    void store "fastgd_store"(double *p, four x)
    double sum_of "fastgd_sum"(four x)
    four sums_of "fastgd_sums"(four a, four b, four c, four d)

# How an entry of X may be stored. Parameters, gradients and sums are always float64.
ctypedef fused real:
    double
    float


# That of the other factor of a product: weights, or another row.
ctypedef fused other:
    double
    float


cdef inline four load(const real *p) noexcept nogil:
    if real is double:
        return load_doubles(p)
    else:
        return load_floats(p)


cdef inline four load_first(const real *p, Py_ssize_t n) noexcept nogil:
    # The first n < 4, then zeros.
    if real is double:
        return load_first_doubles(p, n)
    else:
        return load_first_floats(p, n)


cdef inline double dot(const real *x, const other *w, Py_ssize_t n) noexcept nogil:
    # Eight sums, written out: the source fixes the order of summation, and the compiler may not
    # reorder anything. Sixteen gain 8 % on long rows and lose 40 % on short ones, where taking them
    # apart is most of the work.
    cdef Py_ssize_t j = 0
    cdef four low, high
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    if VECTORS:
        low = all_of(0.0)
        high = all_of(0.0)
        while j + 8 <= n:
            low += load(x + j) * load(w + j)
            high += load(x + j + 4) * load(w + j + 4)
            j += 8
        if j + 4 <= n:
            low += load(x + j) * load(w + j)
            j += 4
        if j < n:
            low += load_first(x + j, n - j) * load_first(w + j, n - j)
        return sum_of(low + high)
    while j + 8 <= n:
        a0 += <double>x[j] * w[j]
        a1 += <double>x[j + 1] * w[j + 1]
        a2 += <double>x[j + 2] * w[j + 2]
        a3 += <double>x[j + 3] * w[j + 3]
        a4 += <double>x[j + 4] * w[j + 4]
        a5 += <double>x[j + 5] * w[j + 5]
        a6 += <double>x[j + 6] * w[j + 6]
        a7 += <double>x[j + 7] * w[j + 7]
        j += 8
    if j + 4 <= n:
        a0 += <double>x[j] * w[j]
        a1 += <double>x[j + 1] * w[j + 1]
        a2 += <double>x[j + 2] * w[j + 2]
        a3 += <double>x[j + 3] * w[j + 3]
        j += 4
    if j < n:
        a0 += <double>x[j] * w[j]
    if j + 1 < n:
        a1 += <double>x[j + 1] * w[j + 1]
    if j + 2 < n:
        a2 += <double>x[j + 2] * w[j + 2]
    return ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))


cdef inline void axpy(double a, const real *x, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] += a * x[j]


cdef inline void scale(double a, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] *= a


cdef inline double square_sum(const double *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while j + 4 <= n:
        a0 += x[j] * x[j]
        a1 += x[j + 1] * x[j + 1]
        a2 += x[j + 2] * x[j + 2]
        a3 += x[j + 3] * x[j + 3]
        j += 4
    while j < n:
        a0 += x[j] * x[j]
        j += 1
    return (a0 + a1) + (a2 + a3)

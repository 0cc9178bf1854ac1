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

# How an entry of X may be stored. Parameters, gradients and sums are always float64.
ctypedef fused real:
    double
    float


cdef inline double dot(const real *x, const double *w, Py_ssize_t n) noexcept nogil:
    # Sixteen accumulators, written out: the source fixes the order of summation, and the
    # compiler may keep them in SIMD registers without being allowed to reorder anything.
    # The tail goes in fours for the same reason; measured 7 ns at n = 54.
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    cdef double a8 = 0, a9 = 0, a10 = 0, a11 = 0, a12 = 0, a13 = 0, a14 = 0, a15 = 0
    while j + 16 <= n:
        a0 += x[j] * w[j]
        a1 += x[j + 1] * w[j + 1]
        a2 += x[j + 2] * w[j + 2]
        a3 += x[j + 3] * w[j + 3]
        a4 += x[j + 4] * w[j + 4]
        a5 += x[j + 5] * w[j + 5]
        a6 += x[j + 6] * w[j + 6]
        a7 += x[j + 7] * w[j + 7]
        a8 += x[j + 8] * w[j + 8]
        a9 += x[j + 9] * w[j + 9]
        a10 += x[j + 10] * w[j + 10]
        a11 += x[j + 11] * w[j + 11]
        a12 += x[j + 12] * w[j + 12]
        a13 += x[j + 13] * w[j + 13]
        a14 += x[j + 14] * w[j + 14]
        a15 += x[j + 15] * w[j + 15]
        j += 16
    while j + 4 <= n:
        a0 += x[j] * w[j]
        a1 += x[j + 1] * w[j + 1]
        a2 += x[j + 2] * w[j + 2]
        a3 += x[j + 3] * w[j + 3]
        j += 4
    while j < n:
        a0 += x[j] * w[j]
        j += 1
    return ((((a0 + a8) + (a4 + a12)) + ((a2 + a10) + (a6 + a14)))
            + (((a1 + a9) + (a5 + a13)) + ((a3 + a11) + (a7 + a15))))


cdef inline void axpy(double a, const real *x, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] += a * x[j]


cdef inline void scale(double a, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] *= a

# Products of matrices, row-major.

# C (m x n) = A (m x k) B (k x n), or C + A B with `add`; A or B may be given as its transpose.
cdef void product(bint a_transposed, bint b_transposed, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                  const double *a, const double *b, bint add, double *c) noexcept nogil
# Whether such a product needs no BLAS, for which a transposed copy may pay.
cdef bint is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil

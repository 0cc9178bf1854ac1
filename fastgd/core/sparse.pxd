# CSR rows, and what steps on them put off.
from .rows cimport Descent, Rows


cdef class SparseRows(Rows):
    cdef const void *values
    cdef const void *columns
    cdef const void *starts
    cdef bint single, narrow
    cdef object arrays


# The weights as they are, of those stored; and the same in place, for good.
cdef void apply_late(double *weights, Py_ssize_t d, Py_ssize_t n_outputs,
                     const Descent *run) noexcept nogil
cdef void fold(Descent *run, Py_ssize_t d, Py_ssize_t n_outputs) noexcept nogil

# Rows of a file that is mapped into memory, asked for before they are used.
from libc.stdint cimport int64_t


cdef class ReadAhead:
    cdef object arrays                     # keeps the memory alive
    cdef const char *values
    cdef const char *columns               # of a CSR matrix, or NULL
    cdef const void *starts
    cdef bint narrow
    cdef Py_ssize_t row_bytes              # of a dense row, or about those of a sparse one
    cdef Py_ssize_t value_bytes            # of an entry, and of the number of its column
    cdef Py_ssize_t index_bytes
    cdef int64_t faults
    cdef Py_ssize_t patience
    cdef readonly Py_ssize_t rows          # so many at a time
    cdef readonly Py_ssize_t asked         # in all
    # The rows that come next, in the order in which they are used.
    cdef void ask(self, const int64_t *indices, Py_ssize_t count) noexcept nogil

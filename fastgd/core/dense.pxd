# Dense rows.
from libc.stdint cimport uint8_t

from .rows cimport Rows


cdef class DenseRows(Rows):
    cdef const void *data
    cdef bint single
    cdef Py_ssize_t distance


# As images are stored, for networks.
cdef class ByteRows(Rows):
    cdef const uint8_t *data
    cdef Py_ssize_t distance

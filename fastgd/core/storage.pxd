# Which storage a matrix has.
from .rows cimport Rows

cdef Rows wrap(X)

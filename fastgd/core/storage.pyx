# Which storage a matrix has.
from .dense cimport ByteRows, DenseRows
from .rows cimport Rows
from .sparse cimport SparseRows


cdef Rows wrap(X):
    if hasattr(X, "indptr"):
        return SparseRows(X)
    return ByteRows(X) if X.itemsize == 1 else DenseRows(X)

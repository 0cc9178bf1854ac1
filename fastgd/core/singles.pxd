# Steps on single rows in one loop.
from .losses cimport LossKernel
from .rows cimport Storage
from .sampling cimport Batch


# AdaGrad on CSR rows: where it reads and writes.
cdef struct SparseSingles:
    LossKernel slope
    const double *parameters
    const double *targets
    const double *sample_weights   # or NULL
    double *theta
    double *squares                # AdaGrad's G, as theta
    Py_ssize_t bias                # where that of the model stands, or -1
    double eps
    double eps_root


# Steps of AdaGrad on each row of the batch in turn, up to one that names a column twice, and how
# many they were.
cdef Py_ssize_t adagrad_singles(const Storage *X, const Batch *batch, const double *lr,
                                SparseSingles *run) noexcept nogil

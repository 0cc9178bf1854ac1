# Dense rows against several outputs.
from .sampling cimport Batch
from .vector cimport real

cdef void class_margins(const real *X, Py_ssize_t d, const Batch *batch, Py_ssize_t distance,
                        const double *weights, const double *bias, Py_ssize_t n_outputs,
                        double *out) noexcept nogil
cdef void add_classes(const real *X, Py_ssize_t d, const Batch *batch, const double *coefficients,
                      double factor, Py_ssize_t n_outputs, double *target) noexcept nogil

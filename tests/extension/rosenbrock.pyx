# An objective that fastgd does not have, run by its loop at full speed: Rosenbrock's function,
# sum of 100 (theta[j+1] - theta[j]²)² + (1 - theta[j])².
from fastgd.core.objective cimport OK, Objective
from fastgd.core.sampling cimport Batch

import fastgd


cdef class RosenbrockObjective(Objective):
    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(self.n_params - 1):
            value[0] += 100 * (theta[j + 1] - theta[j] ** 2) ** 2 + (1 - theta[j]) ** 2
        return OK

    cdef int add_gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        cdef Py_ssize_t j
        cdef double gap
        for j in range(self.n_params - 1):
            gap = theta[j + 1] - theta[j] * theta[j]
            out[j] += -400 * theta[j] * gap - 2 * (1 - theta[j])
            out[j + 1] += 200 * gap
        return OK


class Rosenbrock(fastgd.Objective):
    n_samples = None

    def __init__(self, n_params):
        self.n_params = n_params

    def compiled(self):
        return RosenbrockObjective(1, self.n_params)

# Objectives that are not a mean over data: a quadratic form, and the user's own functions.
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .flush cimport keep_small, unflush
from .objective cimport FAILED, OK, Objective
from .sampling cimport Batch
from .vector cimport dot, kernel_void

import numpy as np


cdef kernel_void symmetric_product(const double *A, const double *theta, Py_ssize_t d,
                                   double *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        out[i] = dot(A + i * d, theta, d)


cdef kernel_void scalar_product(const double *a, const double *b, Py_ssize_t d,
                                double *out) noexcept nogil:
    out[0] = dot(a, b, d)


cdef class QuadraticObjective(Objective):
    """QuadraticObjective(A, b)\n--\n
    1/2 theta'A theta - b'theta, A symmetric.
    """
    cdef const double[:, ::1] A
    cdef const double[::1] b

    def __init__(self, const double[:, ::1] A, const double[::1] b):
        super().__init__(1, A.shape[0])
        self.A = A
        self.b = b

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef double curved, straight
        symmetric_product(&self.A[0, 0], theta, self.n_params, self.partial)
        scalar_product(self.partial, theta, self.n_params, &curved)
        scalar_product(&self.b[0], theta, self.n_params, &straight)
        value[0] += 0.5 * curved - straight
        return OK

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef Py_ssize_t j
        symmetric_product(&self.A[0, 0], theta, self.n_params, self.partial)
        for j in range(self.n_params):
            out[j] += self.partial[j] - self.b[j]
        return OK


cdef class FunctionObjective(Objective):
    """FunctionObjective(value, gradient, n_params, n_samples=None)\n--\n
    Two Python callables: of theta or, where there are observations, of theta and the indices of
    those to average over.

    The one objective that takes the GIL: once a step, to ask them.
    """
    cdef object value_function
    cdef object gradient_function
    cdef bint indexed

    def __init__(self, value, gradient, Py_ssize_t n_params, n_samples=None):
        super().__init__(1 if n_samples is None else n_samples, n_params)
        self.value_function = value
        self.gradient_function = gradient
        self.indexed = n_samples is not None
        self.block_rows = self.n_samples  # the whole batch in one call

    cdef object ask(self, function, const double *theta, const Batch *batch):
        # Fresh copies each time: the callable may keep them, or write into them.
        copy = np.empty(self.n_params)
        cdef double[::1] view = copy
        cdef int64_t[::1] places
        cdef Py_ssize_t i
        memcpy(&view[0], theta, self.n_params * sizeof(double))
        if not self.indexed:
            return function(copy)
        indices = np.empty(batch.count, dtype=np.int64)
        places = indices
        for i in range(batch.count):
            places[i] = batch.first + i if batch.indices == NULL else batch.indices[i]
        return function(copy, indices)

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                answer = float(self.ask(self.value_function, theta, batch))
                value[0] += <double>answer * batch.count
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef const double[::1] answer
        cdef Py_ssize_t j
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                vector = np.asarray(self.ask(self.gradient_function, theta, batch))
                if vector.dtype.kind not in "biuf":
                    raise TypeError(f"gradient(theta) must return real numbers, not {vector.dtype}")
                vector = np.ascontiguousarray(vector, dtype=np.float64)
                if vector.shape != (self.n_params,):
                    raise ValueError(f"gradient(theta) returned shape {vector.shape}, "
                                     f"not ({self.n_params},)")
                answer = vector
                for j in range(self.n_params):
                    out[j] += answer[j] * batch.count
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status

# Objectives that are not a mean over data: a quadratic form, and functions of the user's own, in
# Python or behind a pointer.
from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .flush cimport keep_small, unflush
from .objective cimport FAILED, OK, Objective
from .sampling cimport Batch
from .vector cimport dot, kernel_void

import numpy as np

from .shared import as_numpy


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


cdef double as_number(answer) except? -1.0:
    if not isinstance(answer, float) and getattr(answer, "requires_grad", False):
        answer = answer.detach()  # of torch, which would warn
    return float(answer)


cdef class FunctionObjective(Objective):
    """FunctionObjective(value, gradient, n_params, n_samples=None, pair=None, penalty=None)\n--\n
    Python callables: of theta or, where there are observations, of theta and the indices of those
    to average over. `pair`, which returns both, stands in place of the two.

    The one objective that needs the GIL, in each step.
    """
    cdef object value_function
    cdef object gradient_function
    cdef object pair
    cdef bint indexed

    def __init__(self, value, gradient, Py_ssize_t n_params, n_samples=None, pair=None,
                 penalty=None):
        super().__init__(1 if n_samples is None else n_samples, n_params, penalty=penalty)
        self.value_function = value
        self.gradient_function = gradient
        self.pair = pair
        self.indexed = n_samples is not None
        self.block_rows = self.n_samples  # the whole batch in one call
        self.one_pass = pair is not None
        self.asks_python = True

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

    cdef object ask_both(self, const double *theta, const Batch *batch):
        answer = self.ask(self.pair, theta, batch)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise TypeError("value_and_gradient(theta) must return a pair, the value and the "
                            f"gradient, not {type(answer).__name__}")
        return answer

    cdef object add_answer(self, answer, Py_ssize_t count, double *out):
        cdef const double[::1] entries
        cdef Py_ssize_t j
        vector = answer
        if not isinstance(vector, np.ndarray):
            tensor = hasattr(vector, "__dlpack_device__")
            vector = as_numpy(vector, "the gradient") if tensor else np.asarray(vector)
        if vector.dtype.kind not in "biuf":
            raise TypeError(f"gradient(theta) must return real numbers, not {vector.dtype}")
        if vector.dtype != np.float64 or not vector.flags.c_contiguous:
            vector = np.ascontiguousarray(vector, dtype=np.float64)
        if vector.shape != (self.n_params,):
            raise ValueError(f"gradient(theta) returned shape {vector.shape}, "
                             f"not ({self.n_params},)")
        entries = vector
        for j in range(self.n_params):
            out[j] += entries[j] * count

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                if self.pair is None:
                    answer = self.ask(self.value_function, theta, batch)
                else:
                    answer = self.ask_both(theta, batch)[0]
                value[0] += as_number(answer) * batch.count
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                if self.pair is None:
                    answer = self.ask(self.gradient_function, theta, batch)
                else:
                    answer = self.ask_both(theta, batch)[1]
                self.add_answer(answer, batch.count, out)
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                loss, slope = self.ask_both(theta, batch)
                value[0] += as_number(loss) * batch.count
                self.add_answer(slope, batch.count, out)
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status


# What a pointer may point to: the value is returned and the gradient written, at theta or at theta
# and so many indices; int or 64-bit sizes, with and without the caller's own data.
ctypedef double (*Narrow)(int, const double *, double *) noexcept nogil
ctypedef double (*NarrowData)(int, const double *, double *, void *) noexcept nogil
ctypedef double (*Wide)(int64_t, const double *, double *) noexcept nogil
ctypedef double (*WideData)(int64_t, const double *, double *, void *) noexcept nogil
ctypedef double (*Rows)(int64_t, const double *, int64_t, const int64_t *,
                        double *) noexcept nogil
ctypedef double (*RowsData)(int64_t, const double *, int64_t, const int64_t *, double *,
                            void *) noexcept nogil


cdef class FunctionPointer(Objective):
    """FunctionPointer(capsule, n_params, n_samples=None, wide=True, data=False, penalty=None)\n--\n
    A compiled function in a capsule, called without the GIL: ``f(n_params, theta, gradient, data)``
    writes the gradient and returns the value; with observations it is ``f(n_params, theta, count,
    indices, gradient, data)``.

    `wide` is whether sizes have 64 bits, `data` whether it takes the capsule's context at the end.
    """
    cdef object capsule
    cdef object every
    cdef void *function
    cdef void *context
    cdef const int64_t *all_rows
    cdef bint indexed, wide, data

    def __init__(self, capsule, Py_ssize_t n_params, n_samples=None, bint wide=True,
                 bint data=False, penalty=None):
        cdef const int64_t[::1] rows
        super().__init__(1 if n_samples is None else n_samples, n_params, penalty=penalty)
        self.capsule = capsule
        self.function = PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))
        self.context = PyCapsule_GetContext(capsule)
        self.indexed, self.wide, self.data = n_samples is not None, wide, data
        self.block_rows = self.n_samples
        self.one_pass = True
        if self.indexed:
            self.every = np.arange(self.n_samples)
            rows = self.every
            self.all_rows = &rows[0]

    cdef double call(self, const double *theta, const Batch *batch) noexcept nogil:
        # The gradient goes into `partial`, which nobody else uses where a batch is not parted.
        cdef int64_t n = self.n_params
        cdef const int64_t *rows
        if self.indexed:
            rows = self.all_rows + batch.first if batch.indices == NULL else batch.indices
            if self.data:
                return (<RowsData>self.function)(n, theta, batch.count, rows, self.partial,
                                                 self.context)
            return (<Rows>self.function)(n, theta, batch.count, rows, self.partial)
        if self.wide:
            if self.data:
                return (<WideData>self.function)(n, theta, self.partial, self.context)
            return (<Wide>self.function)(n, theta, self.partial)
        if self.data:
            return (<NarrowData>self.function)(<int>n, theta, self.partial, self.context)
        return (<Narrow>self.function)(<int>n, theta, self.partial)

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        cdef uint64_t mode = keep_small()
        value[0] += self.call(theta, batch) * batch.count
        unflush(mode)
        return OK

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef double value = 0.0
        return self.add_both(theta, batch, &value, out)

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        cdef uint64_t mode = keep_small()
        cdef Py_ssize_t j
        value[0] += self.call(theta, batch) * batch.count
        unflush(mode)
        for j in range(self.n_params):
            out[j] += self.partial[j] * batch.count
        return OK

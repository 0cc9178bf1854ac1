# Losses of a margin (what a linear model or a network puts out), on whole batches.
#
# Only the base is declared here: a new loss is a kernel and a class in losses.pyx, nothing else.
from .sampling cimport Batch
from .vector cimport prefetch

cdef enum:
    TARGETS_AHEAD = 16
    MOST_PARAMETERS = 4


cdef inline const double *pick(const double *numbers, Py_ssize_t width, const Batch *batch,
                               double *buffer) noexcept nogil:
    # What belongs to the rows of a batch, `width` numbers each (targets, weights): where it stands,
    # or collected in the buffer.
    cdef Py_ssize_t i, k
    if batch.indices == NULL:
        return numbers + batch.first * width
    if width == 1:
        for i in range(batch.count):
            if i + TARGETS_AHEAD < batch.count + batch.ahead:
                prefetch(numbers + batch.indices[i + TARGETS_AHEAD])
            buffer[i] = numbers[batch.indices[i]]
    else:
        for i in range(batch.count):
            for k in range(width):
                buffer[i * width + k] = numbers[batch.indices[i] * width + k]
    return buffer


# With `values`: values[i] = the loss of sample i. Without (NULL): each margin is replaced by the
# derivative of its sample's loss with respect to it. A loss of one margin may be given any number
# of them; one of several has n_outputs a sample and one target.
ctypedef void (*LossKernel)(double *margins, const double *targets, Py_ssize_t count,
                            Py_ssize_t n_outputs, const double *parameters,
                            double *values) noexcept nogil


cdef class Loss:
    cdef readonly Py_ssize_t n_outputs
    # 1, or n_outputs where each output has a target and a loss of its own.
    cdef readonly Py_ssize_t n_targets
    cdef LossKernel kernel
    cdef double[MOST_PARAMETERS] parameters
    # A kernel for several margins of one sample, and one target.
    cdef bint joint

    # The losses of `count` samples; out has room for count * n_targets numbers.
    cdef void values(self, double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil
    cdef void slopes(self, double *margins, const double *targets,
                     Py_ssize_t count) noexcept nogil


cpdef Loss make(loss, Py_ssize_t n_outputs=*)

# Losses of a margin (what a linear model or a network puts out), on whole batches.
#
# Only the base is declared here: a new loss is a class in losses.pyx and nothing else.
from .sampling cimport Batch
from .vector cimport prefetch

cdef enum:
    TARGETS_AHEAD = 16


cdef inline const double *pick_targets(const double *targets, const Batch *batch,
                                       double *buffer) noexcept nogil:
    # The targets of a batch: where they stand, or collected in the buffer.
    cdef Py_ssize_t i
    if batch.indices == NULL:
        return targets + batch.first
    for i in range(batch.count):
        if i + TARGETS_AHEAD < batch.count + batch.ahead:
            prefetch(targets + batch.indices[i + TARGETS_AHEAD])
        buffer[i] = targets[batch.indices[i]]
    return buffer


# The derivative of one sample's loss with respect to its one margin. (Through a pointer, since gcc
# dispatches by cpu only functions that are declared with their attribute, which is on void.)
ctypedef void (*Slope)(double margin, double target, double *slope) noexcept nogil


cdef class Loss:
    cdef readonly Py_ssize_t n_outputs
    # For steps of one sample each, which take no batch; NULL where there are several outputs.
    cdef Slope slope
    # out[i] = the loss of sample i; margins are count x n_outputs, targets hold one number each.
    cdef void values(self, const double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil
    # Replaces each margin by the derivative of its sample's loss with respect to it.
    cdef void derivatives(self, double *margins, const double *targets,
                          Py_ssize_t count) noexcept nogil

# The threads that share a gradient.
from libc.stdint cimport int64_t

from .objective cimport Objective
from .sampling cimport Batch


# One gradient, as a team shares it: each takes the next part of the rows, sums it, and adds its sum
# to the total when its turn comes. So the result does not depend on who did what.
cdef struct Job:
    const double *theta
    const Batch *batch
    double *out
    int64_t n_parts
    int64_t rows        # of a part
    int64_t taken       # parts handed out
    int64_t added       # parts added to out
    int64_t failed
    int64_t number      # of the job, counted up when it is ready
    int64_t open        # whether helpers may still come in
    int64_t inside      # helpers that have come in
    int64_t over        # whether there will be no more jobs


cdef class Team:
    cdef readonly Objective leader
    cdef readonly list helpers
    cdef Job job

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    cdef int sum_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil
    cdef int share(self, Objective member) noexcept nogil
    cdef void report(self, Objective member) noexcept nogil

# The threads that share a gradient.
from libc.stdint cimport int64_t

from .objective cimport Objective
from .sampling cimport Batch


# One gradient, as a team shares it: each takes the next part of the rows and sums it into a place
# of its own, and the leader adds the sums in the order of the parts. So the result does not depend
# on who did what, and nobody waits for a turn.
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
    # As many sums as may be under way or not yet added, one after another; and of each the number
    # of the part that it holds, plus 1.
    cdef double *sums
    cdef int64_t *held
    cdef Py_ssize_t places
    cdef Py_ssize_t stride

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    cdef int sum_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil
    cdef int share(self, Objective member) noexcept nogil
    cdef void add_up(self) noexcept nogil
    cdef void report(self, Objective member) noexcept nogil

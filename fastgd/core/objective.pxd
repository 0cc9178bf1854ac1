# The one interface that the ways of stepping know: a mean of per-sample losses, plus a penalty of
# the penalised parameters.
#
# Another package may subclass this from its own Cython code: write the two sums, and everything
# else - batches, means, penalties, weight decay, the loop, every optimizer - works on it.
from libc.stdint cimport int64_t

from .penalties cimport Penalty, Span
from .reading cimport ReadAhead
from .sampling cimport Batch

# What a method that can fail returns.
cdef enum Status:
    OK = 0
    FAILED = -1       # self.error holds a Python exception
    UNWRITTEN = 1     # the subclass does not write what was asked of it


cdef class Objective:
    cdef readonly Py_ssize_t n_samples     # 1 where the loss is not a mean over data
    cdef readonly Py_ssize_t n_params
    cdef readonly Penalty penalty
    cdef readonly object error             # the exception behind FAILED
    cdef Py_ssize_t block_rows             # rows that one partial sum takes
    cdef Py_ssize_t n_spans
    cdef Span *spans
    cdef double *partial
    cdef int64_t users                     # 1 while a run is using this object
    cdef bint unchanged                    # what the next claim would check is as it was
    cdef bint asks_python                  # each step needs the GIL
    cdef ReadAhead reading                 # of rows that lie in a file; None: in memory

    # To be written by each objective: add the sum over the batch to *value, or to out.
    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil
    cdef int add_gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    # May be written, and then `one_pass` is set: both sums, where they share most of the work.
    cdef bint one_pass
    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil

    # What a solver and Python call: the mean over the batch, with the penalty (of the gradient its
    # smooth part: the rest is the proximal step's).
    cdef int value(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    cdef int both(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil

    # The same as sums, without the penalty.
    cdef int sum_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil
    cdef int sum_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil

    cdef Py_ssize_t part_rows(self, Py_ssize_t count) noexcept nogil
    cdef void add_partial(self, double *out) noexcept nogil
    cdef void average(self, const double *theta, Py_ssize_t count, double *out) noexcept nogil
    cdef void add_smooth(self, const double *theta, double *out) noexcept nogil
    cdef int hear_signals(self) noexcept nogil

    # Whoever calls any of the above calls the first before, and the second when it is done.
    cdef int claim(self) except -1
    cdef void release(self) noexcept nogil


# All rows, and those that are named.
cdef Batch whole(Py_ssize_t n_samples) noexcept nogil
cdef Batch pick_rows(const int64_t[::1] indices, Py_ssize_t n_samples) except *

# Raises what is behind a status other than OK.
cdef int check(Objective objective, int status) except -1

# The Euclidean norm, also where the squares would overflow or vanish.
cdef double norm_of(const double *vector, Py_ssize_t n) noexcept nogil

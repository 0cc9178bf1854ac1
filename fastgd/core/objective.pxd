# The one interface that the loop knows: a mean of per-sample losses, plus l2/2 times the squared
# norm of the penalised parameters.
#
# Another package may subclass this from its own Cython code: write the two sums (and, where the
# gradient of a few samples can go straight into theta, `descend`), and everything else - batches,
# means, l2, weight decay, the loop, every optimizer - works on it.
from libc.stdint cimport int64_t

from .sampling cimport Batch

# What a method that can fail returns.
cdef enum Status:
    OK = 0
    FAILED = -1       # self.error holds a Python exception
    UNSUPPORTED = 1   # `descend` leaves this batch to `gradient`


# A stretch start <= j < stop of theta: whole weights (penalised) or whole biases (not).
cdef struct Span:
    Py_ssize_t start
    Py_ssize_t stop
    bint penalized


# One gradient, as the threads of a team share it: each takes the next block of rows, sums it, and
# adds its sum to the total when its turn comes. So the result does not depend on who did what.
cdef struct Job:
    const double *theta
    const Batch *batch
    double *out
    int64_t n_blocks
    int64_t rows        # of a block
    int64_t taken       # blocks handed out
    int64_t added       # blocks added to out
    int64_t failed
    int64_t number      # of the job, counted up when it is ready
    int64_t open        # whether helpers may still come in
    int64_t inside      # helpers that have come in
    int64_t over        # whether there will be no more jobs


cdef class Objective:
    cdef readonly Py_ssize_t n_samples     # 1 where the loss is not a mean over data
    cdef readonly Py_ssize_t n_params
    cdef readonly double l2
    cdef readonly object error             # the exception behind FAILED
    cdef Py_ssize_t block_rows             # rows that one partial sum takes
    cdef Py_ssize_t n_spans
    cdef Span *spans
    cdef double *partial
    cdef Job job
    cdef int64_t users                     # 1 while a run is using this object

    # To be written by each objective: add the sum over the batch to *value, or to out.
    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil
    cdef int add_gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    # May be written, and then `one_pass` is set: both sums, where they share most of the work.
    cdef bint one_pass
    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil
    # May be written: theta -= lr (mean gradient over the batch + decay * penalised theta) without
    # a gradient buffer. decay includes l2.
    cdef int descend(self, double *theta, const Batch *batch, double lr,
                     double decay) noexcept nogil
    # May be written, and then `takes_singles` is set: such steps on each row of the batch in turn.
    cdef readonly bint takes_singles
    cdef void descend_singles(self, double *theta, const Batch *batch, const double *lr,
                              double decay) noexcept nogil
    # May be written, for sparse data, and then `sparse` is set: the mean gradient over the batch
    # into `out`, all zeros before, and the coordinates where it may differ from 0 into `touched`;
    # their number is returned.
    cdef readonly bint sparse
    cdef Py_ssize_t gradient_at(self, const double *theta, const Batch *batch, double *out,
                                const int64_t **touched) noexcept nogil
    # A part of what `descend` and `descend_singles` do may be put off, and then `late` is set:
    # `catch_up` does the rest of it to theta, `forget` says that it was done.
    cdef readonly bint late
    cdef void catch_up(self, double *theta) noexcept nogil
    cdef void forget(self) noexcept nogil
    # theta as it would be without that: itself, or scratch memory.
    cdef const double *true_theta(self, const double *theta) noexcept nogil

    # What the loop and Python call: the mean over the batch, with the l2 term.
    cdef int value(self, const double *theta, const Batch *batch, double *out) noexcept nogil
    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil

    cdef int walk(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil
    cdef Py_ssize_t part_rows(self, Py_ssize_t count) noexcept nogil
    cdef void average(self, const double *theta, Py_ssize_t count, double *out) noexcept nogil
    cdef void add_penalty(self, const double *theta, double *out) noexcept nogil
    cdef int share(self, Job *job, bint leading) noexcept nogil
    cdef void report(self, Objective leader) noexcept nogil
    cdef void shrink(self, double *theta, double factor) noexcept nogil
    cdef int hear_signals(self) noexcept nogil

    # Whoever calls any of the above calls the first before, and the second when it is done.
    cdef int claim(self) except -1
    cdef void release(self) noexcept nogil


# Raises what is behind a status other than OK.
cdef int check(Objective objective, int status) except -1

# The Euclidean norm, also where the squares would overflow or vanish.
cdef double norm_of(const double *vector, Py_ssize_t n) noexcept nogil

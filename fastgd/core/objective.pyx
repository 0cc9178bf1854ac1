# The base of every objective: batches in blocks, means, the penalty, and the door to Python.
#
# One object serves one run at a time (it owns the scratch memory), and refuses a second; the data
# behind it is shared.
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .claim cimport enter, leave
from .penalties cimport Penalty, Span
from .sampling cimport cut
from .vector cimport kernel_void, scale, square_sum

import numpy as np

from .penalties import L2Penalty

# Products between two looks at pending signals, about 20 ms, so that Ctrl-C is heard in the middle
# of one step over a large data set.
cdef Py_ssize_t PATIENCE = 20_000_000

cdef Py_ssize_t PARTS = 32
cdef Py_ssize_t LONGEST = 1 << 16


cdef kernel_void add_vector(double *total, const double *part, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        total[j] += part[j]


cdef kernel_void multiply(double *vector, double factor, Py_ssize_t n) noexcept nogil:
    scale(factor, vector, n)


cdef kernel_void add_multiple(double *out, double factor, const double *theta,
                              Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += factor * theta[j]


cdef kernel_void square_norm(const double *x, Py_ssize_t n, double *out) noexcept nogil:
    out[0] += square_sum(x, n)


cdef class Objective:
    """Objective(n_samples, n_params, l2=0.0, spans=None, penalty=None, *arguments, **keywords)\n\
--\n
    A loss over data, as the compiled loop sees it.

    Parameters
    ----------
    n_samples, n_params : int
    l2 : float
        λ of an l2 penalty.
    spans : sequence of (start, stop, penalized)
        How theta is divided into weights (penalised, and subject to weight decay) and biases (not).
        None: all weights.
    penalty : core.penalties.Penalty
        Another penalty, instead of l2.
    """

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t n_params, double l2=0.0, spans=None,
                 Penalty penalty=None, *arguments, **keywords):
        if self.spans != NULL:
            raise TypeError("an Objective is initialised once")
        if n_samples < 1 or n_params < 1:
            raise ValueError("an Objective needs at least one sample and one parameter")
        if spans is None:
            spans = [(0, n_params, True)]
        self.n_samples = n_samples
        self.n_params = n_params
        self.penalty = L2Penalty(l2) if penalty is None else penalty
        if self.penalty.size() not in (None, n_params):
            raise ValueError(f"the penalty is for {self.penalty.size()} parameters, "
                             f"the objective has {n_params}")
        # Few enough that a batch of a few hundred rows can be shared by threads, and enough that
        # adding up the parts costs little.
        self.block_rows = 128
        self.n_spans = len(spans)
        self.spans = <Span *>calloc(len(spans), sizeof(Span))
        self.partial = <double *>calloc(n_params, sizeof(double))
        if self.spans == NULL or self.partial == NULL:
            raise MemoryError
        cdef Py_ssize_t expected = 0
        for i, (start, stop, penalized) in enumerate(spans):
            if start != expected or stop < start:
                raise ValueError("spans must cover theta from start to end without a gap")
            self.spans[i] = Span(start, stop, penalized)
            expected = stop
        if expected != n_params:
            raise ValueError("spans must cover theta from start to end without a gap")

    def __dealloc__(self):
        free(self.spans)
        free(self.partial)

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        return UNWRITTEN

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        return UNWRITTEN

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        return UNWRITTEN

    cdef int value(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        return self.both(theta, batch, out, NULL)

    cdef int both(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil:
        """The mean loss and, unless `out` is NULL, the mean gradient: the bits of `gradient`."""
        cdef double total = 0.0
        cdef int status = self.sum_both(theta, batch, &total, out)
        if status != OK:
            return status
        if out != NULL:
            self.average(theta, batch.count, out)
        total /= <double>batch.count
        self.penalty.value(theta, self.spans, self.n_spans, &total)
        value[0] = total
        return OK

    cdef int sum_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        cdef Batch block
        cdef Py_ssize_t done = 0, work = 0, rows = self.part_rows(batch.count)
        cdef bint parted = out != NULL and rows > 0
        cdef double *sum = self.partial if parted else out
        cdef int status
        cdef double part, total = 0.0, lost = 0.0, corrected, moved
        if out != NULL:
            memset(out, 0, self.n_params * sizeof(double))
        while done < batch.count:
            if parted and done % rows == 0:
                if done:
                    add_vector(out, sum, self.n_params)
                memset(sum, 0, self.n_params * sizeof(double))
            cut(batch, done, self.block_rows, &block)
            part = 0.0
            if out == NULL:
                status = self.add_value(theta, &block, &part)
            else:
                status = self.add_both(theta, &block, &part, sum)
            if status != OK:
                return status
            # Compensated: the loss of a long sum is compared with others to many digits. With an
            # infinite total the correction would make it NaN.
            corrected = part - lost
            moved = total + corrected
            lost = (moved - total) - corrected if moved - moved == 0.0 else 0.0
            total = moved
            done += block.count
            work += block.count * self.n_params
            if work > PATIENCE:
                work = 0
                if self.hear_signals() != OK:
                    return FAILED
        if parted:
            add_vector(out, sum, self.n_params)
        value[0] = total
        return OK

    cdef Py_ssize_t part_rows(self, Py_ssize_t count) noexcept nogil:
        """Rows of the parts in which a gradient is summed; 0: it is summed as a whole.

        At most PARTS of them, for the fewer turns to wait for, where that is no more than LONGEST
        rows each: the number depends on the batch alone.
        """
        cdef Py_ssize_t blocks = 1
        if count <= self.block_rows:
            return 0
        if count > PARTS * self.block_rows:
            blocks = min((count // PARTS) // self.block_rows + 1,
                         max(1, LONGEST // self.block_rows))
        return blocks * self.block_rows

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        cdef int status = self.sum_gradient(theta, batch, out)
        if status == OK:
            self.average(theta, batch.count, out)
        return status

    cdef int sum_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef Batch part
        cdef Py_ssize_t done = 0, work = 0, rows = 0
        cdef int status
        memset(out, 0, self.n_params * sizeof(double))
        if batch.count <= self.block_rows:
            status = self.add_gradient(theta, batch, out)
            if status != OK:
                return status
            done = batch.count
        else:
            rows = self.part_rows(batch.count)
        while done < batch.count:
            cut(batch, done, rows, &part)
            memset(self.partial, 0, self.n_params * sizeof(double))
            status = self.add_gradient(theta, &part, self.partial)
            if status != OK:
                return status
            self.add_partial(out)
            done += part.count
            work += part.count * self.n_params
            if work > PATIENCE:
                work = 0
                if self.hear_signals() != OK:
                    return FAILED
        return OK

    cdef void add_partial(self, double *out) noexcept nogil:
        add_vector(out, self.partial, self.n_params)

    cdef void average(self, const double *theta, Py_ssize_t count, double *out) noexcept nogil:
        """Make the mean gradient, with that of the smooth penalty, of a sum."""
        if count > 1:
            multiply(out, 1.0 / <double>count, self.n_params)
        if self.penalty.decay != 0.0:
            self.add_smooth(theta, out)

    cdef void add_smooth(self, const double *theta, double *out) noexcept nogil:
        """Add the gradient of the smooth part of the penalty."""
        cdef Py_ssize_t i
        for i in range(self.n_spans):
            if self.spans[i].penalized:
                add_multiple(out + self.spans[i].start, self.penalty.decay,
                             theta + self.spans[i].start,
                             self.spans[i].stop - self.spans[i].start)

    cdef int hear_signals(self) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                self.error = error
                return FAILED
        return OK

    cdef int claim(self) except -1:
        return enter(&self.users, "this compiled objective", "make one for each run")

    cdef void release(self) noexcept nogil:
        leave(&self.users)

    @property
    def span_list(self):
        """The spans as a list of (start, stop, penalized)."""
        return [(self.spans[i].start, self.spans[i].stop, bool(self.spans[i].penalized))
                for i in range(self.n_spans)]

    def part_count(self, Py_ssize_t count):
        """In how many parts the gradient of so many rows is summed: what threads can share."""
        cdef Py_ssize_t rows = self.part_rows(count)
        return 1 if rows == 0 else (count + rows - 1) // rows

    def evaluate(self, const double[::1] theta, const int64_t[::1] indices=None,
                 bint value=True, bint gradient=True):
        """Loss and gradient at theta, each None where not asked for.

        Parameters
        ----------
        theta : (n_params,) float64
        indices : (m,) int64 in [0, n_samples), optional
            The rows to average over; all of them without it.
        """
        cdef Batch batch = whole(self.n_samples)
        cdef double loss = 0.0
        cdef double[::1] out
        cdef int status = OK
        if theta.shape[0] != self.n_params:
            raise ValueError(f"theta has {theta.shape[0]} entries, the objective has "
                             f"{self.n_params} parameters")
        if indices is not None:
            batch = pick_rows(indices, self.n_samples)
        vector = np.empty(self.n_params) if gradient else None
        out = vector
        self.claim()
        with nogil:
            if value and gradient and self.one_pass:
                status = self.both(&theta[0], &batch, &loss, &out[0])
            else:
                if value:
                    status = self.value(&theta[0], &batch, &loss)
                if gradient and status == OK:
                    status = self.gradient(&theta[0], &batch, &out[0])
            self.release()
        check(self, status)
        return loss if value else None, vector

    def sample_gradients(self, const double[::1] theta, const int64_t[::1] indices=None):
        """The gradient of each sample's loss, without the l2 term: (m, n_params)."""
        cdef Batch batch
        cdef Py_ssize_t i, count
        cdef double[:, ::1] out
        cdef int status = OK
        if theta.shape[0] != self.n_params:
            raise ValueError(f"theta has {theta.shape[0]} entries, the objective has "
                             f"{self.n_params} parameters")
        if indices is None:
            count = self.n_samples
        else:
            pick_rows(indices, self.n_samples)
            count = indices.shape[0]
        rows = np.zeros((count, self.n_params))
        out = rows
        self.claim()
        with nogil:
            for i in range(count):
                batch.indices = NULL
                batch.first = i if indices is None else indices[i]
                batch.count = 1
                batch.ahead = 0
                status = self.add_gradient(&theta[0], &batch, &out[i, 0])
                if status != OK:
                    break
            self.release()
        check(self, status)
        return rows


cdef double norm_of(const double *vector, Py_ssize_t n) noexcept nogil:
    # The Euclidean norm, also where the squares would overflow or vanish.
    cdef double square = 0.0, largest = 0.0
    cdef Py_ssize_t j
    square_norm(vector, n, &square)
    if 1e-280 < square and square - square == 0.0:
        return sqrt(square)
    for j in range(n):
        if fabs(vector[j]) > largest or vector[j] != vector[j]:
            largest = fabs(vector[j])
    if largest == 0.0 or largest - largest != 0.0:
        return largest
    square = 0.0
    for j in range(n):
        square += (vector[j] / largest) * (vector[j] / largest)
    return largest * sqrt(square)


def norm(const double[::1] vector not None):
    """The Euclidean norm, also where the squares would overflow or vanish."""
    return norm_of(&vector[0], vector.shape[0]) if vector.shape[0] else 0.0


cdef Batch whole(Py_ssize_t n_samples) noexcept nogil:
    cdef Batch batch
    batch.indices = NULL
    batch.first = 0
    batch.count = n_samples
    batch.ahead = 0
    return batch


cdef Batch pick_rows(const int64_t[::1] indices, Py_ssize_t n_samples) except *:
    cdef Batch batch
    cdef Py_ssize_t i
    if indices.shape[0] == 0:
        raise ValueError("indices is empty: there is no mean over no rows")
    for i in range(indices.shape[0]):
        if indices[i] < 0 or indices[i] >= n_samples:
            raise IndexError(f"indices[{i}] is {indices[i]}, outside [0, {n_samples})")
    batch.indices = &indices[0]
    batch.first = 0
    batch.count = indices.shape[0]
    batch.ahead = 0
    return batch


cdef int check(Objective objective, int status) except -1:
    if status == OK:
        return 0
    if status == FAILED and objective.error is not None:
        error, objective.error = objective.error, None
        raise error
    raise NotImplementedError(f"{type(objective).__name__} does not write what was asked of it")

# The base of every objective: batches in blocks, means, the l2 term, and the door to Python.
#
# One object serves one run at a time (it owns the scratch memory), and refuses a second; the data
# behind it is shared.
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from .claim cimport add, enter, leave
from .sampling cimport cut
from .vector cimport kernel_void, scale

import numpy as np

cdef extern from "dispatch.h" nogil:
    int64_t read "fastgd_read"(int64_t *number)
    void write "fastgd_write"(int64_t *number, int64_t value)
    void pause "fastgd_pause"()
    void nap "fastgd_nap"()

# Products between two looks at pending signals, about 20 ms, so that Ctrl-C is heard in the middle
# of one step over a large data set.
cdef Py_ssize_t PATIENCE = 20_000_000

cdef Py_ssize_t PARTS = 32
cdef Py_ssize_t LONGEST = 1 << 16

# Turns that a waiting thread stays awake, about 0.1 ms: steps follow one another more closely.
cdef Py_ssize_t AWAKE = 5000


cdef inline void rest(Py_ssize_t *turns) noexcept nogil:
    # One turn of waiting for another thread, which may have no core to itself.
    turns[0] += 1
    if turns[0] < AWAKE:
        pause()
    else:
        nap()


cdef kernel_void add_to(double *total, const double *part, Py_ssize_t n) noexcept nogil:
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


cdef kernel_void square_norm(const double *theta, Py_ssize_t n, double *out) noexcept nogil:
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while j + 4 <= n:
        a0 += theta[j] * theta[j]
        a1 += theta[j + 1] * theta[j + 1]
        a2 += theta[j + 2] * theta[j + 2]
        a3 += theta[j + 3] * theta[j + 3]
        j += 4
    while j < n:
        a0 += theta[j] * theta[j]
        j += 1
    out[0] += (a0 + a1) + (a2 + a3)


cdef class Objective:
    """Objective(n_samples, n_params, l2=0.0, spans=None, *arguments, **keywords)\n--\n
    A loss over data, as the compiled loop sees it.

    Parameters
    ----------
    n_samples, n_params : int
    l2 : float
        The l2 penalty.
    spans : sequence of (start, stop, penalized)
        How theta is divided into weights (penalised by l2 and weight decay) and biases (not).
        None: all weights.
    """

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t n_params, double l2=0.0, spans=None,
                 *arguments, **keywords):
        if self.spans != NULL:
            raise TypeError("an Objective is initialised once")
        if n_samples < 1 or n_params < 1:
            raise ValueError("an Objective needs at least one sample and one parameter")
        if spans is None:
            spans = [(0, n_params, True)]
        self.n_samples = n_samples
        self.n_params = n_params
        self.l2 = l2
        # Few enough that a batch of a few hundred rows can be shared by threads, and enough that
        # adding up the parts costs little.
        self.block_rows = 128
        self.job.over = True
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
        return UNSUPPORTED

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        return UNSUPPORTED

    cdef int descend(self, double *theta, const Batch *batch, double lr,
                     double decay) noexcept nogil:
        return UNSUPPORTED

    cdef void descend_singles(self, double *theta, const Batch *batch, const double *lr,
                              double decay) noexcept nogil:
        pass

    cdef void catch_up(self, double *theta) noexcept nogil:
        pass

    cdef void forget(self) noexcept nogil:
        self.late = False

    cdef const double *true_theta(self, const double *theta) noexcept nogil:
        if not self.late:
            return theta
        memcpy(self.partial, theta, self.n_params * sizeof(double))
        self.catch_up(self.partial)
        return self.partial

    cdef Py_ssize_t gradient_at(self, const double *theta, const Batch *batch, double *out,
                                const int64_t **touched) noexcept nogil:
        return 0

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        return UNSUPPORTED

    cdef int value(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        return self.walk(theta, batch, out, NULL)

    cdef int walk(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil:
        """The mean loss and, unless `out` is NULL, the mean gradient: the bits of `gradient`."""
        cdef Batch block
        cdef Py_ssize_t done = 0, work = 0, i, rows = self.part_rows(batch.count)
        cdef bint parted = out != NULL and rows > 0
        cdef double *sum = self.partial if parted else out
        cdef int status
        cdef double part, norm = 0.0, total = 0.0, lost = 0.0, corrected, moved
        if out != NULL:
            memset(out, 0, self.n_params * sizeof(double))
        while done < batch.count:
            if parted and done % rows == 0:
                if done:
                    add_to(out, sum, self.n_params)
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
            add_to(out, sum, self.n_params)
        if out != NULL:
            self.average(theta, batch.count, out)
        total /= <double>batch.count
        if self.l2 != 0.0:
            for i in range(self.n_spans):
                if self.spans[i].penalized:
                    square_norm(theta + self.spans[i].start,
                                self.spans[i].stop - self.spans[i].start, &norm)
            total += 0.5 * self.l2 * norm
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

    cdef int share(self, Job *job, bint leading) noexcept nogil:
        """Sum blocks of a job until there are none left; only the leader may raise signals."""
        cdef Batch block
        cdef Py_ssize_t work = 0, turns
        cdef int64_t number
        cdef int status
        while True:
            number = add(&job.taken, 1)
            if number >= job.n_blocks:
                return FAILED if read(&job.failed) else OK
            cut(job.batch, number * job.rows, job.rows, &block)
            memset(self.partial, 0, self.n_params * sizeof(double))
            status = OK
            if not read(&job.failed):
                status = self.add_gradient(job.theta, &block, self.partial)
                work += block.count * self.n_params
                if leading and work > PATIENCE:
                    work = 0
                    if self.hear_signals() != OK:
                        status = FAILED
            turns = 0
            while read(&job.added) != number:
                rest(&turns)
            if status == OK:
                add_to(job.out, self.partial, self.n_params)
            else:
                write(&job.failed, 1)
            write(&job.added, number + 1)

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        cdef Job *job = &self.job
        cdef Py_ssize_t turns = 0
        cdef int status
        memset(out, 0, self.n_params * sizeof(double))
        if batch.count <= self.block_rows:
            status = self.add_gradient(theta, batch, out)
        else:
            job.theta = theta
            job.batch = batch
            job.out = out
            job.rows = self.part_rows(batch.count)
            job.n_blocks = (batch.count + job.rows - 1) // job.rows
            job.taken = job.added = job.failed = 0
            job.number += 1
            write(&job.open, 1)
            status = self.share(job, True)
            # Whoever has not come in by now, having no core to run on, is not waited for.
            write(&job.open, 0)
            while read(&job.inside):
                rest(&turns)
            if read(&job.failed):
                status = FAILED
        if status != OK:
            return status
        self.average(theta, batch.count, out)
        return OK

    cdef void average(self, const double *theta, Py_ssize_t count, double *out) noexcept nogil:
        """Make the mean gradient, with the l2 term, of a sum."""
        if count > 1:
            multiply(out, 1.0 / <double>count, self.n_params)
        self.add_penalty(theta, out)

    cdef void add_penalty(self, const double *theta, double *out) noexcept nogil:
        """Add the gradient of the l2 term."""
        cdef Py_ssize_t i
        if self.l2 != 0.0:
            for i in range(self.n_spans):
                if self.spans[i].penalized:
                    add_multiple(out + self.spans[i].start, self.l2, theta + self.spans[i].start,
                                 self.spans[i].stop - self.spans[i].start)

    cdef void shrink(self, double *theta, double factor) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n_spans):
            if self.spans[i].penalized:
                multiply(theta + self.spans[i].start, factor,
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

    def settle(self, double[::1] theta not None):
        """Do to theta, in place, what `descend` has put off."""
        if self.late:
            self.catch_up(&theta[0])
            self.forget()

    def settled(self, theta):
        """theta with what `descend` has put off: itself, or a new vector.

        The run goes on as it was: how often it is looked at must not change its bits.
        """
        cdef double[::1] view
        if not self.late:
            return theta
        true = theta.copy()
        view = true
        self.catch_up(&view[0])
        return true

    def put_off(self):
        """What has been put off, for `restore`."""

    def restore(self, work):
        """Go back to a state in which this had been put off."""

    def help(self, Objective leader not None):
        """Share the gradients of `leader` until it calls `dismiss`; to be run in a thread."""
        cdef Job *job = &leader.job
        cdef int64_t known = 0
        cdef Py_ssize_t turns = 0
        self.claim()
        with nogil:
            while not read(&job.over):
                if not read(&job.open) or read(&job.number) == known:
                    rest(&turns)
                    continue
                turns = 0
                # Only from here on does the leader wait; it may just have closed the door.
                add(&job.inside, 1)
                if read(&job.open):
                    known = read(&job.number)
                    if self.share(job, False) != OK:
                        self.report(leader)
                add(&job.inside, -1)
            self.release()

    cdef void report(self, Objective leader) noexcept nogil:
        with gil:
            if self.error is not None:
                leader.error, self.error = self.error, None

    def dismiss(self, bint over=True):
        """Let the helpers go, or with False get ready for others."""
        write(&self.job.over, over)

    def part_count(self, Py_ssize_t count):
        """Parts in which the gradient over `count` rows is summed: what threads can share."""
        cdef Py_ssize_t rows = self.part_rows(count)
        return (count + rows - 1) // rows if rows else 1

    @property
    def span_list(self):
        """The spans as a list of (start, stop, penalized)."""
        return [(self.spans[i].start, self.spans[i].stop, bool(self.spans[i].penalized))
                for i in range(self.n_spans)]

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
            batch = pick(indices, self.n_samples)
        vector = np.empty(self.n_params) if gradient else None
        out = vector
        self.claim()
        with nogil:
            if value and gradient and self.one_pass and read(&self.job.over):
                status = self.walk(&theta[0], &batch, &loss, &out[0])
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
            pick(indices, self.n_samples)
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


cdef Batch whole(Py_ssize_t n_samples) noexcept:
    cdef Batch batch
    batch.indices = NULL
    batch.first = 0
    batch.count = n_samples
    batch.ahead = 0
    return batch


cdef Batch pick(const int64_t[::1] indices, Py_ssize_t n_samples) except *:
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

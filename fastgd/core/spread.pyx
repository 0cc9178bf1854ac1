# An objective whose rows are spread over many machines: each rank sums its own rows, the sums meet,
# and all ranks go on with the same total.
#
# The rows of all ranks, in their order, are cut into parts, each of which one rank has. The rows of
# a batch are summed part by part, and the parts added in their order: so the bits of a gradient
# depend on the batch and on where the parts are cut, and not on who has which.
#
# Whoever carries the sums has `rank`, `size`, `allreduce(numbers)` and `broadcast(numbers, root)`,
# both in place on float64 vectors. Nothing here knows MPI.
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .flush cimport keep_small, unflush
from .objective cimport FAILED, OK, Objective
from .sampling cimport Batch
from .team cimport Team
from .vector cimport kernel_void

import numpy as np

# How sums meet. SUMMED: in whatever order the carrier adds them. GATHERED: all parts at once, each
# with zeros from those who do not have it. CHAINED: from rank to rank, each adding its parts.
cdef enum:
    SUMMED
    GATHERED
    CHAINED

# Numbers up to which the parts travel together: one message then costs less than one a rank.
cdef Py_ssize_t MOST_GATHERED = 1 << 13


cdef class Alone:
    """Alone()\n--\n
    The carrier of a single rank.
    """
    rank = 0
    size = 1

    def allreduce(self, numbers):
        """Add up the vectors of all ranks, in place."""

    def broadcast(self, numbers, root=0):
        """Give all ranks that of `root`, in place."""


cdef kernel_void add_vector(double *total, const double *part, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        total[j] += part[j]


cdef double digest(const double *theta, Py_ssize_t n) noexcept nogil:
    # 52 bits of a hash (FNV-1a over words), as a number that sums of zeros leave as it is.
    cdef uint64_t found = 14695981039346656037ULL, word
    cdef Py_ssize_t j
    for j in range(n):
        memcpy(&word, theta + j, sizeof(double))
        found = (found ^ word) * 1099511628211ULL
    return <double>(found >> 12)


cdef class SpreadObjective(Objective):
    """SpreadObjective(inner, carrier, bounds, owners, ordered, blame)\n--\n
    Parameters
    ----------
    inner : core.objective.Objective, over this rank's rows
    carrier : object with rank, size, allreduce and broadcast
    bounds : (n_parts + 1,) int64
        Where the parts begin, among the rows of all ranks, and the end of the last.
    owners : (n_parts,) int64, ascending
        Which rank has which part.
    ordered : bool
        Whether the parts are added in their order, or as the carrier likes.
    blame : callable
        Takes this rank's exception or None where some rank has failed, and returns the exception
        that this rank is to raise; called on all ranks.
    """
    cdef readonly Objective inner
    cdef public Team team                  # the threads of this rank; None: this one alone
    cdef readonly object carrier
    cdef object blame
    cdef const int64_t[::1] bounds
    cdef const int64_t[::1] owners
    cdef Py_ssize_t n_parts, first, last   # of all, and those of this rank
    cdef int64_t begin, end                # the rows of this rank
    cdef int way
    cdef double[:, ::1] own                # the sum of each own part
    cdef object message                    # what meets: sums, then how many ranks have failed
    cdef double[::1] numbers
    cdef object values_message             # the losses of the parts, failures, a digest a rank
    cdef double[::1] values
    cdef int64_t *chosen                   # the rows of the batch, part by part
    cdef Py_ssize_t room
    cdef int64_t[::1] starts               # where each own part begins among these

    def __init__(self, Objective inner not None, carrier, const int64_t[::1] bounds not None,
                 const int64_t[::1] owners not None, bint ordered, blame):
        cdef Py_ssize_t size
        mine = np.flatnonzero(np.asarray(owners) == carrier.rank)
        self.n_parts = owners.shape[0]
        if (bounds.shape[0] != self.n_parts + 1 or not len(mine)
                or (np.diff(bounds) < 1).any() or (np.diff(owners) < 0).any()):
            raise ValueError("the parts must be in order, and each rank must have one")
        self.first, self.last = mine[0], mine[-1] + 1
        self.begin, self.end = bounds[self.first], bounds[self.last]
        if self.end - self.begin != inner.n_samples:
            raise ValueError("the parts of this rank are not its rows")
        super().__init__(bounds[self.n_parts] - bounds[0], inner.n_params, 0.0, inner.span_list,
                         inner.penalty)
        self.one_pass = True
        self.inner, self.carrier, self.blame = inner, carrier, blame
        self.bounds, self.owners = bounds, owners
        size = self.n_parts * self.n_params
        self.way = SUMMED if not ordered else GATHERED if size <= MOST_GATHERED else CHAINED
        self.own = np.zeros((self.last - self.first, self.n_params))
        self.message = np.zeros((size if self.way == GATHERED else self.n_params) + 1)
        self.numbers = self.message
        self.values_message = np.zeros(self.n_parts + 1 + carrier.size)
        self.values = self.values_message
        self.starts = np.zeros(self.last - self.first + 1, dtype=np.int64)

    def __dealloc__(self):
        free(self.chosen)

    cdef int claim(self) except -1:
        Objective.claim(self)
        self.inner.unchanged, self.unchanged = self.unchanged, False
        try:
            return self.inner.claim()
        except BaseException:
            Objective.release(self)
            raise

    cdef void release(self) noexcept nogil:
        self.inner.release()
        Objective.release(self)

    cdef Py_ssize_t place(self, int64_t row) noexcept nogil:
        """Which own part has that row, counted from this rank's first."""
        cdef Py_ssize_t low = self.first, high = self.last, middle
        while high - low > 1:
            middle = (low + high) // 2
            if row < self.bounds[middle]:
                high = middle
            else:
                low = middle
        return low - self.first

    cdef int choose(self, const Batch *batch) noexcept nogil:
        """This rank's rows of a batch of numbered rows, part by part, in the order of the batch."""
        cdef Py_ssize_t i, p, n_own = self.last - self.first
        cdef int64_t row
        if batch.count > self.room:
            free(self.chosen)
            self.room = 0
            self.chosen = <int64_t *>malloc(<size_t>batch.count * sizeof(int64_t))
            if self.chosen == NULL:
                with gil:
                    self.error = MemoryError()
                return FAILED
            self.room = batch.count
        for p in range(n_own + 1):
            self.starts[p] = 0
        for i in range(batch.count):
            row = batch.indices[i]
            if self.begin <= row < self.end:
                self.starts[self.place(row) + 1] += 1
        for p in range(n_own):
            self.starts[p + 1] += self.starts[p]
        for i in range(batch.count):
            row = batch.indices[i]
            if self.begin <= row < self.end:
                p = self.place(row)
                self.chosen[self.starts[p]] = row - self.begin
                self.starts[p] += 1
        # Each start has moved to the next.
        for p in range(n_own, 0, -1):
            self.starts[p] = self.starts[p - 1]
        self.starts[0] = 0
        return OK

    cdef void pick(self, const Batch *batch, Py_ssize_t p, Batch *part) noexcept nogil:
        """The rows of the batch in own part p, as the inner objective counts them."""
        cdef int64_t start, stop
        part.ahead = 0
        if batch.indices != NULL:
            part.indices = self.chosen + self.starts[p]
            part.first = 0
            part.count = self.starts[p + 1] - self.starts[p]
        else:
            start = max(self.bounds[self.first + p], <int64_t>batch.first)
            stop = min(self.bounds[self.first + p + 1], <int64_t>(batch.first + batch.count))
            part.indices = NULL
            part.first = start - self.begin
            part.count = max(<int64_t>0, stop - start)

    cdef int sum_own(self, const double *theta, const Batch *batch, double *values,
                     bint gradient) noexcept nogil:
        """The sums of the own parts: of the losses unless `values` is NULL, of the gradients."""
        cdef Py_ssize_t p
        cdef Batch part
        cdef double *out
        cdef int status = OK
        if batch.indices != NULL:
            status = self.choose(batch)
        for p in range(self.last - self.first):
            if status != OK:
                break
            self.pick(batch, p, &part)
            out = &self.own[p, 0] if gradient else NULL
            if part.count == 0:
                if gradient:
                    memset(out, 0, self.n_params * sizeof(double))
                continue
            if values != NULL and (not gradient or (self.team is None and self.inner.one_pass)):
                status = self.inner.sum_both(theta, &part, values + p, out)
            else:
                if values != NULL:
                    status = self.inner.sum_both(theta, &part, values + p, NULL)
                if status == OK and self.team is None:
                    status = self.inner.sum_gradient(theta, &part, out)
                elif status == OK:
                    status = self.team.sum_gradient(theta, &part, out)
        if status != OK:
            with gil:
                if self.inner.error is not None:
                    self.error, self.inner.error = self.inner.error, None
                elif self.error is None:
                    kind = type(self.inner).__name__
                    self.error = NotImplementedError(f"{kind} does not write what was asked of it")
        return status

    cdef int meet(self, bint of_values, Py_ssize_t root) noexcept nogil:
        """Add up the vectors of all ranks, or from `root` >= 0 on go on with its own."""
        cdef uint64_t mode = keep_small()
        cdef int status = OK
        with gil:
            try:
                message = self.values_message if of_values else self.message
                if root < 0:
                    self.carrier.allreduce(message)
                else:
                    self.carrier.broadcast(message, root)
            except BaseException as error:
                self.error = error
                status = FAILED
        unflush(mode)
        return status

    cdef int fail(self) noexcept nogil:
        with gil:
            try:
                self.error = self.blame(self.error)
            except BaseException as error:
                self.error = error
        return FAILED

    cdef int differ(self, Py_ssize_t rank) noexcept nogil:
        with gil:
            self.error = RuntimeError(
                f"theta of rank {rank} is no longer that of rank 0: all ranks must run the same "
                "fastgd on processors of one kind, and be asked at the same theta")
        return FAILED

    cdef int total(self, int status, double *out) noexcept nogil:
        """The sum of all parts of all ranks; `status` says whether this rank has its own."""
        cdef Py_ssize_t p, root, n = self.n_params, n_own = self.last - self.first
        cdef Py_ssize_t last = self.numbers.shape[0] - 1
        cdef double *numbers = &self.numbers[0]
        if self.way == CHAINED:
            memset(numbers, 0, (last + 1) * sizeof(double))
            for root in range(<Py_ssize_t>self.values.shape[0] - self.n_parts - 1):
                if root == self.owners[self.first]:
                    for p in range(n_own):
                        add_vector(numbers, &self.own[p, 0], n)
                    numbers[last] += status != OK
                if self.meet(False, root) != OK:
                    return FAILED
        else:
            memset(numbers, 0, (last + 1) * sizeof(double))
            numbers[last] = status != OK
            for p in range(n_own):
                memcpy(numbers + (self.first + p) * n if self.way == GATHERED else numbers,
                       &self.own[p, 0], n * sizeof(double))
            if self.meet(False, -1) != OK:
                return FAILED
        if numbers[last] != 0.0:
            return self.fail()
        memset(out, 0, n * sizeof(double))
        for p in range(self.n_parts if self.way == GATHERED else 1):
            add_vector(out, numbers + p * n, n)
        return OK

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        cdef int status = self.total(self.sum_own(theta, batch, NULL, True), out)
        if status == OK:
            self.average(theta, batch.count, out)
        return status

    cdef int both(self, const double *theta, const Batch *batch, double *value,
                  double *out) noexcept nogil:
        cdef Py_ssize_t p, n_values = self.values.shape[0], ranks = n_values - self.n_parts - 1
        cdef double *values = &self.values[0]
        cdef double sum = 0.0, lost = 0.0, corrected, moved, known
        cdef int status
        memset(values, 0, n_values * sizeof(double))
        status = self.sum_own(theta, batch, values + self.first, out != NULL)
        values[self.n_parts] = status != OK
        known = digest(theta, self.n_params)
        values[self.n_parts + 1 + self.owners[self.first]] = known
        if self.meet(True, -1) != OK:
            return FAILED
        if values[self.n_parts] != 0.0:
            return self.fail()
        for p in range(ranks):
            if values[self.n_parts + 1 + p] != values[self.n_parts + 1]:
                return self.differ(p)
        for p in range(self.n_parts):  # compensated, as in one objective
            corrected = values[p] - lost
            moved = sum + corrected
            lost = (moved - sum) - corrected if moved - moved == 0.0 else 0.0
            sum = moved
        if out != NULL:
            if self.total(OK, out) != OK:
                return FAILED
            self.average(theta, batch.count, out)
        sum /= <double>batch.count
        self.penalty.value(theta, self.spans, self.n_spans, &sum)
        value[0] = sum
        return OK

    def part_count(self, Py_ssize_t count):
        """In how many parts threads can share the largest part of this rank's rows."""
        cdef Py_ssize_t most = 0, p
        for p in range(self.first, self.last):
            most = max(most, self.bounds[p + 1] - self.bounds[p])
        return self.inner.part_count(min(count, most))

# The threads that share a gradient: a leader, which runs the steps, and helpers, each with a
# compiled objective of its own (scratch memory) over the same data.
#
# The parts in which a gradient is summed depend on the batch alone, and their sums are added in
# order: so the number of threads changes no bit, and nor does who is late.
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .claim cimport add
from .flush cimport flush
from .objective cimport FAILED, OK, Objective
from .sampling cimport Batch, cut
from .vector cimport kernel_void

cdef extern from "dispatch.h" nogil:
    int64_t read "fastgd_read"(int64_t *number)
    void write "fastgd_write"(int64_t *number, int64_t value)
    void pause "fastgd_pause"()
    void nap "fastgd_nap"()

# Turns that a waiting thread stays awake, about 0.1 ms: steps follow one another more closely.
cdef Py_ssize_t AWAKE = 5000


# Sums that are kept until they are added: so many, or what takes so many numbers, and enough for
# each member to have one that waits beside the one under way. A helper that loses its core for a
# while then holds up nobody before the end.
cdef Py_ssize_t MOST_PLACES = 64
cdef Py_ssize_t MOST_NUMBERS = 1 << 20


cdef kernel_void add_vector(double *total, const double *part, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        total[j] += part[j]


cdef inline void rest(Py_ssize_t *turns) noexcept nogil:
    # One turn of waiting for another thread, which may have no core to itself.
    turns[0] += 1
    if turns[0] < AWAKE:
        pause()
    else:
        nap()


cdef class Team:
    """Team(leader, helpers=())\n--\n
    Compiled objectives over the same data that share the leader's gradients.

    `help` is to be run in a thread for each helper; it returns after `dismiss`.
    """

    def __init__(self, Objective leader not None, helpers=()):
        if self.sums != NULL:
            raise TypeError("a Team is initialised once")
        for helper in helpers:
            if helper.n_params != leader.n_params or helper.n_samples != leader.n_samples:
                raise ValueError("a helper must be of the leader's size")
        self.leader = leader
        self.helpers = list(helpers)
        # An odd number of cache lines: see Update.
        self.stride = (leader.n_params + 7) // 8 * 8 + 8
        self.places = max(2 * (len(self.helpers) + 1),
                          min(MOST_PLACES, MOST_NUMBERS // self.stride))
        self.sums = <double *>calloc(self.places * self.stride, sizeof(double))
        self.held = <int64_t *>calloc(self.places, sizeof(int64_t))
        if self.sums == NULL or self.held == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.sums)
        free(self.held)

    cdef void add_up(self) noexcept nogil:
        """Add the sums that are next in order and there; for the leader only."""
        cdef Job *job = &self.job
        cdef int64_t number = job.added
        cdef Py_ssize_t place
        while number < job.n_parts:
            place = number % self.places
            if read(&self.held[place]) != number + 1:
                return
            add_vector(job.out, self.sums + place * self.stride, self.leader.n_params)
            number += 1
            write(&job.added, number)

    cdef int share(self, Objective member) noexcept nogil:
        """Sum parts of the job until there are none left; only the leader may raise signals."""
        cdef Job *job = &self.job
        cdef Batch part
        cdef double *own
        cdef Py_ssize_t work = 0, turns = 0
        cdef int64_t number
        cdef int status
        cdef bint leads = member is self.leader
        while True:
            number = add(&job.taken, 1)
            if number >= job.n_parts:
                break
            turns = 0
            while number >= read(&job.added) + self.places:
                if leads:
                    self.add_up()
                rest(&turns)
            cut(job.batch, number * job.rows, job.rows, &part)
            own = self.sums + number % self.places * self.stride
            memset(own, 0, member.n_params * sizeof(double))
            status = OK
            if not read(&job.failed):
                status = member.add_gradient(job.theta, &part, own)
                work += part.count * member.n_params
                if leads and status == OK and work > 20_000_000:
                    work = 0
                    status = member.hear_signals()
            if status != OK:
                write(&job.failed, 1)
            write(&self.held[number % self.places], number + 1)
            if leads:
                self.add_up()
        turns = 0
        while leads and read(&job.added) < job.n_parts:
            self.add_up()
            rest(&turns)
        return FAILED if read(&job.failed) else OK

    cdef int gradient(self, const double *theta, const Batch *batch, double *out) noexcept nogil:
        cdef int status
        if self.leader.part_rows(batch.count) == 0:
            return self.leader.gradient(theta, batch, out)
        status = self.sum_gradient(theta, batch, out)
        if status == OK:
            self.leader.average(theta, batch.count, out)
        return status

    cdef int sum_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        cdef Job *job = &self.job
        cdef Py_ssize_t turns = 0
        cdef int status
        if self.leader.part_rows(batch.count) == 0:
            return self.leader.sum_gradient(theta, batch, out)
        memset(out, 0, self.leader.n_params * sizeof(double))
        job.theta = theta
        job.batch = batch
        job.out = out
        job.rows = self.leader.part_rows(batch.count)
        job.n_parts = (batch.count + job.rows - 1) // job.rows
        job.added = job.failed = 0
        memset(self.held, 0, self.places * sizeof(int64_t))
        write(&job.taken, 0)
        add(&job.number, 1)
        write(&job.open, 1)
        status = self.share(self.leader)
        # Whoever has not come in by now, having no core to run on, is not waited for.
        write(&job.open, 0)
        while read(&job.inside):
            rest(&turns)
        if read(&job.failed):
            status = FAILED
        return status

    cdef void report(self, Objective member) noexcept nogil:
        with gil:
            if member.error is not None:
                self.leader.error, member.error = member.error, None

    def help(self, Py_ssize_t i):
        """Share gradients as helper number i until the team is dismissed; to be run in a thread."""
        cdef Job *job = &self.job
        cdef Objective member = self.helpers[i]
        cdef int64_t known = 0
        cdef Py_ssize_t turns = 0
        member.claim()
        with nogil:
            flush()  # for this thread's life
            while not read(&job.over):
                if not read(&job.open) or read(&job.number) == known:
                    rest(&turns)
                    continue
                turns = 0
                # Only from here on does the leader wait; it may just have closed the door.
                add(&job.inside, 1)
                if read(&job.open):
                    known = read(&job.number)
                    if self.share(member) != OK:
                        self.report(member)
                add(&job.inside, -1)
            member.release()

    def dismiss(self):
        """Let the helpers go, for good."""
        write(&self.job.over, 1)

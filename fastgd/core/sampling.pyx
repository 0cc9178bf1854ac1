# Which observations step t sees: all, drawn with replacement, shuffled each epoch, in order.
#
# A sampler is told how many steps the next chunk has (`begin`, with the GIL) and then hands out one
# batch a step without it. It draws exactly what the chunk needs, so that the stream of random
# numbers does not depend on how a run is cut into chunks. The caller holds the bit generator's
# lock.
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .claim cimport enter, leave
from .vector cimport prefetch

import numpy as np

# Not cimported: that would import numpy.random, a tenth of the time of `import fastgd`.
cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        uint32_t (*next_uint32)(void *state) noexcept nogil

cdef extern from "numpy/random/distributions.h" nogil:
    uint64_t random_bounded_uint64(bitgen_t *state, uint64_t offset, uint64_t range_, uint64_t mask,
                                   bint use_masked)
    uint64_t random_interval(bitgen_t *state, uint64_t most)
    double random_standard_uniform(bitgen_t *state)

# Indices drawn at a time. Enough that the prefetch distance is lost only now and then.
cdef Py_ssize_t BLOCK = 4096

# Draws of a shuffle that are made before they are used.
cdef enum:
    DRAWN = 64


cdef class Sampler:
    """Sampler(n_samples, batch_size, generator)\n--\n
    Hands out the rows of one step after another.
    """

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        if n_samples < 1 or not 1 <= batch_size <= n_samples:
            raise ValueError(f"batches of {batch_size} of {n_samples} rows cannot be drawn")
        self.n_samples = n_samples
        self.batch_size = batch_size

    def begin(self, Py_ssize_t steps):
        """Get ready to hand out `steps` batches."""

    def save(self):
        """What `load` needs to hand out the same batches again from here."""
        return {}

    def load(self, saved):
        """Go back to what `save` returned."""

    def mark(self):
        """Remember where the draws stand, for `rewind`, at no cost that grows with n."""
        self.marked = self.save()

    def rewind(self):
        """Go back to the last `mark`."""
        self.load(self.marked)

    cdef void draw(self, Batch *batch) noexcept nogil:
        pass

    cdef void draw_singles(self, Py_ssize_t most, Batch *batch) noexcept nogil:
        cdef Py_ssize_t more
        self.draw(batch)
        if batch.indices != NULL:
            more = min(most - 1, batch.ahead)
            batch.count += more
            batch.ahead -= more
            self.skip(more)

    cdef void skip(self, Py_ssize_t count) noexcept nogil:
        pass

    cdef void read_on(self, Batch *batch, Py_ssize_t place) noexcept nogil:
        cdef Py_ssize_t known = place + batch.count + batch.ahead
        if place + batch.count > self.asked:
            self.asked = min(known, place + max(batch.count, self.reading.rows))
            self.reading.ask(batch.indices, self.asked - place)
        batch.ahead = self.asked - place - batch.count

    cdef int claim(self) except -1:
        return enter(&self.users, "this sampler", "make one for each run")

    cdef void release(self) noexcept nogil:
        leave(&self.users)


cdef class All(Sampler):
    """Every step sees the whole data set."""

    cdef void draw(self, Batch *batch) noexcept nogil:
        batch.indices = NULL
        batch.first = 0
        batch.count = self.n_samples
        batch.ahead = 0


cdef bitgen_t *stream_of(generator) except NULL:
    # Of a numpy.random.Generator, which the caller keeps alive.
    capsule = getattr(getattr(generator, "bit_generator", None), "capsule", None)
    if capsule is None:
        raise TypeError(f"a sampler draws from a numpy.random.Generator, not {generator!r}")
    return <bitgen_t *>PyCapsule_GetPointer(capsule, "BitGenerator")


cdef void draw_indices(bitgen_t *stream, uint64_t n, int64_t *out,
                       Py_ssize_t count) noexcept nogil:
    # Generator.integers(n) draws its int64 one at a time: a number of 32 bits times n, of which the
    # upper half counts, unless the lower one says that some results would come more often (Lemire
    # 2019, Fast Random Integer Generation in an Interval). Of more rows NumPy has another way.
    cdef Py_ssize_t i
    cdef uint64_t product
    cdef uint32_t few
    if n < 2 or n > 0xffffffffU:
        for i in range(count):
            out[i] = <int64_t>random_bounded_uint64(stream, 0, n - 1, 0, False)
        return
    for i in range(count):
        product = <uint64_t>stream.next_uint32(stream.state) * n
        if <uint32_t>product < n:
            few = <uint32_t>(-<uint32_t>n) % <uint32_t>n
            while <uint32_t>product < few:
                product = <uint64_t>stream.next_uint32(stream.state) * n
        out[i] = <int64_t>(product >> 32)


cdef class Replacement(Sampler):
    """Independent uniform indices: the stream of ``Generator.integers(n, size=(steps, batch))``."""
    cdef object generator
    cdef bitgen_t *bit_generator
    cdef int64_t[::1] buffer
    cdef Py_ssize_t position, filled, undrawn

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        super().__init__(n_samples, batch_size, generator)
        self.generator = generator
        self.bit_generator = stream_of(generator)
        # A whole number of batches, so that no batch is split between two fills.
        self.buffer = np.empty(batch_size * max(1, BLOCK // batch_size), dtype=np.int64)

    def begin(self, Py_ssize_t steps):
        self.position = self.filled = 0
        self.undrawn = steps * self.batch_size

    def save(self):
        return {"bit_generator": self.generator.bit_generator.state}

    def load(self, saved):
        self.generator.bit_generator.state = saved["bit_generator"]

    cdef void draw(self, Batch *batch) noexcept nogil:
        if self.position == self.filled:
            self.filled = min(self.undrawn, self.buffer.shape[0])
            self.fill()
            self.undrawn -= self.filled
            self.position = self.asked = 0
        batch.indices = &self.buffer[self.position]
        batch.first = 0
        batch.count = self.batch_size
        self.position += self.batch_size
        batch.ahead = self.filled - self.position
        if self.reading is not None:
            self.read_on(batch, self.position - batch.count)

    cdef void fill(self) noexcept nogil:
        draw_indices(self.bit_generator, <uint64_t>self.n_samples, &self.buffer[0], self.filled)

    cdef void skip(self, Py_ssize_t count) noexcept nogil:
        self.position += count


cdef class Importance(Replacement):
    """Importance(n_samples, batch_size, generator, probabilities)\n--\n
    Independent indices, row i with probability p_i.

    Those of ``np.searchsorted(c / c[-1], Generator.random((steps, batch)), "right")``, c being
    ``np.cumsum(p)``, found without a search: a guide says where the rows begin that belong to each
    n-th part of the numbers from 0 to 1.
    """
    cdef double[::1] sums
    cdef int64_t[::1] guide

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator, probabilities):
        super().__init__(n_samples, batch_size, generator)
        sums = np.cumsum(probabilities)
        sums /= sums[-1]
        self.sums = sums
        # One part more, as a product with n may be rounded up to n.
        parts = np.searchsorted(sums, np.arange(n_samples + 1) / n_samples, "right")
        self.guide = np.minimum(parts, n_samples - 1).astype(np.int64)

    cdef void fill(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef int64_t row
        cdef double number
        for i in range(self.filled):
            number = random_standard_uniform(self.bit_generator)
            row = self.guide[<Py_ssize_t>(number * <double>self.n_samples)]
            # The product may have been rounded up to the next part.
            while row > 0 and self.sums[row - 1] > number:
                row -= 1
            while self.sums[row] <= number:
                row += 1
            self.buffer[i] = row


cdef class Shuffle(Sampler):
    """A new ``Generator.permutation(n)`` for each epoch; its last batch may be short.

    Needs 16 n bytes for two orders, the one part of a run that grows with n: where a chunk goes
    over the end of an epoch, the order at its start is kept, so that `rewind` need not copy it.
    """
    cdef object generator
    cdef bitgen_t *bit_generator
    cdef int64_t[:, ::1] orders            # that of this epoch, and the one at the mark
    cdef int64_t *order
    cdef Py_ssize_t current
    cdef Py_ssize_t position
    cdef Py_ssize_t marked_position
    cdef bint turned                       # whether a new order has come since the mark

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        super().__init__(n_samples, batch_size, generator)
        self.generator = generator
        self.bit_generator = stream_of(generator)
        self.orders = np.empty((2, n_samples), dtype=np.int64)
        self.order = &self.orders[0, 0]
        self.position = n_samples

    def save(self):
        rest = np.asarray(self.orders)[self.current, self.position:].copy()
        return {"bit_generator": self.generator.bit_generator.state, "order": rest}

    def load(self, saved):
        rest = saved["order"]
        if rest.ndim != 1 or rest.dtype != np.int64 or rest.shape[0] > self.n_samples:
            raise ValueError("the saved order is of a larger data set, or none")
        if rest.shape[0] and not 0 <= rest.min() <= rest.max() < self.n_samples:
            raise ValueError("the saved order names rows that there are not")
        self.generator.bit_generator.state = saved["bit_generator"]
        self.position = self.asked = self.n_samples - rest.shape[0]
        # Only what is left of an epoch counts, so the order before may be anything.
        np.asarray(self.orders)[self.current, self.position:] = rest

    def mark(self):
        self.marked = self.generator.bit_generator.state
        self.marked_position = self.position
        self.turned = False

    def rewind(self):
        self.generator.bit_generator.state = self.marked
        if self.turned:
            self.turn()
            self.turned = False
        self.position = self.asked = self.marked_position

    cdef void turn(self) noexcept nogil:
        self.current = 1 - self.current
        self.order = &self.orders[self.current, 0]

    cdef void reshuffle(self) noexcept nogil:
        # Generator.permutation(n), draw by draw: Fisher and Yates from the end. What is exchanged
        # is a cache miss in a long order, so some draws are made ahead.
        cdef Py_ssize_t i, k, count
        cdef int64_t j, place
        cdef int64_t[DRAWN] places
        if not self.turned:
            self.turn()
            self.turned = True
        for i in range(self.n_samples):
            self.order[i] = i
        i = self.n_samples - 1
        while i > 0:
            count = min(i, <Py_ssize_t>DRAWN)
            for k in range(count):
                places[k] = <int64_t>random_interval(self.bit_generator, <uint64_t>(i - k))
                prefetch(self.order + places[k])
            for k in range(count):
                j = places[k]
                place = self.order[j]
                self.order[j] = self.order[i - k]
                self.order[i - k] = place
            i -= count
        self.position = self.asked = 0

    cdef void draw(self, Batch *batch) noexcept nogil:
        if self.position == self.n_samples:
            self.reshuffle()
        batch.count = min(self.batch_size, self.n_samples - self.position)
        batch.indices = &self.order[self.position]
        batch.first = 0
        self.position += batch.count
        batch.ahead = self.n_samples - self.position
        if self.reading is not None:
            self.read_on(batch, self.position - batch.count)

    cdef void skip(self, Py_ssize_t count) noexcept nogil:
        self.position += count


cdef class Sequential(Sampler):
    """Rows in their order, again and again; the last batch of an epoch may be short."""
    cdef Py_ssize_t position

    def save(self):
        return {"position": self.position}

    def load(self, saved):
        if not 0 <= saved["position"] < self.n_samples:
            raise ValueError(f"there is no row {saved['position']} among {self.n_samples}")
        self.position = saved["position"]

    cdef void draw(self, Batch *batch) noexcept nogil:
        batch.indices = NULL
        batch.first = self.position
        batch.count = min(self.batch_size, self.n_samples - self.position)
        batch.ahead = 0
        self.position += batch.count
        if self.position == self.n_samples:
            self.position = 0


SAMPLERS = {"replacement": Replacement, "shuffle": Shuffle, "sequential": Sequential,
            "importance": Importance}

# Which observations step t sees: all, drawn with replacement, shuffled each epoch, in order.
#
# A sampler is told how many steps the next chunk has (`begin`, with the GIL) and then hands out
# one batch a step without it. It draws exactly what the chunk needs, so that the stream of random
# numbers does not depend on how a run is cut into chunks.
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint64_t

from .claim cimport enter, leave

import numpy as np

# Not cimported: that would import numpy.random, a tenth of the time of `import fastgd`.
cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        pass

cdef extern from "numpy/random/distributions.h" nogil:
    uint64_t random_bounded_uint64(bitgen_t *state, uint64_t offset, uint64_t range_, uint64_t mask,
                                   bint use_masked)

# Indices drawn at a time. Enough that the prefetch distance is lost only now and then.
cdef Py_ssize_t BLOCK = 4096


cdef class Sampler:
    """Sampler(n_samples, batch_size, generator)\n--\n
    Hands out the rows of one step after another.
    """

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        self.n_samples = n_samples
        self.batch_size = batch_size

    def begin(self, Py_ssize_t steps):
        """Get ready to hand out `steps` batches."""

    def state(self):
        """What `restore` needs to hand out the same batches again from here."""
        return {}

    def restore(self, state):
        """Go back to a state that `state` returned."""

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


cdef class Replacement(Sampler):
    """Independent uniform indices: the stream of ``Generator.integers(n, size=(steps, batch))``."""
    cdef object generator
    cdef bitgen_t *bit_generator
    cdef int64_t[::1] buffer
    cdef Py_ssize_t position, filled, undrawn

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        super().__init__(n_samples, batch_size, generator)
        self.generator = generator
        self.bit_generator = <bitgen_t *>PyCapsule_GetPointer(
            generator.bit_generator.capsule, "BitGenerator")
        # A whole number of batches, so that no batch is split between two fills.
        self.buffer = np.empty(batch_size * max(1, BLOCK // batch_size), dtype=np.int64)

    def begin(self, Py_ssize_t steps):
        self.position = self.filled = 0
        self.undrawn = steps * self.batch_size

    def state(self):
        return {"bit_generator": self.generator.bit_generator.state}

    def restore(self, state):
        self.generator.bit_generator.state = state["bit_generator"]

    cdef void draw(self, Batch *batch) noexcept nogil:
        cdef Py_ssize_t i
        if self.position == self.filled:
            self.filled = min(self.undrawn, self.buffer.shape[0])
            for i in range(self.filled):
                # Generator.integers(n) draws its int64 this way, one at a time.
                self.buffer[i] = <int64_t>random_bounded_uint64(
                    self.bit_generator, 0, <uint64_t>(self.n_samples - 1), 0, False)
            self.undrawn -= self.filled
            self.position = 0
        batch.indices = &self.buffer[self.position]
        batch.first = 0
        batch.count = self.batch_size
        self.position += self.batch_size
        batch.ahead = self.filled - self.position

    cdef void skip(self, Py_ssize_t count) noexcept nogil:
        self.position += count


cdef class Shuffle(Sampler):
    """A new ``Generator.permutation(n)`` for each epoch; its last batch may be short.

    Needs 8 n bytes for the order, the one part of a run that grows with n.
    """
    cdef object generator
    cdef int64_t[::1] order
    cdef Py_ssize_t position

    def __init__(self, Py_ssize_t n_samples, Py_ssize_t batch_size, generator):
        super().__init__(n_samples, batch_size, generator)
        self.generator = generator
        self.order = np.empty(0, dtype=np.int64)

    def begin(self, Py_ssize_t steps):
        cdef Py_ssize_t per_epoch = -(-self.n_samples // self.batch_size)
        rest = np.asarray(self.order)[self.position:]
        # What is left of an epoch is always the end of a permutation, so counting batches from
        # the back of `rest` is counting whole epochs plus one rest.
        whole, part = divmod(len(rest), self.n_samples)
        ready = whole * per_epoch + -(-part // self.batch_size)
        missing = -(-max(0, steps - ready) // per_epoch)
        if self.position or missing:
            parts = [rest] + [self.generator.permutation(self.n_samples) for _ in range(missing)]
            self.order = np.concatenate(parts) if len(parts) > 1 else rest.copy()
            self.position = 0

    def state(self):
        return {"bit_generator": self.generator.bit_generator.state,
                "order": np.asarray(self.order)[self.position:].copy()}

    def restore(self, state):
        self.generator.bit_generator.state = state["bit_generator"]
        self.order = np.array(state["order"], dtype=np.int64)
        self.position = 0

    cdef void draw(self, Batch *batch) noexcept nogil:
        cdef Py_ssize_t rest = self.order.shape[0] - self.position
        # (rest - 1) % n + 1 rows of the current epoch are still to come.
        batch.count = min(self.batch_size, (rest - 1) % self.n_samples + 1)
        batch.indices = &self.order[self.position]
        batch.first = 0
        batch.ahead = rest - batch.count
        self.position += batch.count

    cdef void skip(self, Py_ssize_t count) noexcept nogil:
        self.position += count


cdef class Sequential(Sampler):
    """Rows in their order, again and again; the last batch of an epoch may be short."""
    cdef Py_ssize_t position

    def state(self):
        return {"position": self.position}

    def restore(self, state):
        self.position = state["position"]

    cdef void draw(self, Batch *batch) noexcept nogil:
        batch.indices = NULL
        batch.first = self.position
        batch.count = min(self.batch_size, self.n_samples - self.position)
        batch.ahead = 0
        self.position += batch.count
        if self.position == self.n_samples:
            self.position = 0


SAMPLERS = {"replacement": Replacement, "shuffle": Shuffle, "sequential": Sequential}

# Which observations step t sees.
from libc.stdint cimport int64_t

from .reading cimport ReadAhead

# The rows of one step. indices NULL means the consecutive rows first .. first + count - 1.
# The `ahead` indices that follow are already known too, so a kernel may prefetch their rows.
cdef struct Batch:
    const int64_t *indices
    Py_ssize_t first
    Py_ssize_t count
    Py_ssize_t ahead


cdef class Sampler:
    cdef readonly Py_ssize_t n_samples
    cdef readonly Py_ssize_t batch_size
    cdef object marked
    cdef public ReadAhead reading          # of rows that lie in a file; None: in memory
    cdef Py_ssize_t asked                  # up to this place in the order
    cdef void draw(self, Batch *batch) noexcept nogil
    # The rows of up to `most` steps of one row each, one after another, as if drawn one by one.
    cdef void draw_singles(self, Py_ssize_t most, Batch *batch) noexcept nogil
    cdef void skip(self, Py_ssize_t count) noexcept nogil
    # Ask for the rows of the batch, which start at this place, and for some of those ahead.
    cdef void read_on(self, Batch *batch, Py_ssize_t place) noexcept nogil
    cdef int64_t users                     # 1 while a run is using this object
    cdef int claim(self) except -1
    cdef void release(self) noexcept nogil


cdef inline void cut(const Batch *batch, Py_ssize_t done, Py_ssize_t most,
                     Batch *block) noexcept nogil:
    # The next `most` rows of a batch; the rest of it counts as known ahead.
    cdef Py_ssize_t rest = batch.count - done
    block.count = most if most < rest else rest
    block.first = batch.first + done
    block.indices = NULL
    if batch.indices != NULL:
        block.indices = batch.indices + done
    block.ahead = rest - block.count + batch.ahead

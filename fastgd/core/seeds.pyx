# numpy.random.default_rng(seed) in a tenth of its time: the hash of a seed, which NumPy computes in
# Python. The stream is the same, number by number.
#
# O'Neill 2015, Developing a seed_seq Alternative; as numpy.random.SeedSequence has it.
import functools

import numpy as np

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    POOL = 4                # words that the seed is mixed into
    MOST_WORDS = 64


cdef inline uint32_t mixed_in(uint32_t value, uint32_t *factor, uint32_t multiplier) noexcept nogil:
    value ^= factor[0]
    factor[0] *= multiplier
    value *= factor[0]
    return value ^ (value >> 16)


cdef void hash_seed(uint64_t seed, uint32_t *out, Py_ssize_t n_words) noexcept nogil:
    cdef uint32_t pool[POOL]
    cdef uint32_t factor = 0x43b0d7e5, both
    cdef Py_ssize_t i, j
    pool[0] = mixed_in(<uint32_t>seed, &factor, 0x931e8875)
    pool[1] = mixed_in(<uint32_t>(seed >> 32), &factor, 0x931e8875)
    for i in range(2, POOL):
        pool[i] = mixed_in(0, &factor, 0x931e8875)
    for i in range(POOL):
        for j in range(POOL):
            if i != j:
                both = (<uint32_t>0xca01f9dd * pool[j]
                        - <uint32_t>0x4973f715 * mixed_in(pool[i], &factor, 0x931e8875))
                pool[j] = both ^ (both >> 16)
    factor = 0x8b51f9dd
    for i in range(n_words):
        out[i] = mixed_in(pool[i % POOL], &factor, 0x58f38ded)


def words(uint64_t seed, Py_ssize_t n_words):
    """The first words of uint64 that ``numpy.random.SeedSequence(seed)`` makes: (n_words,)."""
    cdef uint32_t halves[2 * MOST_WORDS]
    cdef Py_ssize_t i
    cdef uint64_t[::1] view
    if not 0 <= n_words <= MOST_WORDS:
        raise ValueError(f"n_words must be in 0..{MOST_WORDS}, not {n_words}")
    hash_seed(seed, halves, 2 * n_words)
    out = np.empty(n_words, dtype=np.uint64)
    view = out
    for i in range(n_words):
        view[i] = halves[2 * i] | <uint64_t>halves[2 * i + 1] << 32
    return out


@functools.cache
def _kinds():
    # numpy.random is not imported before somebody draws.
    from numpy.random import PCG64, Generator
    from numpy.random.bit_generator import ISeedSequence

    class Seeded(ISeedSequence):
        __slots__ = ("seed",)

        def __init__(self, seed):
            self.seed = seed

        def generate_state(self, n_words, dtype=np.uint32):
            if dtype is np.uint64 and n_words <= MOST_WORDS:
                return words(self.seed, n_words)
            return np.random.SeedSequence(self.seed).generate_state(n_words, dtype)

    return Generator, PCG64, Seeded


def generator(seed):
    """``numpy.random.default_rng(seed)``."""
    if type(seed) is not int or not 0 <= seed < 1 << 64:
        return np.random.default_rng(seed)
    Generator, PCG64, Seeded = _kinds()
    return Generator(PCG64(Seeded(seed)))

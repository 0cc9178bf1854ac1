# One user at a time, for what a run writes into: its state, its sampler, its scratch memory.
#
# A second thread is refused before it touches anything. So no module of the core leans on the GIL,
# and all of them may be loaded where there is none.
from libc.stdint cimport int64_t

cdef extern from "dispatch.h" nogil:
    int64_t add "fastgd_add"(int64_t *number, int64_t amount)
    bint entered "fastgd_enter"(int64_t *users)
    void leave "fastgd_leave"(int64_t *users)


cdef inline int enter(int64_t *users, str what, str remedy) except -1:
    if not entered(users):
        raise RuntimeError(f"{what} is in use by another run: {remedy}")
    return 0

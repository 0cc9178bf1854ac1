# How the core was built, and which of its kernels run here.


cdef extern from "dispatch.h" nogil:
    const char *simd_level_of_cpu "fastgd_simd_level"()
    const char *compiler_of_core "fastgd_compiler"()


def simd_level():
    """The instruction set whose copies of the kernels run here."""
    return simd_level_of_cpu().decode()


def compiler():
    """What compiled the core."""
    return compiler_of_core().decode()

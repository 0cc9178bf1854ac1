# Rows of a file that is mapped into memory, asked for before they are used.
#
# A row that is on the disk costs a run a wait, and rows that are drawn at random come one by one.
# The sampler knows which come next, so the system is told, and reads many at once. Rows in their
# order need none of this: the system sees them coming.
#
# A question costs more than a step on a narrow row that is in memory. So it is put only while rows
# are found missing: of each part one row is not asked for, and tells.
import sys

from libc.stdint cimport int32_t, int64_t

cdef extern from *:
    """
    #include <stdint.h>
    #ifdef _WIN32
    static int64_t fastgd_waits(void) { return 0; }
    static void fastgd_will_need(const void *start, size_t bytes) { (void)start; (void)bytes; }
    #else
    #include <sys/mman.h>
    #include <sys/resource.h>
    #include <unistd.h>
    /* Times that this process has waited for a page that was on the disk. */
    static int64_t fastgd_waits(void) {
        struct rusage used;
        return getrusage(RUSAGE_SELF, &used) ? 0 : (int64_t)used.ru_majflt;
    }
    static void fastgd_will_need(const void *start, size_t bytes) {
        static size_t page = 0;
        size_t before;
        if (page == 0) page = (size_t)sysconf(_SC_PAGESIZE);
        before = (size_t)start % page;
        (void)posix_madvise((char *)start - before, bytes + before, POSIX_MADV_WILLNEED);
    }
    #endif
    """
    int64_t waits "fastgd_waits"() noexcept nogil
    void will_need "fastgd_will_need"(const void *start, size_t size) noexcept nogil

cdef enum:
    # Rows that are asked for at once, and their bytes: enough for a disk to have much to choose
    # from, and little enough to stay in memory until they are used.
    ROWS = 4096
    BYTES = 1 << 25
    # Parts that are asked for after a row was missing.
    PATIENCE = 16


def mapped(array):
    """Whether an array lies in a file that is mapped into memory."""
    mmap = sys.modules.get("mmap")
    while array is not None and mmap is not None:
        if isinstance(array, mmap.mmap):
            return True
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return False


cdef class ReadAhead:
    """ReadAhead(X)\n--\n
    Asks the system for the rows of X, a C-contiguous array or a CSR matrix.
    """

    def __init__(self, X):
        arrays = (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (X,)
        self.arrays = arrays
        self.value_bytes = arrays[0].itemsize
        self.row_bytes = max(1, arrays[0].nbytes // X.shape[0])
        self.values = <const char *><size_t>arrays[0].ctypes.data
        if len(arrays) > 1:
            self.columns = <const char *><size_t>arrays[1].ctypes.data
            self.starts = <const void *><size_t>arrays[2].ctypes.data
            self.narrow = arrays[2].itemsize == 4
            self.index_bytes = arrays[1].itemsize
            self.row_bytes += arrays[1].nbytes // X.shape[0]
        self.rows = max(2, min(<Py_ssize_t>ROWS, BYTES // self.row_bytes))
        self.faults = waits()
        self.patience = 1

    cdef void ask(self, const int64_t *indices, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t i, row, start, n
        if not due(self, waits()):
            return
        self.asked += count - 1
        # The first is needed at once: it is the one that tells.
        for i in range(1, count):
            row = <Py_ssize_t>indices[i]
            if self.columns == NULL:
                will_need(self.values + row * self.row_bytes, self.row_bytes)
                continue
            if self.narrow:
                start = (<const int32_t *>self.starts)[row]
                n = (<const int32_t *>self.starts)[row + 1] - start
            else:
                start = (<const int64_t *>self.starts)[row]
                n = (<const int64_t *>self.starts)[row + 1] - start
            if n > 0:
                will_need(self.values + start * self.value_bytes, n * self.value_bytes)
                will_need(self.columns + start * self.index_bytes, n * self.index_bytes)


cpdef bint due(ReadAhead reader, int64_t found_missing) noexcept nogil:
    """Whether to ask for the next part, when rows have been found missing so many times in all."""
    if found_missing > reader.faults:
        reader.patience = PATIENCE
    reader.faults = found_missing
    if reader.patience == 0:
        return False
    reader.patience -= 1
    return True


def read_ahead(X):
    """A ReadAhead of data that lies in a file; None where it is in memory."""
    if mapped(X.data if hasattr(X, "indptr") else X):
        return ReadAhead(X)
    return None

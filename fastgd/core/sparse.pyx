# CSR rows, of float64 or float32 with 32- or 64-bit column indices.
from libc.stdint cimport int32_t, int64_t

from .rows cimport LINE, Descent, Rows, Storage, fetch, integer, number_of
from .sampling cimport Batch
from .vector cimport kernel_void, prefetch, real

import numpy as np

from .rows import check_csr, structure


# Of the sparse kernels only the one of single steps is dispatched, which makes it 5 % faster: they
# wait for single loads, not for arithmetic.
cdef inline double asking_dot(const real *values, const integer *columns, Py_ssize_t n,
                              const double *w, const char *line, const char *end) noexcept nogil:
    # Four sums: the loads of w miss the cache, and should not wait for one another's addition. At
    # each four entries a line of a later row is asked for: the buffers for lines under way are few,
    # and all of a row at once would fill them.
    cdef Py_ssize_t p = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while p + 4 <= n:
        if line < end:
            prefetch(line)
            line += LINE
        a0 += values[p] * w[columns[p]]
        a1 += values[p + 1] * w[columns[p + 1]]
        a2 += values[p + 2] * w[columns[p + 2]]
        a3 += values[p + 3] * w[columns[p + 3]]
        p += 4
    while p < n:
        a0 += values[p] * w[columns[p]]
        p += 1
    while line < end:
        prefetch(line)
        line += LINE
    return (a0 + a1) + (a2 + a3)


cdef inline double sparse_dot(const real *values, const integer *columns, Py_ssize_t n,
                              const double *w) noexcept nogil:
    return asking_dot(values, columns, n, w, NULL, NULL)


cdef inline void asking_add(double move, const real *values, const integer *columns, Py_ssize_t n,
                            double *w, const char *line, const char *end) noexcept nogil:
    cdef Py_ssize_t p = 0
    while p + 4 <= n:
        if line < end:
            prefetch(line)
            line += LINE
        w[columns[p]] += move * values[p]
        w[columns[p + 1]] += move * values[p + 1]
        w[columns[p + 2]] += move * values[p + 2]
        w[columns[p + 3]] += move * values[p + 3]
        p += 4
    while p < n:
        w[columns[p]] += move * values[p]
        p += 1
    while line < end:
        prefetch(line)
        line += LINE


cdef inline const char *line_of(const void *start) noexcept nogil:
    return <const char *>(<size_t>start // LINE * LINE)


cdef void sparse_margins(const real *values, const integer *columns, const integer *starts,
                         Py_ssize_t d, const Batch *batch, const double *weights,
                         const double *bias, Py_ssize_t n_outputs, double *out) noexcept nogil:
    cdef Py_ssize_t i, k, row, start, stop, known = batch.count + batch.ahead
    for i in range(batch.count):
        if batch.indices != NULL:
            # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
            if i + 16 < known:
                prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
            if i + 8 < known:
                row = <Py_ssize_t>batch.indices[i + 8]
                start = starts[row]
                stop = min(<Py_ssize_t>starts[row + 1], start + 1024)
                fetch(values + start, (stop - start) * <Py_ssize_t>sizeof(values[0]))
                fetch(columns + start, (stop - start) * <Py_ssize_t>sizeof(columns[0]))
        row = number_of(batch, i)
        start = starts[row]
        stop = starts[row + 1]
        for k in range(n_outputs):
            out[i * n_outputs + k] = sparse_dot(values + start, columns + start, stop - start,
                                                weights + k * d)
            if bias != NULL:
                out[i * n_outputs + k] += bias[k]


cdef void sparse_add(const real *values, const integer *columns, const integer *starts,
                     Py_ssize_t d, const Batch *batch, const double *coefficients, double factor,
                     Py_ssize_t n_outputs, double *target) noexcept nogil:
    cdef Py_ssize_t i, k, p, row
    cdef double weight
    cdef double *out
    for i in range(batch.count):
        row = number_of(batch, i)
        for k in range(n_outputs):
            weight = factor * coefficients[i * n_outputs + k]
            out = target + k * d
            for p in range(starts[row], starts[row + 1]):
                out[columns[p]] += weight * values[p]


cdef inline double soft(double v, double cut) noexcept nogil:
    # v moved towards 0 by `cut`; NaN stays NaN.
    return v - cut if v > cut else (v + cut if v < -cut else (0.0 if v == v else v))


cdef kernel_void late_kernel(double *weights, Py_ssize_t d, Py_ssize_t n_outputs,
                             const Descent *run) noexcept nogil:
    # The weights as they are, of those stored.
    cdef Py_ssize_t j, k
    cdef double factor = run.factor
    for k in range(n_outputs):
        if run.seen != NULL:
            for j in range(d):
                weights[k * d + j] = factor * soft(weights[k * d + j],
                                                   run.threshold - run.seen[j])
        else:
            for j in range(d):
                weights[k * d + j] *= factor


cdef inline void catch_up_row(const integer *columns, Py_ssize_t start, Py_ssize_t stop,
                              Py_ssize_t d, Py_ssize_t n_outputs, double *weights,
                              double threshold, double *seen) noexcept nogil:
    cdef Py_ssize_t p, k, j
    cdef double cut
    for p in range(start, stop):
        j = columns[p]
        cut = threshold - seen[j]
        if cut > 0.0:
            for k in range(n_outputs):
                weights[k * d + j] = soft(weights[k * d + j], cut)
            seen[j] = threshold


cdef void sparse_catch_up(const integer *columns, const integer *starts, Py_ssize_t d,
                          const Batch *batch, Py_ssize_t n_outputs, Descent *run) noexcept nogil:
    cdef Py_ssize_t i, row
    for i in range(batch.count):
        row = number_of(batch, i)
        catch_up_row(columns, starts[row], starts[row + 1], d, n_outputs, run.weights,
                     run.threshold, run.seen)


cdef kernel_void sparse_descend(const real *values, const integer *columns, const integer *starts,
                                const Batch *batch, const double *lr, Descent *run,
                                Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i, place, start, stop, known = batch.count + batch.ahead
    cdef const double *targets = run.targets
    cdef const double *sample_weights = run.sample_weights
    cdef double *weights = run.weights
    cdef double *bias = run.bias
    cdef double decay = run.decay, factor = run.factor, move
    cdef const char *values_line
    cdef const char *values_end
    cdef const char *columns_line
    cdef const char *columns_end
    for i in range(batch.count):
        values_line = values_end = columns_line = columns_end = NULL
        if batch.indices != NULL:
            # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
            if i + 16 < known:
                prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
                prefetch(targets + <Py_ssize_t>batch.indices[i + 16])
            if i + 8 < known:
                place = <Py_ssize_t>batch.indices[i + 8]
                start = starts[place]
                stop = min(<Py_ssize_t>starts[place + 1], start + 1024)
                values_line, values_end = line_of(values + start), <const char *>(values + stop)
                columns_line, columns_end = line_of(columns + start), <const char *>(columns + stop)
        place = number_of(batch, i)
        start = starts[place]
        stop = starts[place + 1]
        if run.seen != NULL:
            catch_up_row(columns, start, stop, d, 1, weights, run.threshold, run.seen)
        move = factor * asking_dot(values + start, columns + start, stop - start, weights,
                                   values_line, values_end)
        if bias != NULL:
            move += bias[0]
        run.slope(&move, targets + place, 1, 1, run.parameters, NULL)
        if sample_weights != NULL:
            move *= sample_weights[place]
        move *= -lr[i]
        if decay != 0.0:
            factor *= 1.0 - lr[i] * decay
            if not 1e-100 < factor:
                run.factor = factor
                fold(run, d, 1)
                factor = 1.0
        if bias != NULL:
            bias[0] += move
        move /= factor
        asking_add(move, values + start, columns + start, stop - start, weights,
                   columns_line, columns_end)
        if run.seen != NULL:
            run.threshold += lr[i] * run.l1 / factor
            factor /= 1.0 + lr[i] * run.l2
            if not 1e-100 < factor:
                run.factor = factor
                fold(run, d, 1)
                factor = 1.0
    run.factor = factor


cdef void apply_late(double *weights, Py_ssize_t d, Py_ssize_t n_outputs,
                     const Descent *run) noexcept nogil:
    late_kernel(weights, d, n_outputs, run)


cdef void fold(Descent *run, Py_ssize_t d, Py_ssize_t n_outputs) noexcept nogil:
    # Apply what is put off, before what is stored can overflow.
    cdef Py_ssize_t j
    late_kernel(run.weights, d, n_outputs, run)
    run.factor = 1.0
    run.threshold = 0.0
    if run.seen != NULL:
        for j in range(d):
            run.seen[j] = 0.0


cdef Py_ssize_t sparse_touch(const integer *columns, const integer *starts, const Batch *batch,
                             int64_t *marks, int64_t stamp, int64_t *touched) noexcept nogil:
    cdef Py_ssize_t i, p, row, count = 0
    for i in range(batch.count):
        row = number_of(batch, i)
        for p in range(starts[row], starts[row + 1]):
            if marks[columns[p]] != stamp:
                marks[columns[p]] = stamp
                touched[count] = columns[p]
                count += 1
    return count


cdef class SparseRows(Rows):
    """SparseRows(X)\n--\n
    A CSR matrix (scipy's matrix or array class), its three arrays used in place.

    Column indices need not be sorted, and may repeat: repeated entries count as their sum.
    """
    def __init__(self, X):
        wrong = check_csr(X)
        if wrong is None and X.data.dtype not in (np.float64, np.float32):
            wrong = f"its data is {X.data.dtype}"
        if wrong is not None:
            raise ValueError(f"X is not a valid CSR matrix: {wrong}")
        self.source = X
        self.n_rows, self.n_columns = X.shape
        self.sparse = True
        # scipy keeps both index arrays in one type; a hand-made matrix may not.
        starts = np.ascontiguousarray(X.indptr, dtype=X.indices.dtype)
        self.arrays = X.data, X.indices, starts
        self.single = X.data.itemsize == 4
        self.narrow = X.indices.itemsize == 4
        self.values = address(X.data)
        self.columns = address(X.indices)
        self.starts = address(starts)
        self.storage = Storage(self.values, self.columns, self.starts, self.single, self.narrow, 0)
        self.block_rows = 256

    cdef void margins(self, const Batch *batch, const double *weights, const double *bias,
                      Py_ssize_t n_outputs, double *out) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_margins(<const float *>self.values, <const int32_t *>self.columns,
                               <const int32_t *>self.starts, self.n_columns, batch, weights, bias,
                               n_outputs, out)
            else:
                sparse_margins(<const float *>self.values, <const int64_t *>self.columns,
                               <const int64_t *>self.starts, self.n_columns, batch, weights, bias,
                               n_outputs, out)
        elif self.narrow:
            sparse_margins(<const double *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, self.n_columns, batch, weights, bias,
                           n_outputs, out)
        else:
            sparse_margins(<const double *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, self.n_columns, batch, weights, bias,
                           n_outputs, out)

    cdef void add(self, const Batch *batch, const double *coefficients, double factor,
                  Py_ssize_t n_outputs, double *target) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_add(<const float *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, self.n_columns, batch, coefficients,
                           factor, n_outputs, target)
            else:
                sparse_add(<const float *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, self.n_columns, batch, coefficients,
                           factor, n_outputs, target)
        elif self.narrow:
            sparse_add(<const double *>self.values, <const int32_t *>self.columns,
                       <const int32_t *>self.starts, self.n_columns, batch, coefficients, factor,
                       n_outputs, target)
        else:
            sparse_add(<const double *>self.values, <const int64_t *>self.columns,
                       <const int64_t *>self.starts, self.n_columns, batch, coefficients, factor,
                       n_outputs, target)

    cdef void descend(self, const Batch *batch, const double *lr, Descent *run) noexcept nogil:
        if self.single:
            if self.narrow:
                sparse_descend(<const float *>self.values, <const int32_t *>self.columns,
                               <const int32_t *>self.starts, batch, lr, run, self.n_columns)
            else:
                sparse_descend(<const float *>self.values, <const int64_t *>self.columns,
                               <const int64_t *>self.starts, batch, lr, run, self.n_columns)
        elif self.narrow:
            sparse_descend(<const double *>self.values, <const int32_t *>self.columns,
                           <const int32_t *>self.starts, batch, lr, run, self.n_columns)
        else:
            sparse_descend(<const double *>self.values, <const int64_t *>self.columns,
                           <const int64_t *>self.starts, batch, lr, run, self.n_columns)

    cdef void catch_up(self, const Batch *batch, Py_ssize_t n_outputs,
                       Descent *run) noexcept nogil:
        if self.narrow:
            sparse_catch_up(<const int32_t *>self.columns, <const int32_t *>self.starts,
                            self.n_columns, batch, n_outputs, run)
        else:
            sparse_catch_up(<const int64_t *>self.columns, <const int64_t *>self.starts,
                            self.n_columns, batch, n_outputs, run)

    cdef int check(self) except -1:
        wrong = structure(*self.arrays[1:], self.n_rows, self.n_columns, self.arrays[0].shape[0])
        if wrong is not None:
            raise ValueError(f"the CSR matrix was changed since it was checked: {wrong}")
        return 0

    cdef Py_ssize_t touch(self, const Batch *batch, int64_t *marks, int64_t stamp,
                          int64_t *columns) noexcept nogil:
        if self.narrow:
            return sparse_touch(<const int32_t *>self.columns, <const int32_t *>self.starts, batch,
                                marks, stamp, columns)
        return sparse_touch(<const int64_t *>self.columns, <const int64_t *>self.starts, batch,
                            marks, stamp, columns)


cdef const void *address(array) except NULL:
    # An empty array has an address too, in NumPy.
    return <const void *><size_t>array.__array_interface__["data"][0]

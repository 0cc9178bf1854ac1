# Online learning of a linear model: passes over the rows, each judged before it is learnt from.
#
# A run (solver.pyx) minimises, and looks at its loss over all rows now and then. Here the loss of a
# row is taken with the weights that have not seen it yet, which costs nothing more, and the sum
# over a pass tells when to stop. The step may depend on the row's loss and length
# (passive-aggressive learning), the weights may be averaged over all steps, and a pass follows an
# order that is given.
#
# The weights are `factor` times those stored, so that shrinking them costs one product a step, and
# on sparse rows all else costs what the entries of a row do.
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from .claim cimport enter, leave
from .flush cimport flush, unflush
from .losses cimport Loss, LossKernel, make
from .vector cimport axpy, dot, kernel_void, prefetch, real, square_sum

import numpy as np

from .rows import check_csr, structure

ctypedef fused integer:
    int32_t
    int64_t

cdef enum:
    LINE = 64
    # Margins that are kept until their losses are found, a block at once: so they come from SIMD.
    BLOCK = 256
    # Rows between two looks at pending signals.
    PATIENCE = 1 << 16
    ROWS_AHEAD = 8
    FETCHED = 1 << 13

# A slope beyond it would overflow what follows; scikit-learn's bound.
cdef double STEEPEST = 1e12
cdef double LEAST_FACTOR = 1e-9

cdef enum Mode:
    DESCENT, PASSIVE_1, PASSIVE_2

cdef struct Pass:
    LossKernel kernel
    const double *parameters
    double scale                   # of the loss
    const double *targets
    const double *row_weights      # or NULL
    const uint8_t *left_out        # rows that are passed over, or NULL
    double *weights
    double bias
    double bias_rate               # the intercept moves by this part of what it would; 0: none
    double l2
    double l1
    double *owed                   # the l1 penalty that each weight has had, negative, or NULL
    double due                     # what each should have had by now
    double factor
    const double *row_squares      # square norms of the rows, or NULL
    double squares                 # of the weights as they are, as far as they are watched
    double absolutes
    # The sum over the steps of the weights is share * stored + rest, each of which may be NULL.
    double *rest
    double share
    double bias_mean
    int64_t t                      # steps before the next, and one
    int64_t start                  # of averaging, from which step on; 0: never
    Mode mode
    bint binary
    double aggressiveness
    bint watched
    double loss
    double penalty
    double zeros                   # 0, or NaN if a margin was not finite
    double *margins
    double *judged                 # their targets
    double *losses
    Py_ssize_t kept


cdef void settle_losses(Pass *run) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0.0
    if run.kept:
        run.kernel(run.margins, run.judged, run.kept, 1, run.parameters, run.losses)
        for i in range(run.kept):
            total += run.losses[i]
        run.loss += run.scale * total
        run.kept = 0


cdef inline double move_of(Pass *run, double margin, Py_ssize_t place, double lr,
                           double square) noexcept nogil:
    # The multiple of the row that is added to the weights. `square` is the row's square norm, which
    # only passive-aggressive steps need.
    cdef double move = margin, most = run.aggressiveness
    run.zeros += 0.0 * margin
    if run.watched:
        run.margins[run.kept] = margin
        run.judged[run.kept] = run.targets[place]
        run.kept += 1
        if run.kept == BLOCK:
            settle_losses(run)
        if run.mode == DESCENT:
            run.penalty += 0.5 * run.l2 * run.squares + run.l1 * run.absolutes
    if run.mode == DESCENT:
        run.kernel(&move, run.targets + place, 1, 1, run.parameters, NULL)
        move *= run.scale
        move = STEEPEST if move > STEEPEST else (-STEEPEST if move < -STEEPEST else move)
        move *= -lr
    else:
        run.kernel(&margin, run.targets + place, 1, 1, run.parameters, &move)
        if run.mode == PASSIVE_1:
            move /= square
            move = most if move > most else move
        else:
            move /= square + 0.5 / most
        if (run.targets[place] == 0.0) if run.binary else (run.targets[place] < margin):
            move = -move
    if run.row_weights != NULL:
        move *= run.row_weights[place]
    return move


cdef void fold(Pass *run, Py_ssize_t d) noexcept nogil:
    # What is stored becomes the weights as they are.
    cdef Py_ssize_t j
    for j in range(d):
        if run.rest != NULL:
            run.rest[j] += run.share * run.weights[j]
        run.weights[j] *= run.factor
    run.share = 0.0
    run.factor = 1.0


cdef inline void shrink(Pass *run, double lr, Py_ssize_t d) noexcept nogil:
    cdef double part = 1.0 - lr * run.l2
    if run.l2 == 0.0:
        return
    # No weight changes its sign by it, however large the rate.
    part = 0.0 if part < 0.0 else part
    run.factor *= part
    run.squares *= part * part
    run.absolutes *= part
    if run.factor < LEAST_FACTOR:
        fold(run, d)


cdef inline void count_step(Pass *run, double move) noexcept nogil:
    # The intercept, and the shares of this step in the means.
    run.bias += move * run.bias_rate
    if 0 < run.start <= run.t:
        run.share += run.factor
        run.bias_mean += (run.bias - run.bias_mean) / <double>(run.t - run.start + 1)
    run.t += 1


cdef inline double thresholded(double before, double owed, double due,
                               double inverse) noexcept nogil:
    # The cumulative l1 penalty of one weight (Tsuruoka, Tsujii and Ananiadou 2009): what is due,
    # less what it has had, and not beyond 0. As the weight less its part between two bounds it
    # takes a maximum and a minimum; the bounds do not wait for the weight.
    cdef double most = (due + owed) * inverse, least = (owed - due) * inverse, part
    most = most if most > 0.0 else 0.0
    least = least if least < 0.0 else 0.0
    part = before if before > least else least
    part = part if part < most else most
    return before - part


cdef inline void threshold(Pass *run, Py_ssize_t j, double inverse) noexcept nogil:
    cdef double before = run.weights[j]
    cdef double after = thresholded(before, run.owed[j], run.due, inverse)
    run.weights[j] = after
    run.owed[j] += run.factor * (after - before)
    if run.rest != NULL:
        run.rest[j] -= run.share * (after - before)


cdef inline void dense_threshold(Pass *run, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    cdef double factor = run.factor, due = run.due, inverse = 1.0 / run.factor, before, after
    cdef double *weights = run.weights
    cdef double *owed = run.owed
    if run.rest != NULL:
        for j in range(d):
            threshold(run, j, inverse)
        return
    for j in range(d):
        before = weights[j]
        after = thresholded(before, owed[j], due, inverse)
        weights[j] = after
        owed[j] += factor * (after - before)


cdef inline void fetch(const void *start, Py_ssize_t size) noexcept nogil:
    cdef const char *line = <const char *>(<size_t>start // LINE * LINE)
    cdef const char *end = <const char *>start + min(size, <Py_ssize_t>FETCHED)
    while line < end:
        prefetch(line)
        line += LINE


cdef inline double dot_ahead(const real *x, const double *w, Py_ssize_t n,
                             const real *later) noexcept nogil:
    # As dot, while a later row is fetched, a line at a time: all at once more lines would be asked
    # for than a core can wait for.
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    while j + 8 <= n:
        prefetch(later + j)
        a0 += <double>x[j] * w[j]
        a1 += <double>x[j + 1] * w[j + 1]
        a2 += <double>x[j + 2] * w[j + 2]
        a3 += <double>x[j + 3] * w[j + 3]
        a4 += <double>x[j + 4] * w[j + 4]
        a5 += <double>x[j + 5] * w[j + 5]
        a6 += <double>x[j + 6] * w[j + 6]
        a7 += <double>x[j + 7] * w[j + 7]
        j += 8
    prefetch(later + n - 1)
    while j < n:
        a0 += <double>x[j] * w[j]
        j += 1
    return ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))


cdef inline double add_squared(double a, const real *x, double *w, Py_ssize_t d) noexcept nogil:
    # w <- w + a x, and the sum of squares of the new w, for which w is not read again.
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    while j + 8 <= d:
        w[j] += a * x[j]
        w[j + 1] += a * x[j + 1]
        w[j + 2] += a * x[j + 2]
        w[j + 3] += a * x[j + 3]
        w[j + 4] += a * x[j + 4]
        w[j + 5] += a * x[j + 5]
        w[j + 6] += a * x[j + 6]
        w[j + 7] += a * x[j + 7]
        a0 += w[j] * w[j]
        a1 += w[j + 1] * w[j + 1]
        a2 += w[j + 2] * w[j + 2]
        a3 += w[j + 3] * w[j + 3]
        a4 += w[j + 4] * w[j + 4]
        a5 += w[j + 5] * w[j + 5]
        a6 += w[j + 6] * w[j + 6]
        a7 += w[j + 7] * w[j + 7]
        j += 8
    while j < d:
        w[j] += a * x[j]
        a0 += w[j] * w[j]
        j += 1
    return ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))


cdef inline void add_summed(Pass *run, double a, const real *x, Py_ssize_t d) noexcept nogil:
    # As add_squared, with the sum of absolute values.
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0
    cdef double *w = run.weights
    while j + 4 <= d:
        w[j] += a * x[j]
        w[j + 1] += a * x[j + 1]
        w[j + 2] += a * x[j + 2]
        w[j + 3] += a * x[j + 3]
        a0 += w[j] * w[j]
        a1 += w[j + 1] * w[j + 1]
        a2 += w[j + 2] * w[j + 2]
        a3 += w[j + 3] * w[j + 3]
        b0 += fabs(w[j])
        b1 += fabs(w[j + 1])
        b2 += fabs(w[j + 2])
        b3 += fabs(w[j + 3])
        j += 4
    while j < d:
        w[j] += a * x[j]
        a0 += w[j] * w[j]
        b0 += fabs(w[j])
        j += 1
    run.squares = run.factor * run.factor * ((a0 + a2) + (a1 + a3))
    run.absolutes = run.factor * ((b0 + b2) + (b1 + b3))


cdef inline void dense_sums(Pass *run, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0
    cdef const double *w = run.weights
    while j + 4 <= d:
        a0 += fabs(w[j])
        a1 += fabs(w[j + 1])
        a2 += fabs(w[j + 2])
        a3 += fabs(w[j + 3])
        j += 4
    while j < d:
        a0 += fabs(w[j])
        j += 1
    run.absolutes = run.factor * ((a0 + a1) + (a2 + a3))
    run.squares = run.factor * run.factor * square_sum(w, d)


cdef kernel_void dense_pass(const real *X, Py_ssize_t d, const int32_t *order, Py_ssize_t count,
                            Py_ssize_t known, const double *lr, Py_ssize_t *used,
                            Pass *run) noexcept nogil:
    cdef Py_ssize_t i, place
    cdef const real *row
    cdef const real *later
    cdef bint spread = d * <Py_ssize_t>sizeof(real) >= 2048
    cdef double margin, move, scaled, inverse, square = 0.0, rate
    cdef Py_ssize_t distance = max(<Py_ssize_t>2, min(<Py_ssize_t>ROWS_AHEAD,
                                   FETCHED // (d * <Py_ssize_t>sizeof(real)) + 1))
    for i in range(count):
        later = NULL
        if spread and i + 1 < known:
            later = X + d * order[i + 1]
            prefetch(run.targets + order[i + 1])
        elif i + distance < known:
            fetch(X + d * order[i + distance], d * <Py_ssize_t>sizeof(real))
            prefetch(run.targets + order[i + distance])
        place = order[i]
        if run.left_out != NULL and run.left_out[place]:
            continue
        row = X + d * place
        if later != NULL:
            margin = run.factor * dot_ahead(row, run.weights, d, later) + run.bias
        else:
            margin = run.factor * dot(row, run.weights, d) + run.bias
        if run.mode != DESCENT:
            square = dot(row, row, d) if run.row_squares == NULL else run.row_squares[place]
            if run.mode == PASSIVE_1 and square == 0.0:
                continue
        rate = lr[used[0]]
        used[0] += 1
        move = move_of(run, margin, place, rate, square)
        shrink(run, rate, d)
        # It does not wait for the margin, where a division after it would.
        inverse = 1.0 / run.factor
        if move != 0.0:
            scaled = move * inverse
            if run.watched and run.l1 == 0.0 and run.l2 != 0.0:
                run.squares = run.factor * run.factor * add_squared(scaled, row, run.weights, d)
            elif run.watched and run.l1 != 0.0:
                add_summed(run, scaled, row, d)
            else:
                axpy(scaled, row, run.weights, d)
            if run.rest != NULL:
                axpy(-run.share * scaled, row, run.rest, d)
        count_step(run, move)
        if run.owed != NULL:
            run.due += rate * run.l1
            dense_threshold(run, d)


cdef kernel_void sparse_pass(const real *values, const integer *columns, const integer *starts,
                             Py_ssize_t d, const int32_t *order, Py_ssize_t count,
                             Py_ssize_t known, const double *lr, Py_ssize_t *used,
                             Pass *run) noexcept nogil:
    cdef Py_ssize_t i, p, place, start, stop
    cdef double margin, other, move, scaled, inverse, square, rate, w, squares, absolutes
    cdef double before, due, factor
    cdef double *weights = run.weights
    cdef double *owed = run.owed
    for i in range(count):
        # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
        if i + 16 < known:
            prefetch(starts + order[i + 16])
            prefetch(run.targets + order[i + 16])
        if i + 8 < known:
            place = order[i + 8]
            start, stop = starts[place], starts[place + 1]
            fetch(values + start, (stop - start) * <Py_ssize_t>sizeof(real))
            fetch(columns + start, (stop - start) * <Py_ssize_t>sizeof(integer))
        place = order[i]
        if run.left_out != NULL and run.left_out[place]:
            continue
        start, stop = starts[place], starts[place + 1]
        # Two sums, as few entries of a row need: with one each addition waits for the last.
        margin = other = 0.0
        p = start
        while p + 2 <= stop:
            margin += values[p] * weights[columns[p]]
            other += values[p + 1] * weights[columns[p + 1]]
            p += 2
        if p < stop:
            margin += values[p] * weights[columns[p]]
        margin = run.factor * (margin + other) + run.bias
        square = 0.0
        if run.mode != DESCENT:
            for p in range(start, stop):
                square += <double>values[p] * values[p]
            if run.mode == PASSIVE_1 and square == 0.0:
                continue
        rate = lr[used[0]]
        used[0] += 1
        move = move_of(run, margin, place, rate, square)
        shrink(run, rate, d)
        inverse = 1.0 / run.factor
        if move != 0.0:
            scaled = move * inverse
            if run.watched and run.l2 != 0.0 and run.l1 == 0.0:
                # Of the weights in the row's columns only: see docs/coming-from-scikit-learn.md.
                squares = 0.0
                for p in range(start, stop):
                    w = weights[columns[p]] + scaled * values[p]
                    weights[columns[p]] = w
                    squares += w * w
                run.squares = squares * run.factor * run.factor
            elif run.watched and run.l1 != 0.0 and run.rest == NULL:
                # Each weight is read and written once: with its penalty, which is due after it.
                squares = absolutes = 0.0
                due, factor = run.due + rate * run.l1, run.factor
                for p in range(start, stop):
                    before = weights[columns[p]] + scaled * values[p]
                    squares += before * before
                    absolutes += fabs(before)
                    w = thresholded(before, owed[columns[p]], due, inverse)
                    weights[columns[p]] = w
                    owed[columns[p]] += factor * (w - before)
                run.squares = squares * factor * factor
                run.absolutes = absolutes * factor
                run.due = due
                count_step(run, move)
                continue
            elif run.watched and run.l1 != 0.0:
                squares = absolutes = 0.0
                for p in range(start, stop):
                    w = weights[columns[p]] + scaled * values[p]
                    weights[columns[p]] = w
                    squares += w * w
                    absolutes += fabs(w)
                run.squares = squares * run.factor * run.factor
                run.absolutes = absolutes * run.factor
            else:
                for p in range(start, stop):
                    weights[columns[p]] += scaled * values[p]
            if run.rest != NULL and run.share != 0.0:
                for p in range(start, stop):
                    run.rest[columns[p]] -= run.share * scaled * values[p]
        count_step(run, move)
        if run.owed != NULL:
            run.due += rate * run.l1
            scaled = 1.0 / run.factor
            for p in range(start, stop):
                threshold(run, columns[p], scaled)


cdef inline uint32_t scramble(uint32_t *state) noexcept nogil:
    # 32 bits by three shifts (Marsaglia 2003), of which scikit-learn uses 31.
    state[0] ^= <uint32_t>(state[0] << 13)
    state[0] ^= <uint32_t>(state[0] >> 17)
    state[0] ^= <uint32_t>(state[0] << 5)
    return state[0] & 0x7fffffff


cdef void shuffle(int32_t *order, Py_ssize_t n, uint32_t seed) noexcept nogil:
    # From the front, each with one of those behind it; the same seed each time, on the last order.
    cdef Py_ssize_t i, j
    cdef uint32_t state = seed if seed else 1
    for i in range(n - 1):
        j = i + <Py_ssize_t>(scramble(&state) % <uint32_t>(n - i))
        order[i], order[j] = order[j], order[i]


cdef class Online:
    """Online(X, y, loss, weights, bias=0.0, *, scale=1.0, row_weights=None, \
left_out=None, bias_rate=1.0, l2=0.0, l1=0.0, average=0, mean=None, bias_mean=0.0, t=1, \
mode="descent", aggressiveness=1.0, watched=True)\n\
--\n
    A linear model of one output that learns from one row after another.

    Parameters
    ----------
    X : (n, d) C-contiguous array of float64 or float32, or CSR matrix, used in place
    y : (n,) float64, what the loss takes
    loss : a dataclass of fastgd.losses, of one output
    weights : (d,) float64, copied
    bias : float
    scale : float, default 1
        The loss is multiplied by it.
    row_weights : (n,) float64, optional
        Each step is multiplied by its row's.
    left_out : (n,) bool, optional
        Rows that are not learnt from.
    bias_rate : float, default 1
        The part of a step that the intercept takes; 0 without an intercept.
    l2, l1 : float, default 0
        The first shrinks the weights by 1 - lr l2 before each step; the second is due lr l1 after
        each, cumulatively.
    average : int, default 0
        Average over the steps from this one on, counted from 1; 0: not.
    mean, bias_mean : (d,) float64 and float, optional
        The averages over earlier steps.
    t : int, default 1
        Steps taken before, and one.
    mode : "descent", "pa1" or "pa2", default "descent"
        Passive-aggressive steps (Crammer et al. 2006) take no rate.
    aggressiveness : float, default 1
        C of these.
    watched : bool, default True
        Whether losses and penalties are summed up.
    """
    cdef object arrays
    cdef double[::1] theta
    cdef double[:, ::1] room
    cdef double[::1] owed
    cdef double[::1] rest
    cdef double[::1] row_squares
    cdef const double[::1] targets
    cdef const double[::1] row_weights
    cdef const uint8_t[::1] left_out
    cdef Loss loss
    cdef const void *values
    cdef const void *columns
    cdef const void *starts
    cdef readonly Py_ssize_t n_rows, n_columns
    cdef bint sparse, single, narrow
    cdef int64_t users
    cdef Pass run

    def __init__(self, X, const double[::1] y not None, loss, weights, double bias=0.0, *,
                 double scale=1.0, const double[::1] row_weights=None, left_out=None,
                 double bias_rate=1.0, double l2=0.0, double l1=0.0, int64_t average=0,
                 mean=None, double bias_mean=0.0, int64_t t=1, mode="descent",
                 double aggressiveness=1.0, bint watched=True):
        cdef int64_t before
        if self.run.weights != NULL:
            raise TypeError("an Online is initialised once")
        self.sparse = hasattr(X, "indptr")
        data = X.data if self.sparse else X
        if data.dtype not in (np.float64, np.float32):
            raise ValueError(f"X must be of float64 or float32, not {data.dtype}")
        self.n_rows, self.n_columns = X.shape
        self.single = data.dtype == np.float32
        if self.sparse:
            wrong = check_csr(X)
            if wrong is not None:
                raise ValueError(f"X is not a valid CSR matrix: {wrong}")
            starts = np.ascontiguousarray(X.indptr, dtype=X.indices.dtype)
            self.arrays = X.data, X.indices, starts
            self.narrow = X.indices.itemsize == 4
            self.columns = address(X.indices)
            self.starts = address(starts)
        else:
            if not X.flags.c_contiguous:
                raise ValueError("X must be C-contiguous")
            self.arrays = (X,)
        self.values = address(data)
        if y.shape[0] != self.n_rows or (row_weights is not None
                                         and row_weights.shape[0] != self.n_rows):
            raise ValueError("y and the weights must have one entry for each row")
        if self.n_rows > 0x7fffffff:
            raise ValueError("an order holds 32-bit numbers of rows")
        self.loss = make(loss, 1)
        if self.loss.joint:
            raise ValueError(f"{loss!r} is a loss of several outputs")
        self.targets, self.row_weights = y, row_weights
        self.theta = np.array(weights, dtype=np.float64)
        if self.theta.shape[0] != self.n_columns:
            raise ValueError("there must be one weight for each column")
        self.room = np.zeros((3, BLOCK))
        self.run.kernel = self.loss.kernel
        self.run.parameters = self.loss.parameters
        self.run.scale = scale
        self.run.targets = &y[0]
        self.run.row_weights = NULL if row_weights is None else &row_weights[0]
        if left_out is not None:
            self.left_out = np.array(left_out, dtype=np.uint8)
            if self.left_out.shape[0] != self.n_rows:
                raise ValueError("left_out must have one entry for each row")
            self.run.left_out = &self.left_out[0]
        self.run.weights = &self.theta[0]
        self.run.bias, self.run.bias_rate = bias, bias_rate
        self.run.l2, self.run.l1, self.run.factor = l2, l1, 1.0
        if l1 != 0.0:
            self.owed = np.zeros(self.n_columns)
            self.run.owed = &self.owed[0]
        self.run.t, self.run.start = t, average
        if average:
            # The sum over the steps before, of which there is the mean.
            before = max(0, t - average)
            self.rest = (np.zeros(self.n_columns) if mean is None
                         else before * np.array(mean, dtype=np.float64))
            self.run.rest = &self.rest[0]
            self.run.bias_mean = bias_mean
        self.run.mode = {"descent": DESCENT, "pa1": PASSIVE_1, "pa2": PASSIVE_2}[mode]
        self.run.binary = loss.task == "binary"
        self.run.aggressiveness = aggressiveness
        self.run.watched = watched
        self.run.margins = &self.room[0, 0]
        self.run.judged = &self.room[1, 0]
        self.run.losses = &self.room[2, 0]
        dense_sums(&self.run, self.n_columns)

    def take(self, int32_t[::1] order not None, const double[::1] lr not None, seed=None,
             Py_ssize_t passes=1, double tol=-INFINITY, double best=INFINITY, Py_ssize_t idle=0,
             Py_ssize_t patience=1):
        """Up to so many passes over the rows in this order; the mean loss and penalty of each.

        It ends before where theta is no longer finite, or where the two together have not been
        below `best` by `tol` for `patience` passes. Returns (losses, penalties, best, idle).

        Parameters
        ----------
        order : (m,) int32 in [0, n), shuffled before each pass where a seed is given
        lr : a float64 for each row that is not left out, pass after pass
        seed : int, optional
        passes : int
        tol, best, idle, patience : of the stopping rule, as an earlier call left them

        Raises
        ------
        IndexError, ValueError
            A number of a row that there is not; too few rates; a CSR matrix changed meanwhile.
        RuntimeError
            The object is in use by another thread.
        """
        cdef Py_ssize_t done, count = order.shape[0], part, used = 0, i, rows = 0, number = 0
        cdef uint64_t mode
        cdef double value
        cdef bint shuffled = seed is not None
        cdef uint32_t start = seed if shuffled else 0
        cdef double[:, ::1] sums
        for i in range(count):
            if order[i] < 0 or order[i] >= self.n_rows:
                raise IndexError(f"order[{i}] is {order[i]}, outside [0, {self.n_rows})")
            rows += self.run.left_out == NULL or not self.run.left_out[order[i]]
        if rows == 0 or lr.shape[0] < passes * rows:
            raise ValueError(f"there are {lr.shape[0]} rates for {passes} passes of {rows} rows")
        if self.sparse:
            wrong = structure(*self.arrays[1:], self.n_rows, self.n_columns,
                              self.arrays[0].shape[0])
            if wrong is not None:
                raise ValueError(f"the CSR matrix was changed since it was checked: {wrong}")
        enter(&self.users, "this model", "make one for each thread")
        try:
            out = np.empty((2, passes))
            sums = out
            if (passes > 2 and not self.sparse and self.run.row_squares == NULL
                    and self.run.mode != DESCENT):
                # They do not change from pass to pass; a pass costs about as much as finding them.
                self.row_squares = np.einsum("ij,ij->i", *2 * self.arrays, dtype=np.float64)
                self.run.row_squares = &self.row_squares[0]
            while number < passes and idle < patience:
                if shuffled:
                    shuffle(&order[0], count, start)
                self.run.loss = self.run.penalty = 0.0
                done = 0
                # Of a passive pass, a row of zeros uses none.
                used = number * rows
                while done < count:
                    part = min(count - done, <Py_ssize_t>PATIENCE)
                    with nogil:
                        mode = flush()
                        self.go(&order[done], part, count - done, &lr[0], &used)
                        unflush(mode)
                    done += part
                    PyErr_CheckSignals()
                settle_losses(&self.run)
                sums[0, number] = self.run.loss / <double>rows
                sums[1, number] = self.run.penalty / <double>rows
                value = sums[0, number] + sums[1, number]
                number += 1
                if not self.is_finite():
                    break
                idle = idle + 1 if tol > -INFINITY and value > best - tol else 0
                best = value if value < best else best
        finally:
            leave(&self.users)
        return out[0, :number], out[1, :number], best, idle

    cdef bint is_finite(self) noexcept nogil:
        cdef Py_ssize_t j
        cdef double zeros = 0.0 * self.run.bias
        for j in range(self.n_columns):
            zeros += 0.0 * self.run.weights[j]
        return zeros == 0.0

    @property
    def finite(self):
        """Whether no weight is NaN or infinite."""
        return self.is_finite()

    cdef void go(self, const int32_t *order, Py_ssize_t count, Py_ssize_t known, const double *lr,
                 Py_ssize_t *used) noexcept nogil:
        cdef Py_ssize_t d = self.n_columns
        if not self.sparse:
            if self.single:
                dense_pass(<const float *>self.values, d, order, count, known, lr, used, &self.run)
            else:
                dense_pass(<const double *>self.values, d, order, count, known, lr, used, &self.run)
        elif self.single and self.narrow:
            sparse_pass(<const float *>self.values, <const int32_t *>self.columns,
                        <const int32_t *>self.starts, d, order, count, known, lr, used, &self.run)
        elif self.single:
            sparse_pass(<const float *>self.values, <const int64_t *>self.columns,
                        <const int64_t *>self.starts, d, order, count, known, lr, used, &self.run)
        elif self.narrow:
            sparse_pass(<const double *>self.values, <const int32_t *>self.columns,
                        <const int32_t *>self.starts, d, order, count, known, lr, used, &self.run)
        else:
            sparse_pass(<const double *>self.values, <const int64_t *>self.columns,
                        <const int64_t *>self.starts, d, order, count, known, lr, used, &self.run)

    @property
    def sound(self):
        """Whether all margins so far were finite, and so all entries of the rows learnt from."""
        return self.run.zeros == 0.0

    @property
    def t(self):
        """Steps taken, and one."""
        return self.run.t

    @property
    def weights(self):
        """The weights as they are: a new vector."""
        return self.run.factor * np.asarray(self.theta)

    @property
    def bias(self):
        """The intercept."""
        return self.run.bias

    @property
    def mean(self):
        """The mean of the weights over the steps of averaging: a new vector; zeros before these."""
        cdef int64_t steps = self.run.t - self.run.start
        if self.run.start == 0:
            raise ValueError("nothing is averaged")
        if steps < 1:
            return np.zeros(self.n_columns)
        return (self.run.share * np.asarray(self.theta) + np.asarray(self.rest)) / steps

    @property
    def bias_mean(self):
        """That of the intercept."""
        return self.run.bias_mean


cdef const void *address(array) except NULL:
    return <const void *><size_t>array.__array_interface__["data"][0]

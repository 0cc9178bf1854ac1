# Steps of reduced variance on linear models: SAGA and loopless SVRG.
#
# Both keep one number for each sample and output, the slope of its loss at an earlier point, and
# the mean of the gradients that these make. A step goes along the difference of two slopes of one
# row, plus that mean.
#
# The mean has an entry in every column, yet on CSR rows a step touches the entries of its row only:
# what a column misses until it is next read depends on its own mean, which does not change
# meanwhile, and on the sum of the rates since. So a weight is kept as a line in that sum: where it
# starts, and its mean, which is the slope. With an l1 penalty it is in closed form too, but for a
# weight that crosses 0: where it does is found in the list of these sums, by halving.
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from .linear cimport MARGINS, LinearObjective
from .losses cimport LossKernel
from .objective cimport OK
from .sampling cimport Batch
from .solver cimport Solver
from .update cimport Update, show
from .vector cimport dot, kernel_void, prefetch, real

import numpy as np

from .sampling import Importance
from .update import UPDATES

ctypedef fused integer:
    int32_t
    int64_t

# The weights are brought up to date before the factor between them and what is stored gets so
# small that sums lose digits, and after so many steps, or as many as there are columns.
cdef double LEAST_FACTOR = 1e-9
cdef Py_ssize_t FEWEST_SUMS = 4096, MOST_SUMS = 65536


# One weight on CSR rows without an l1 penalty: it is start - total * mean over the factor, total
# being the sum of the rates. Half as long as what l1 needs, and read without being written.
cdef struct Line:
    double start
    double mean


# One weight on CSR rows with an l1 penalty: what is stored, its entry of the mean gradient, and the
# sum of the rates up to which it is up to date.
cdef struct Coordinate:
    double stored
    double mean
    double seen
    double unused                  # so that none lies on two cache lines


cdef struct Reduced:
    LossKernel slope
    const double *parameters
    const double *targets
    const double *sample_weights   # or NULL
    Py_ssize_t n_targets
    Py_ssize_t n_outputs
    Py_ssize_t n_columns
    double *theta                  # the weights of dense rows, and the biases
    double *bias                   # or NULL
    double *means                  # as theta
    double *bias_means
    double *table                  # n_outputs numbers a sample
    double *margins                # room for n_outputs numbers
    double share                   # of a step in the mean: 1/n, or 0 where the table stays
    bint stays
    double decay
    double l1
    double l2
    # CSR rows only: the true weights are factor times those stored, once these are up to date.
    Coordinate *coordinates        # of a column, one after another for the outputs; NULL without l1
    Line *lines                    # in place of them, without l1
    double factor
    double *sums                   # of the rates over the factor, after each step since the last
    Py_ssize_t n_sums              # time that all was brought up to date
    Py_ssize_t most_sums


cdef inline void differ(Reduced *run, Py_ssize_t place) noexcept nogil:
    # The margins become the differences of slopes, and the table takes the new ones.
    cdef Py_ssize_t k
    cdef double slope
    cdef double *known = run.table + place * run.n_outputs
    run.slope(run.margins, run.targets + place * run.n_targets, run.n_targets, run.n_outputs,
              run.parameters, NULL)
    for k in range(run.n_outputs):
        slope = run.margins[k]
        if run.sample_weights != NULL:
            slope *= run.sample_weights[place]
        run.margins[k] = slope - known[k]
        if not run.stays:
            known[k] = slope


cdef inline void move_biases(Reduced *run, double lr) noexcept nogil:
    cdef Py_ssize_t k
    if run.bias != NULL:
        for k in range(run.n_outputs):
            run.bias[k] -= lr * (run.margins[k] + run.bias_means[k])
            run.bias_means[k] += run.share * run.margins[k]


cdef inline void fetch(const void *start, Py_ssize_t size) noexcept nogil:
    cdef const char *line = <const char *>start
    cdef const char *end = line + size
    while line < end:
        prefetch(line)
        line += 64


cdef inline Py_ssize_t number_of(const Batch *batch, Py_ssize_t i) noexcept nogil:
    return batch.first + i if batch.indices == NULL else <Py_ssize_t>batch.indices[i]


cdef kernel_void dense_steps(const real *X, const Batch *batch, const double *lr,
                             Reduced *run) noexcept nogil:
    cdef Py_ssize_t i, j, k, place, ahead, d = run.n_columns
    cdef Py_ssize_t known = batch.count + batch.ahead
    cdef const real *row
    cdef double *w
    cdef double *mean
    cdef double keep, rate, change, part, cut, shrink, moved
    for i in range(batch.count):
        if batch.indices != NULL and i + 2 < known:
            ahead = <Py_ssize_t>batch.indices[i + 2]
            prefetch(run.targets + ahead * run.n_targets)
            prefetch(run.table + ahead * run.n_outputs)
            fetch(X + ahead * d, min(d, <Py_ssize_t>512) * <Py_ssize_t>sizeof(real))
        place = number_of(batch, i)
        row = X + d * place
        rate = lr[i]
        for k in range(run.n_outputs):
            run.margins[k] = dot(row, run.theta + k * d, d)
            if run.bias != NULL:
                run.margins[k] += run.bias[k]
        differ(run, place)
        keep = 1.0 - rate * run.decay
        for k in range(run.n_outputs):
            w = run.theta + k * d
            mean = run.means + k * d
            change = run.margins[k]
            part = run.share * change
            if run.l1 == 0.0 and run.l2 == 0.0:
                for j in range(d):
                    w[j] = keep * w[j] - rate * (change * row[j] + mean[j])
                    mean[j] += part * row[j]
            else:
                cut = rate * run.l1
                shrink = 1.0 / (1.0 + rate * run.l2)
                for j in range(d):
                    moved = keep * w[j] - rate * (change * row[j] + mean[j])
                    moved = moved - cut if moved > cut else (
                        moved + cut if moved < -cut else (0.0 if moved == moved else moved))
                    w[j] = shrink * moved
                    mean[j] += part * row[j]
        move_biases(run, rate)


cdef double cross(double v, double mean, double l1, double seen, const double *sums,
                  Py_ssize_t n_sums) noexcept nogil:
    # From v > 0 to where it is after all steps, the mean being above l1: down to 0 and beyond.
    cdef Py_ssize_t low = 0, high = n_sums, middle
    cdef double left, last = sums[n_sums]
    if not v - (last - seen) * (mean + l1) <= 0.0:
        return v - (last - seen) * (mean + l1)
    # After `low` steps it is still above 0, after `high` no more.
    while high - low > 1:
        middle = (low + high) // 2
        if v - (sums[middle] - seen) * (mean + l1) > 0.0:
            low = middle
        else:
            high = middle
    # A step from the one side of 0 to the other: as far as the threshold leaves it.
    left = v - (sums[low] - seen) * (mean + l1) - (sums[high] - sums[low]) * (mean - l1)
    left = 0.0 if left > 0.0 else left
    return left - (last - sums[high]) * (mean - l1)


cdef inline double later(double v, double mean, double seen, const Reduced *run) noexcept nogil:
    # What is stored after the steps that a coordinate has missed: v <- soft(v - a mean, a l1) for
    # each, a being the rate over the factor.
    cdef double l1 = run.l1, total = run.sums[run.n_sums] - seen
    # Nearly always it stays on its side of 0, or at 0: one branch for both, since which of them it
    # is no processor can guess.
    cdef double side = <double>(v > 0.0) - <double>(v < 0.0)
    cdef double moved = v - total * (mean + side * l1)
    cdef int stays = (moved * side > 0.0) | ((side == 0.0) & (fabs(mean) <= l1))
    if stays:
        return side * side * moved
    if total == 0.0:
        return v
    if v > 0.0:
        if mean > l1:
            return cross(v, mean, l1, seen, run.sums, run.n_sums)
        v -= total * (mean + l1)
        return 0.0 if v < 0.0 and fabs(mean) <= l1 else v
    if v < 0.0:
        if mean < -l1:
            return -cross(-v, -mean, l1, seen, run.sums, run.n_sums)
        v -= total * (mean - l1)
        return 0.0 if v > 0.0 and fabs(mean) <= l1 else v
    if mean > l1:
        return v - total * (mean - l1)
    if mean < -l1:
        return v - total * (mean + l1)
    return v


cdef void renew(Reduced *run) noexcept nogil:
    # Bring all weights up to date, and begin the sums again.
    cdef Py_ssize_t j
    cdef double total = run.sums[run.n_sums]
    cdef Coordinate *one = run.coordinates
    if run.lines != NULL:
        for j in range(run.n_columns * run.n_outputs):
            run.lines[j].start = run.factor * (run.lines[j].start - total * run.lines[j].mean)
        run.factor = 1.0
        run.n_sums = 0
        run.sums[0] = 0.0
        return
    for j in range(run.n_columns * run.n_outputs):
        one[j].stored = run.factor * later(one[j].stored, one[j].mean, one[j].seen, run)
        one[j].seen = 0.0
    run.factor = 1.0
    run.n_sums = 0
    run.sums[0] = 0.0


cdef inline void look_ahead(const real *values, const integer *columns, const integer *starts,
                            const Batch *batch, Py_ssize_t i, Py_ssize_t known,
                            Reduced *run) noexcept nogil:
    cdef Py_ssize_t place, start, stop
    if batch.indices != NULL:
        # Where a row lies is itself a miss: its ends come first, then, nearer, its entries.
        if i + 16 < known:
            prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
        if i + 6 < known:
            place = <Py_ssize_t>batch.indices[i + 6]
            prefetch(run.targets + place * run.n_targets)
            prefetch(run.table + place * run.n_outputs)
            start = starts[place]
            stop = min(<Py_ssize_t>starts[place + 1], start + 1024)
            fetch(values + start, (stop - start) * <Py_ssize_t>sizeof(real))
            fetch(columns + start, (stop - start) * <Py_ssize_t>sizeof(integer))


cdef kernel_void line_steps(const real *values, const integer *columns, const integer *starts,
                            const Batch *batch, const double *lr, Reduced *run) noexcept nogil:
    cdef Py_ssize_t i, k, p, place, start, stop, K = run.n_outputs
    cdef Py_ssize_t known = batch.count + batch.ahead
    cdef Line *lines = run.lines
    cdef Line *one
    cdef double rate, total, step, part, move, a0, a1, a2, a3
    for i in range(batch.count):
        look_ahead(values, columns, starts, batch, i, known, run)
        place = number_of(batch, i)
        start = starts[place]
        stop = starts[place + 1]
        rate = lr[i]
        total = run.sums[run.n_sums]
        if K == 1:
            a0 = a1 = a2 = a3 = 0.0
            p = start
            while p + 4 <= stop:
                one = lines + columns[p]
                a0 += values[p] * (one.start - total * one.mean)
                one = lines + columns[p + 1]
                a1 += values[p + 1] * (one.start - total * one.mean)
                one = lines + columns[p + 2]
                a2 += values[p + 2] * (one.start - total * one.mean)
                one = lines + columns[p + 3]
                a3 += values[p + 3] * (one.start - total * one.mean)
                p += 4
            while p < stop:
                one = lines + columns[p]
                a0 += values[p] * (one.start - total * one.mean)
                p += 1
            run.margins[0] = (a0 + a1) + (a2 + a3)
        else:
            for k in range(K):
                run.margins[k] = 0.0
            for p in range(start, stop):
                one = lines + columns[p] * K
                for k in range(K):
                    run.margins[k] += values[p] * (one[k].start - total * one[k].mean)
        for k in range(K):
            run.margins[k] *= run.factor
            if run.bias != NULL:
                run.margins[k] += run.bias[k]
        differ(run, place)
        run.factor *= 1.0 - rate * run.decay
        if not LEAST_FACTOR < run.factor or run.n_sums == run.most_sums:
            renew(run)
            total = 0.0
        step = rate / run.factor
        # The mean changes by part: what the line then gives at this total stays as it was, and less
        # the step, which goes along the mean too, but not yet along its change.
        for k in range(K):
            part = run.share * run.margins[k]
            move = total * part - step * run.margins[k] + step * part
            for p in range(start, stop):
                one = lines + columns[p] * K + k
                one.start += move * values[p]
                one.mean += part * values[p]
        run.n_sums += 1
        run.sums[run.n_sums] = total + step
        run.factor /= 1.0 + rate * run.l2
        move_biases(run, rate)


cdef kernel_void sparse_steps(const real *values, const integer *columns, const integer *starts,
                              const Batch *batch, const double *lr, Reduced *run) noexcept nogil:
    cdef Py_ssize_t i, k, p, place, start, stop, K = run.n_outputs
    cdef Py_ssize_t known = batch.count + batch.ahead
    cdef Coordinate *one
    cdef double rate, change, total, step, part
    for i in range(batch.count):
        look_ahead(values, columns, starts, batch, i, known, run)
        place = number_of(batch, i)
        start = starts[place]
        stop = starts[place + 1]
        rate = lr[i]
        for k in range(K):
            run.margins[k] = 0.0
        total = run.sums[run.n_sums]
        if K == 1:
            change = 0.0
            for p in range(start, stop):
                one = run.coordinates + columns[p]
                if one.seen != total:
                    one.stored = later(one.stored, one.mean, one.seen, run)
                    one.seen = total
                change += values[p] * one.stored
            run.margins[0] = change
        else:
            for p in range(start, stop):
                one = run.coordinates + columns[p] * K
                for k in range(K):
                    if one[k].seen != total:
                        one[k].stored = later(one[k].stored, one[k].mean, one[k].seen, run)
                        one[k].seen = total
                    run.margins[k] += values[p] * one[k].stored
        for k in range(K):
            run.margins[k] *= run.factor
            if run.bias != NULL:
                run.margins[k] += run.bias[k]
        differ(run, place)
        run.factor *= 1.0 - rate * run.decay
        if not LEAST_FACTOR < run.factor or run.n_sums == run.most_sums:
            renew(run)
        step = rate / run.factor
        # The step along the mean comes later, when the mean has this row's change in it: what that
        # is too much is taken off here.
        for k in range(K):
            change = step * run.margins[k] * (1.0 - run.share)
            part = run.share * run.margins[k]
            for p in range(start, stop):
                one = run.coordinates + columns[p] * K + k
                one.stored -= change * values[p]
                one.mean += part * values[p]
        run.sums[run.n_sums + 1] = run.sums[run.n_sums] + step
        run.n_sums += 1
        run.factor /= 1.0 + rate * run.l2
        move_biases(run, rate)


cdef inline void go_rows(const real *values, const integer *columns, const integer *starts,
                         const Batch *batch, const double *lr, Reduced *run) noexcept nogil:
    if run.lines != NULL:
        line_steps(values, columns, starts, batch, lr, run)
    else:
        sparse_steps(values, columns, starts, batch, lr, run)


cdef class ReducedUpdate(Update):
    """ReducedUpdate(n_params, optimizer, spans=None, penalty=None)\n--\n
    Counts the steps: what else there is belongs to the solver, which has the samples.
    """


cdef class ReducedSolver(Solver):
    """ReducedSolver(objective, update, sampler, theta, anchored=False)\n--\n
    SAGA on a linear model, one row a step; with `anchored`, loopless SVRG.

    SVRG's anchor is the start, and then theta as it is before each step that draws row 0: of n
    equally likely rows, a probability of 1/n, for which no other draw is needed.
    """
    cdef LinearObjective linear
    cdef Reduced run
    cdef bint anchored, filled, other
    cdef public bint still                 # whether the anchor moves only from outside, by `load`
    cdef object table, means, sums, coordinates, margins
    cdef object kept                       # at the mark

    def __init__(self, LinearObjective objective, update, sampler, theta, bint anchored=False):
        cdef double[::1] numbers
        cdef Reduced *run = &self.run
        cdef Py_ssize_t d = objective.rows.n_columns, K = objective.n_outputs, j, k
        super().__init__(objective, update, sampler, theta)
        name = type(update.optimizer).__name__
        if sampler.batch_size != 1:
            raise ValueError(f"{name} takes one row a step: give batch_size=1")
        if isinstance(sampler, Importance):
            raise ValueError(f"{name} is of uniform draws: not for sampling=\"importance\"")
        penalty = objective.penalty
        self.other = penalty.proximal and not penalty.elastic
        if self.other and objective.rows.sparse:
            raise ValueError(f"on sparse X {name} takes L2, L1 and ElasticNet, not "
                             f"{penalty.source!r}: take X.toarray()")
        self.linear = objective
        self.anchored = anchored
        run.slope = objective.loss.kernel
        run.parameters = objective.loss.parameters
        run.targets = &objective.targets[0]
        run.sample_weights = objective.weights_of_rows
        run.n_targets, run.n_outputs, run.n_columns = objective.loss.n_targets, K, d
        run.theta = self.theta
        run.bias = self.theta + objective.n_weights if objective.intercept else NULL
        self.table = np.zeros(objective.n_samples * K)
        self.means = np.zeros(self.n_params)
        self.margins = np.zeros(K)
        numbers = self.table
        run.table = &numbers[0]
        numbers = self.means
        run.means = &numbers[0]
        run.bias_means = run.means + objective.n_weights
        numbers = self.margins
        run.margins = &numbers[0]
        run.stays = anchored
        run.share = 0.0 if anchored else 1.0 / <double>objective.n_samples
        run.decay = objective.penalty.decay + self.update.weight_decay
        if objective.penalty.elastic:
            run.l1, run.l2 = objective.penalty.l1, objective.penalty.l2
        run.factor = 1.0
        if objective.rows.sparse:
            run.most_sums = max(FEWEST_SUMS, min(d, MOST_SUMS))
            self.sums = np.zeros(run.most_sums + 2)
            numbers = self.sums
            run.sums = &numbers[0]
            # Four numbers each, or two, from the start of a cache line on.
            size = (4 if run.l1 != 0.0 else 2) * d * K
            room = np.zeros(size + 8)
            self.coordinates = room[-(room.ctypes.data // 8) % 8:][:size]
            numbers = self.coordinates
            if run.l1 != 0.0:
                run.coordinates = <Coordinate *>&numbers[0]
            else:
                run.lines = <Line *>&numbers[0]
            for k in range(K):
                for j in range(d):
                    if run.lines != NULL:
                        run.lines[j * K + k].start = self.theta[k * d + j]
                    else:
                        run.coordinates[j * K + k].stored = self.theta[k * d + j]

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Batch batch, part
        cdef Py_ssize_t done, count
        if not self.filled:
            memcpy(self.gradient, self.here(), self.n_params * sizeof(double))
            self.fill()
            self.filled = True
        while taken[0] < steps:
            self.sampler.draw_singles(steps - taken[0], &batch)
            done = 0
            while done < batch.count:
                count = self.until_anchor(&batch, done)
                part.indices = NULL if batch.indices == NULL else batch.indices + done
                part.first = batch.first + done
                if count == 0:
                    part.count = 1
                    part.ahead = batch.count - done - 1 + batch.ahead
                    self.step_from_anchor(&part, lr + taken[0])
                    count = 1
                else:
                    part.count = 1 if self.other else count
                    count = part.count
                    part.ahead = batch.count - done - count + batch.ahead
                    self.go(&part, lr + taken[0])
                done += count
                taken[0] += count
                show(&self.update.t, self.update.t + count)
        return OK

    cdef Py_ssize_t until_anchor(self, const Batch *batch, Py_ssize_t done) noexcept nogil:
        """How many of the rows from `done` on come before one that sets the anchor."""
        cdef Py_ssize_t i
        if not self.anchored or self.still:
            return batch.count - done
        for i in range(done, batch.count):
            if number_of(batch, i) == 0:
                return i - done
        return batch.count - done

    cdef void go(self, const Batch *batch, const double *lr) noexcept nogil:
        if self.linear.rows.sparse:
            self.go_sparse(batch, lr)
            return
        if self.linear.rows.storage.single:
            dense_steps(<const float *>self.linear.rows.storage.values, batch, lr, &self.run)
        else:
            dense_steps(<const double *>self.linear.rows.storage.values, batch, lr, &self.run)
        if self.other:
            self.update.proximal(self.theta, lr[0], 0.0)

    cdef void go_sparse(self, const Batch *batch, const double *lr) noexcept nogil:
        cdef const void *values = self.linear.rows.storage.values
        cdef const void *columns = self.linear.rows.storage.columns
        cdef const void *starts = self.linear.rows.storage.starts
        if self.linear.rows.storage.single:
            if self.linear.rows.storage.narrow:
                go_rows(<const float *>values, <const int32_t *>columns,
                        <const int32_t *>starts, batch, lr, &self.run)
            else:
                go_rows(<const float *>values, <const int64_t *>columns,
                        <const int64_t *>starts, batch, lr, &self.run)
        elif self.linear.rows.storage.narrow:
            go_rows(<const double *>values, <const int32_t *>columns,
                    <const int32_t *>starts, batch, lr, &self.run)
        else:
            go_rows(<const double *>values, <const int64_t *>columns,
                    <const int64_t *>starts, batch, lr, &self.run)

    cdef void step_from_anchor(self, const Batch *batch, const double *lr) noexcept nogil:
        """A step with the anchor as it was, which then moves to theta before the step."""
        memcpy(self.gradient, self.here(), self.n_params * sizeof(double))
        self.go(batch, lr)
        self.fill()

    cdef void fill(self) noexcept nogil:
        """The table and the mean gradient at the point in `gradient`."""
        cdef Batch block
        cdef Py_ssize_t done = 0, j, k, d = self.linear.rows.n_columns, K = self.linear.n_outputs
        cdef Py_ssize_t n = self.linear.n_samples
        if self.linear.rows.sparse:
            renew(&self.run)
        for j in range(self.n_params):
            self.run.means[j] = 0.0
        while done < n:
            block.indices = NULL
            block.first = done
            block.count = min(n - done, min(self.linear.rows.block_rows, <Py_ssize_t>MARGINS))
            block.ahead = 0
            self.linear.find_margins(self.gradient, &block, 1.0)
            self.linear.find_slopes(&block)
            memcpy(self.run.table + done * K, self.linear.margins_buffer,
                   block.count * K * sizeof(double))
            self.linear.add_rows(&block, 1.0 / <double>n, 1.0, self.run.means)
            done += block.count
        if self.linear.rows.sparse:
            for k in range(K):
                for j in range(d):
                    if self.run.lines != NULL:
                        self.run.lines[j * K + k].mean = self.run.means[k * d + j]
                    else:
                        self.run.coordinates[j * K + k].mean = self.run.means[k * d + j]

    cdef const double *here(self) noexcept nogil:
        cdef Py_ssize_t j, k, d = self.linear.rows.n_columns, K = self.linear.n_outputs
        cdef double total
        cdef Coordinate *one = self.run.coordinates
        cdef Line *lines = self.run.lines
        if not self.linear.rows.sparse:
            return self.theta
        memcpy(self.room, self.theta, self.n_params * sizeof(double))
        if lines != NULL:
            total = self.run.sums[self.run.n_sums]
            for j in range(d):
                for k in range(K):
                    self.room[k * d + j] = self.run.factor * (
                        lines[j * K + k].start - total * lines[j * K + k].mean)
            return self.room
        for j in range(d):
            for k in range(K):
                self.room[k * d + j] = self.run.factor * later(
                    one[j * K + k].stored, one[j * K + k].mean, one[j * K + k].seen, &self.run)
        return self.room

    cdef object state(self):
        found = {"filled": bool(self.filled), "table": self.table.copy(),
                 "means": self.means.copy(), "factor": self.run.factor}
        if self.linear.rows.sparse:
            found["coordinates"] = self.coordinates.copy()
            found["sums"], found["n_sums"] = self.sums.copy(), self.run.n_sums
        return found

    cdef int set_state(self, state) except -1:
        if self.linear.rows.sparse:
            self.coordinates[:] = state["coordinates"]
            self.sums[:], self.run.n_sums = state["sums"], state["n_sums"]
        self.filled, self.run.factor = state["filled"], state["factor"]
        self.table[:] = state["table"]
        self.means[:] = state["means"]
        return 0

    def save(self):
        return {**Solver.save(self), "reduced": self.state()}

    def load(self, saved):
        state = saved["reduced"]
        same = (state["table"].shape == self.table.shape
                and state["means"].shape == self.means.shape)
        if same and self.linear.rows.sparse:
            same = (state["coordinates"].shape == self.coordinates.shape
                    and state["sums"].shape == self.sums.shape
                    and 0 <= state["n_sums"] <= self.run.most_sums)
        if not same:
            raise ValueError("the saved table is of another data set")
        Solver.load(self, saved)
        self.set_state(state)

    def mark(self):
        Solver.mark(self)
        self.kept = self.state()

    def rewind(self):
        Solver.rewind(self)
        self.set_state(self.kept)


UPDATES["SAGA"] = UPDATES["SVRG"] = ReducedUpdate

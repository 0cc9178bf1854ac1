# Faster ways of stepping on linear models: plain SGD straight into theta, and rules that touch
# only the columns of a batch.
#
# Plain SGD puts things off. On narrow dense rows a step is added to theta one step late. On sparse
# rows the weights are kept as a multiple of what is stored, and the thresholds of an l1 penalty
# wait until a weight is next read: so a step touches the entries of its rows only.
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from .linear cimport MARGINS, LinearObjective
from .objective cimport OK
from .rows cimport Descent
from .sampling cimport Batch, cut
from .singles cimport SparseSingles, adagrad_singles
from .solver cimport Solver
from .sparse cimport apply_late, fold
from .update cimport count

import numpy as np

from .singles import SinglesSolver
from .solver import General
from .update import UPDATES


cdef class LinearSGD(Solver):
    """LinearSGD(objective, update, sampler, theta)\n--\n
    Plain SGD on a linear model, without a gradient.
    """
    cdef LinearObjective linear
    cdef Descent run
    cdef bint singles
    cdef object late                       # at the mark

    def __init__(self, LinearObjective objective, *arguments):
        super().__init__(objective, *arguments)
        self.linear = objective
        self.singles = self.sampler.batch_size == 1 and objective.n_outputs == 1
        self.run.slope = objective.loss.kernel
        self.run.parameters = objective.loss.parameters
        self.run.targets = &objective.targets[0]
        self.run.sample_weights = objective.weights_of_drawn
        self.run.weights = self.theta
        self.run.bias = self.theta + objective.n_weights if objective.intercept else NULL
        self.run.decay = objective.penalty.decay + self.update.weight_decay
        self.run.factor = 1.0
        self.run.row = -1
        if objective.penalty.elastic:
            self.run.l1 = objective.penalty.l1
            self.run.l2 = objective.penalty.l2
            self.run.seen = <double *>calloc(objective.rows.n_columns, sizeof(double))
            if self.run.seen == NULL:
                raise MemoryError

    def __dealloc__(self):
        free(self.run.seen)

    @staticmethod
    def serves(LinearObjective objective, update, sampler):
        """Whether this way is open, and leads to the same place as the general one."""
        if type(update) is not UPDATES["SGD"] or sampler.batch_size > MARGINS:
            return False
        if objective.penalty.proximal and not (objective.penalty.elastic
                                               and objective.rows.sparse):
            return False
        return sampler.batch_size <= objective.block_rows

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Batch batch
        while taken[0] < steps:
            if self.singles:
                self.sampler.draw_singles(steps - taken[0], &batch)
                self.linear.rows.descend(&batch, lr + taken[0], &self.run)
                taken[0] += batch.count
                count(&self.update.t, batch.count)
            else:
                self.sampler.draw(&batch)
                self.descend(&batch, lr[taken[0]])
                taken[0] += 1
                count(&self.update.t, 1)
        return OK

    cdef void descend(self, const Batch *batch, double lr) noexcept nogil:
        """One step on a batch: all its margins must be known before theta moves."""
        cdef Py_ssize_t d = self.linear.rows.n_columns, K = self.linear.n_outputs
        cdef Descent *run = &self.run
        if run.seen != NULL:
            self.linear.rows.catch_up(batch, K, run)
        self.linear.find_margins(self.theta, batch, run.factor)
        self.linear.find_slopes(batch)
        if run.decay != 0.0:
            run.factor *= 1.0 - lr * run.decay
            if not self.linear.rows.sparse or not 1e-100 < run.factor:
                fold(run, d, K)
        self.linear.add_rows(batch, -lr / <double>batch.count, run.factor, self.theta)
        if run.seen != NULL:
            run.threshold += lr * run.l1 / run.factor
            run.factor /= 1.0 + lr * run.l2
            if not 1e-100 < run.factor:
                fold(run, d, K)

    cdef const double *here(self) noexcept nogil:
        cdef Descent *run = &self.run
        if run.row < 0 and run.factor == 1.0 and run.seen == NULL:
            return self.theta
        memcpy(self.room, self.theta, self.n_params * sizeof(double))
        if run.row >= 0:
            self.linear.rows.add_row(run, self.room)
        else:
            apply_late(self.room, self.linear.rows.n_columns, self.linear.n_outputs, run)
        return self.room

    cdef object seen(self):
        cdef Py_ssize_t d = self.linear.rows.n_columns
        return None if self.run.seen == NULL else np.asarray(<double[:d]>self.run.seen)

    cdef object put_off(self):
        seen = self.seen()
        return {"factor": self.run.factor, "amount": self.run.amount, "row": self.run.row,
                "threshold": self.run.threshold, "seen": None if seen is None else seen.copy()}

    def save(self):
        return {**Solver.save(self), "late": self.put_off()}

    def load(self, saved):
        late = saved["late"]
        if not -1 <= late["row"] < self.objective.n_samples:
            raise ValueError(f"there is no row {late['row']} to be added")
        Solver.load(self, saved)
        self.set_late(late)

    cdef void set_late(self, late) except *:
        seen = self.seen()
        self.run.factor, self.run.amount = late["factor"], late["amount"]
        self.run.row, self.run.threshold = late["row"], late["threshold"]
        if seen is not None:
            seen[:] = late["seen"]

    def mark(self):
        Solver.mark(self)
        self.late = self.put_off()

    def rewind(self):
        Solver.rewind(self)
        self.set_late(self.late)


cdef class LocalSolver(Solver):
    """LocalSolver(objective, update, sampler, theta)\n--\n
    A rule for which a coordinate without a gradient stays where it is, on sparse rows.
    """
    cdef LinearObjective linear
    # When a column was last seen, by number of the batch, and which columns the batch has.
    cdef int64_t *marks
    cdef int64_t *touched
    cdef int64_t stamp
    # AdaGrad on single rows has a loop of its own.
    cdef SparseSingles run
    cdef bint singles

    def __init__(self, LinearObjective objective, *arguments):
        super().__init__(objective, *arguments)
        cdef SparseSingles *run = &self.run
        self.linear = objective
        self.singles = (type(self.update) is UPDATES["AdaGrad"] and self.sampler.batch_size == 1
                        and objective.n_outputs == 1)
        if self.singles:
            run.slope = objective.loss.kernel
            run.parameters = objective.loss.parameters
            run.targets = &objective.targets[0]
            run.sample_weights = objective.weights_of_drawn
            run.theta, run.squares = self.theta, self.update.slot[0]
            run.bias = objective.n_weights if objective.intercept else -1
            run.eps, run.eps_root = self.update.optimizer.eps, self.update.optimizer.eps_root
        self.marks = <int64_t *>calloc(objective.rows.n_columns, sizeof(int64_t))
        self.touched = <int64_t *>malloc(self.n_params * sizeof(int64_t))
        if self.marks == NULL or self.touched == NULL:
            raise MemoryError
        memset(self.gradient, 0, self.n_params * sizeof(double))

    def __dealloc__(self):
        free(self.marks)
        free(self.touched)

    @staticmethod
    def serves(LinearObjective objective, update, sampler):
        """Whether this way is open, and leads to the same place as the general one."""
        return (objective.rows.sparse and update.sparse and objective.penalty.decay == 0.0
                and not objective.penalty.proximal)

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Batch batch, row, rest
        cdef Py_ssize_t done
        while taken[0] < steps:
            if not self.singles:
                self.sampler.draw(&batch)
                self.step_on(&batch, lr[taken[0]], momentum[taken[0]])
                taken[0] += 1
                continue
            self.sampler.draw_singles(steps - taken[0], &batch)
            while batch.count > 0:
                done = adagrad_singles(&self.linear.rows.storage, &batch, lr + taken[0], &self.run)
                count(&self.update.t, done)
                taken[0] += done
                if done < batch.count:
                    # A row that names a column twice.
                    cut(&batch, done, 1, &row)
                    self.step_on(&row, lr[taken[0]], momentum[taken[0]])
                    taken[0] += 1
                    done += 1
                cut(&batch, done, batch.count, &rest)
                batch = rest
        return OK

    cdef void step_on(self, const Batch *batch, double lr, double momentum) noexcept nogil:
        # The gradient is all zeros between two steps.
        cdef Py_ssize_t i, n_touched = self.find_gradient(batch)
        self.update.step_at(self.theta, self.gradient, self.touched, n_touched, lr, momentum)
        for i in range(n_touched):
            self.gradient[self.touched[i]] = 0.0

    cdef Py_ssize_t find_gradient(self, const Batch *batch) noexcept nogil:
        """The mean gradient, and how many coordinates are in `touched`."""
        cdef Py_ssize_t n_columns, c, k, d = self.linear.rows.n_columns
        self.stamp += 1
        n_columns = self.linear.rows.touch(batch, self.marks, self.stamp, self.touched)
        self.linear.add_gradient(self.theta, batch, self.gradient)
        # The list holds columns; a parameter is a column of one output. From the last output to
        # the first, so that the columns themselves are overwritten last.
        for k in range(self.linear.n_outputs - 1, -1, -1):
            for c in range(n_columns):
                self.touched[k * n_columns + c] = self.touched[c] + k * d
                self.gradient[self.touched[k * n_columns + c]] /= <double>batch.count
        n_columns *= self.linear.n_outputs
        if self.linear.intercept:
            for k in range(self.linear.n_weights, self.n_params):
                self.gradient[k] /= <double>batch.count
                self.touched[n_columns] = k
                n_columns += 1
        return n_columns


def fastest(objective, update, sampler, theta):
    """The fastest way of stepping for a run on a linear model."""
    for kind in (LinearSGD, SinglesSolver, LocalSolver):
        if kind.serves(objective, update, sampler):
            return kind(objective, update, sampler, theta)
    return General(objective, update, sampler, theta)

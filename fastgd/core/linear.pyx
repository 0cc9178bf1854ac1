# Linear models: a loss of x . w (+ b), for one output or several.
#
# The gradient of a sample is x times a number, so the margins of a block of rows come first, then
# the numbers, then one weighted sum of the rows - into a gradient or, for plain SGD, into theta.
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc

from .losses cimport Loss, pick_targets
from .objective cimport OK, UNSUPPORTED, Objective
from .rows cimport Late, Rows, wrap
from .sampling cimport Batch, cut

from .losses import LOSSES

# The largest batch whose step goes straight into theta: all its margins must be known before
# theta moves, so they are kept.
cdef enum:
    MARGINS = 1024


cdef class LinearObjective(Objective):
    """LinearObjective(X, y, loss, n_outputs, intercept, l2)\n--\n
    theta is W (n_outputs x d, row-major), then, with an intercept, b (n_outputs).
    """
    cdef Rows rows
    cdef Loss loss
    cdef const double[::1] targets
    cdef Py_ssize_t n_outputs, n_weights
    cdef bint intercept
    cdef double *margins_buffer
    cdef double *targets_buffer
    cdef double *losses_buffer
    # Of sparse data: when a column was last seen, by number of the batch, and which the batch has.
    cdef int64_t *marks
    cdef int64_t *touched
    cdef int64_t stamp
    cdef Late work

    def __init__(self, X, const double[::1] y, str loss, Py_ssize_t n_outputs, bint intercept,
                 double l2):
        self.rows = wrap(X)
        self.loss = LOSSES[loss](n_outputs)
        self.targets = y
        self.n_outputs = n_outputs
        self.n_weights = n_outputs * self.rows.n_columns
        self.intercept = intercept
        spans = [(0, self.n_weights, True)]
        if intercept:
            spans.append((self.n_weights, self.n_weights + n_outputs, False))
        super().__init__(self.rows.n_rows, self.n_weights + (n_outputs if intercept else 0), l2,
                         spans)
        self.one_pass = True
        self.takes_singles = self.loss.slope != NULL
        self.forget()
        self.margins_buffer = <double *>malloc(MARGINS * n_outputs * sizeof(double))
        self.targets_buffer = <double *>malloc(MARGINS * sizeof(double))
        self.losses_buffer = <double *>malloc(MARGINS * sizeof(double))
        if (self.margins_buffer == NULL or self.targets_buffer == NULL
                or self.losses_buffer == NULL):
            raise MemoryError
        if self.rows.sparse:
            # Partial sums are as long as theta: they must not cost more than the rows do.
            self.block_rows = max(4096, 16 * self.rows.n_columns)
            self.sparse = l2 == 0.0
            self.marks = <int64_t *>calloc(self.rows.n_columns, sizeof(int64_t))
            self.touched = <int64_t *>malloc(self.n_params * sizeof(int64_t))
            if self.marks == NULL or self.touched == NULL:
                raise MemoryError

    def __dealloc__(self):
        free(self.marks)
        free(self.touched)
        free(self.margins_buffer)
        free(self.targets_buffer)
        free(self.losses_buffer)

    cdef const double *targets_of(self, const Batch *batch) noexcept nogil:
        return pick_targets(&self.targets[0], batch, self.targets_buffer)

    cdef void find_margins(self, const double *theta, const Batch *batch,
                           double factor) noexcept nogil:
        # The weights are factor times what theta holds.
        cdef Py_ssize_t i, k
        cdef const double *bias = theta + self.n_weights if self.intercept else NULL
        if factor == 1.0:
            self.rows.margins(batch, theta, bias, self.n_outputs, self.margins_buffer)
            return
        self.rows.margins(batch, theta, NULL, self.n_outputs, self.margins_buffer)
        for i in range(batch.count):
            for k in range(self.n_outputs):
                self.margins_buffer[i * self.n_outputs + k] = (
                    factor * self.margins_buffer[i * self.n_outputs + k]
                    + (bias[k] if bias != NULL else 0.0))

    cdef void add_rows(self, const Batch *batch, double weight, double factor,
                       double *target) noexcept nogil:
        # The weighted sum of the rows, and for the intercept that of the weights themselves.
        cdef Py_ssize_t i, k
        self.rows.add(batch, self.margins_buffer, weight / factor, self.n_outputs, target)
        if self.intercept:
            for i in range(batch.count):
                for k in range(self.n_outputs):
                    target[self.n_weights + k] += \
                        weight * self.margins_buffer[i * self.n_outputs + k]

    cdef int add_value(self, const double *theta, const Batch *batch, double *value) noexcept nogil:
        return self.add_both(theta, batch, value, NULL)

    cdef int add_gradient(self, const double *theta, const Batch *batch,
                          double *out) noexcept nogil:
        return self.add_both(theta, batch, NULL, out)

    cdef int add_both(self, const double *theta, const Batch *batch, double *value,
                      double *out) noexcept nogil:
        # Either may be NULL.
        cdef Batch block
        cdef const double *targets
        cdef Py_ssize_t done = 0, i
        cdef double total = 0.0
        while done < batch.count:
            cut(batch, done, self.rows.block_rows, &block)
            targets = self.targets_of(&block)
            self.find_margins(theta, &block, 1.0)
            if value != NULL:
                self.loss.values(self.margins_buffer, targets, block.count, self.losses_buffer)
                for i in range(block.count):
                    total += self.losses_buffer[i]
            if out != NULL:
                self.loss.derivatives(self.margins_buffer, targets, block.count)
                self.add_rows(&block, 1.0, 1.0, out)
            done += block.count
        if value != NULL:
            value[0] += total
        return OK

    cdef int descend(self, double *theta, const Batch *batch, double lr,
                     double decay) noexcept nogil:
        cdef const double *targets
        if batch.count > MARGINS or batch.count > self.block_rows:
            return UNSUPPORTED
        targets = self.targets_of(batch)
        self.find_margins(theta, batch, self.work.factor)
        self.loss.derivatives(self.margins_buffer, targets, batch.count)
        if decay != 0.0:
            # On sparse data the weights are kept as a multiple of what is stored, so that a step
            # touches the entries of its rows only. Far below 1 the multiple is applied after all,
            # before what is stored can overflow.
            self.work.factor *= 1.0 - lr * decay
            self.late = True
            if not self.rows.sparse or not 1e-100 < self.work.factor:
                self.catch_up(theta)
                self.forget()
        self.add_rows(batch, -lr / <double>batch.count, self.work.factor, theta)
        return OK

    cdef void descend_singles(self, double *theta, const Batch *batch, const double *lr,
                              double decay) noexcept nogil:
        self.rows.descend_singles(batch, &self.targets[0], self.loss.slope, lr, decay, theta,
                                  theta + self.n_weights if self.intercept else NULL,
                                  &self.work)
        self.late = self.work.factor != 1.0 or self.work.row >= 0

    cdef void catch_up(self, double *theta) noexcept nogil:
        if self.work.row >= 0:
            self.rows.add_row(&self.work, theta)
        elif self.work.factor != 1.0:
            self.shrink(theta, self.work.factor)

    cdef void forget(self) noexcept nogil:
        self.late = False
        self.work.factor = 1.0
        self.work.row = -1

    def put_off(self):
        return self.work if self.late else None

    def restore(self, work):
        self.forget()
        if work is not None:
            self.late, self.work = True, work

    cdef Py_ssize_t gradient_at(self, const double *theta, const Batch *batch, double *out,
                                const int64_t **touched) noexcept nogil:
        cdef Py_ssize_t n_columns, c, k
        self.stamp += 1
        n_columns = self.rows.touch(batch, self.marks, self.stamp, self.touched)
        self.add_gradient(theta, batch, out)
        # The list holds columns; a parameter is a column of one output. From the last output to
        # the first, so that the columns themselves are overwritten last.
        for k in range(self.n_outputs - 1, -1, -1):
            for c in range(n_columns):
                self.touched[k * n_columns + c] = self.touched[c] + k * self.rows.n_columns
                out[self.touched[k * n_columns + c]] /= <double>batch.count
        n_columns *= self.n_outputs
        if self.intercept:
            for k in range(self.n_weights, self.n_params):
                out[k] /= <double>batch.count
                self.touched[n_columns] = k
                n_columns += 1
        touched[0] = self.touched
        return n_columns

    def margins(self, const double[::1] theta, X):
        """The margins of other rows: (m, n_outputs)."""
        import numpy as np
        cdef Rows rows = wrap(X)
        cdef Batch batch
        batch.indices = NULL
        batch.first = 0
        batch.count = rows.n_rows
        batch.ahead = 0
        out = np.empty((rows.n_rows, self.n_outputs))
        cdef double[:, ::1] view = out
        with nogil:
            rows.margins(&batch, &theta[0], &theta[self.n_weights] if self.intercept else NULL,
                         self.n_outputs, &view[0, 0])
        return out

# Linear models: a loss of x . w (+ b), for one output or several.
#
# The gradient of a sample is x times a number, so the margins of a block of rows come first, then
# the numbers, then one weighted sum of the rows - into a gradient or, for plain SGD, into theta
# (descent.pyx).
from libc.stdlib cimport free, malloc

from .losses cimport make, pick
from .objective cimport OK, Objective
from .penalties cimport Penalty
from .rows cimport TOGETHER, Rows
from .sampling cimport Batch, cut
from .storage cimport wrap

from .reading import read_ahead

import numpy as np


cdef class LinearObjective(Objective):
    """LinearObjective(X, y, loss, n_outputs, intercept, penalty=None, sample_weight=None)\n--\n
    theta is W (n_outputs x d, row-major), then, with an intercept, b (n_outputs).

    Parameters
    ----------
    X : (n, d) array of float64 or float32, or CSR matrix, used in place
    y : (n,) float64, or (n * n_outputs,) where each output has its target
    loss : a dataclass of fastgd.losses
    n_outputs : int
    intercept : bool
    penalty : core.penalties.Penalty, optional
    sample_weight : (n,) float64 with mean 1, optional
    """

    def __init__(self, X, const double[::1] y not None, loss, Py_ssize_t n_outputs,
                 bint intercept, Penalty penalty=None, const double[::1] sample_weight=None):
        cdef Py_ssize_t numbers
        self.rows = wrap(X)
        self.reading = read_ahead(X)
        self.loss = make(loss, n_outputs)
        if y.shape[0] != self.rows.n_rows * self.loss.n_targets:
            raise ValueError(f"y has {y.shape[0]} entries for {self.rows.n_rows} rows")
        if self.loss.joint:
            # A kernel indexes by these: nobody else may write into them.
            y = np.array(y)
            if not ((np.asarray(y) >= 0) & (np.asarray(y) < n_outputs)).all():
                raise ValueError(f"y has classes beyond the {n_outputs} outputs")
        if sample_weight is not None:
            if sample_weight.shape[0] != self.rows.n_rows:
                raise ValueError("there must be one weight for each row")
            self.weights_of_rows = &sample_weight[0]
            self.weights_of_drawn = self.weights_of_rows
        self.targets = y
        self.sample_weights = sample_weight
        self.n_outputs = n_outputs
        self.n_weights = n_outputs * self.rows.n_columns
        self.intercept = intercept
        spans = [(0, self.n_weights, True)]
        if intercept:
            spans.append((self.n_weights, self.n_weights + n_outputs, False))
        super().__init__(self.rows.n_rows, self.n_weights + (n_outputs if intercept else 0),
                         0.0, spans, penalty)
        self.one_pass = True
        numbers = MARGINS * self.loss.n_targets
        self.margins_buffer = <double *>malloc(MARGINS * n_outputs * sizeof(double))
        self.targets_buffer = <double *>malloc(numbers * sizeof(double))
        self.losses_buffer = <double *>malloc(numbers * sizeof(double))
        self.weights_buffer = <double *>malloc(MARGINS * sizeof(double))
        if (self.margins_buffer == NULL or self.targets_buffer == NULL
                or self.losses_buffer == NULL or self.weights_buffer == NULL):
            raise MemoryError
        if n_outputs > 1 and not self.rows.sparse:
            # Each block reads and writes the gradients of all outputs, so it should be long. Its
            # length is also that of the sums, which must not depend on how rows come in parts.
            self.rows.block_rows = TOGETHER
        if self.rows.sparse:
            # Partial sums are as long as theta: they must not cost more than the rows do.
            self.block_rows = max(4096, 16 * self.rows.n_columns)

    def __dealloc__(self):
        free(self.margins_buffer)
        free(self.targets_buffer)
        free(self.losses_buffer)
        free(self.weights_buffer)

    cdef int claim(self) except -1:
        # Who owns the arrays of a sparse matrix may have written into them since.
        if not self.unchanged:
            self.rows.check()
        self.unchanged = False
        return Objective.claim(self)

    def draw_with(self, const double[::1] weights):
        """Take these weights (n,) for rows that are drawn; None: those of a whole pass again."""
        if weights is not None and weights.shape[0] != self.rows.n_rows:
            raise ValueError("there must be one weight for each row")
        self.drawn_weights = weights
        self.weights_of_drawn = self.weights_of_rows if weights is None else &weights[0]

    cdef const double *weights_of(self, const Batch *batch) noexcept nogil:
        return self.weights_of_rows if batch.indices == NULL else self.weights_of_drawn

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

    cdef void find_slopes(self, const Batch *batch) noexcept nogil:
        # The derivatives in place of the margins, each times its sample's weight.
        cdef const double *weights
        cdef Py_ssize_t i, k
        self.loss.kernel(self.margins_buffer,
                         pick(&self.targets[0], self.loss.n_targets, batch, self.targets_buffer),
                         batch.count * self.loss.n_targets, self.n_outputs, self.loss.parameters,
                         NULL)
        weights = self.weights_of(batch)
        if weights != NULL:
            weights = pick(weights, 1, batch, self.weights_buffer)
            for i in range(batch.count):
                for k in range(self.n_outputs):
                    self.margins_buffer[i * self.n_outputs + k] *= weights[i]

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
        cdef const double *weights
        cdef Py_ssize_t done = 0, i
        cdef double total = 0.0
        while done < batch.count:
            cut(batch, done, self.rows.block_rows, &block)
            self.find_margins(theta, &block, 1.0)
            if value != NULL:
                targets = pick(&self.targets[0], self.loss.n_targets, &block, self.targets_buffer)
                self.loss.values(self.margins_buffer, targets, block.count, self.losses_buffer)
                weights = self.weights_of(&block)
                if weights == NULL:
                    for i in range(block.count):
                        total += self.losses_buffer[i]
                else:
                    weights = pick(weights, 1, &block, self.weights_buffer)
                    for i in range(block.count):
                        total += weights[i] * self.losses_buffer[i]
            if out != NULL:
                self.find_slopes(&block)
                self.add_rows(&block, 1.0, 1.0, out)
            done += block.count
        if value != NULL:
            value[0] += total
        return OK

    def margins(self, const double[::1] theta not None, X):
        """The margins of other rows: (m, n_outputs)."""
        cdef Rows rows = wrap(X)
        cdef Batch batch
        batch.indices = NULL
        batch.first = 0
        batch.count = rows.n_rows
        batch.ahead = 0
        if theta.shape[0] != self.n_params or rows.n_columns != self.rows.n_columns:
            raise ValueError("theta or X is of another size than the model")
        out = np.empty((rows.n_rows, self.n_outputs))
        cdef double[:, ::1] view = out
        with nogil:
            rows.margins(&batch, &theta[0], &theta[self.n_weights] if self.intercept else NULL,
                         self.n_outputs, &view[0, 0])
        return out

# Momentum and Adam on one dense row after another, and AdaGrad on CSR rows, in one loop a step: the
# gradient of a row's loss is the row times a number, so it is never written. The formulas and the
# order of the operations are those of rules.pyx and adam.pyx, for dense rows to the bit.
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t

from .linear cimport LinearObjective
from .losses cimport LossKernel
from .objective cimport OK
from .rows cimport Storage, fetch, number_of
from .sampling cimport Batch
from .solver cimport Solver
from .update cimport count
from .vector cimport dot, kernel_void, prefetch, real

from .update import UPDATES

cdef extern from "dispatch.h" nogil:
    ctypedef double *own_vector "fastgd_own_vector"

ctypedef fused integer:
    int32_t
    int64_t

cdef enum:
    FETCHED = 1 << 13
    # Entries of a row that are stepped together, and those of a row ahead that are asked for.
    ENTRIES = 128
    FETCHED_ENTRIES = 1024


cdef struct Singles:
    LossKernel slope
    const double *parameters
    const double *targets
    const double *sample_weights   # or NULL
    Py_ssize_t n_columns
    Py_ssize_t distance            # rows to ask for ahead of use
    double *theta
    double *m                      # Momentum's velocity, or Adam's first moment
    double *v                      # Adam's second moment
    double *powers                 # of Adam's two decay rates
    bint intercept
    double decay                   # of the penalty
    double weight_decay
    double whole                   # 1, which the compiler must not know: it would round less often
    double dampening               # negative: 1 - momentum takes the place of 1 - dampening
    double beta1
    double beta2
    double eps
    double eps_root


# What a step on one row multiplies its numbers by.
cdef struct Factors:
    double slope                   # the gradient is slope x + decay theta
    double decay
    double keep                    # of theta, before it moves
    double rate
    double old                     # of the first moment, and of what is new in it
    double new
    double v_scale
    double beta2
    double eps
    double eps_root


cdef inline double slope_of(Singles *run, double margin, Py_ssize_t place) noexcept nogil:
    run.slope(&margin, run.targets + place, 1, 1, run.parameters, NULL)
    return margin if run.sample_weights == NULL else margin * run.sample_weights[place]


cdef inline void ask(const real *X, const Batch *batch, Py_ssize_t i, Singles *run) noexcept nogil:
    # A random row is a cache miss of about 80 ns.
    cdef Py_ssize_t place, width = run.n_columns * <Py_ssize_t>sizeof(real)
    if batch.indices != NULL and i + run.distance < batch.count + batch.ahead:
        place = <Py_ssize_t>batch.indices[i + run.distance]
        prefetch(run.targets + place)
        fetch(X + run.n_columns * place, min(width, <Py_ssize_t>FETCHED))


cdef inline double entry_of_gradient(double slope, double x, double decay,
                                     double theta) noexcept nogil:
    # Without a penalty theta has no part in it: 0 times an infinite theta would be NaN. The choice
    # is the same for all entries, and the compiler makes two loops of it.
    return slope * x if decay == 0.0 else decay * theta + slope * x


cdef inline void move_momentum(own_vector theta, const real *row, own_vector v, Py_ssize_t n,
                               Factors f) noexcept nogil:
    cdef Py_ssize_t j
    cdef double velocity
    for j in range(n):
        velocity = f.old * v[j] + f.new * entry_of_gradient(f.slope, row[j], f.decay, theta[j])
        v[j] = velocity
        theta[j] = f.keep * theta[j] - f.rate * velocity


cdef kernel_void momentum_singles(const real *X, const Batch *batch, const double *lr,
                                  const double *momentum, Singles *run) noexcept nogil:
    cdef Py_ssize_t i, place, d = run.n_columns
    cdef const real *row
    cdef double margin, dampening, one = 1.0
    cdef Factors f
    for i in range(batch.count):
        ask(X, batch, i, run)
        place = number_of(batch, i)
        row = X + d * place
        margin = dot(row, run.theta, d)
        if run.intercept:
            margin = run.theta[d] + margin
        dampening = momentum[i] if run.dampening < 0.0 else run.dampening
        f.old, f.new, f.rate = momentum[i], 1.0 - dampening, lr[i]
        f.slope = slope_of(run, margin, place)
        f.keep, f.decay = 1.0 - lr[i] * run.weight_decay, run.decay
        if f.decay == 0.0:
            f.decay = 0.0
            move_momentum(run.theta, row, run.m, d, f)
        else:
            move_momentum(run.theta, row, run.m, d, f)
        if run.intercept:
            f.keep, f.decay = run.whole, 0.0
            move_momentum(run.theta + d, &one, run.m + d, 1, f)


cdef inline void move_adam(own_vector theta, const real *row, own_vector m, own_vector v,
                           Py_ssize_t n, Factors f) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, mean, square
    for j in range(n):
        g = entry_of_gradient(f.slope, row[j], f.decay, theta[j])
        mean = f.old * m[j] + f.new * g
        square = f.beta2 * v[j] + (1.0 - f.beta2) * g * g
        m[j] = mean
        v[j] = square
        theta[j] = f.keep * theta[j] - f.rate * mean / (
            sqrt(f.v_scale * square + f.eps_root) + f.eps)


cdef kernel_void adam_singles(const real *X, const Batch *batch, const double *lr,
                              Singles *run) noexcept nogil:
    cdef Py_ssize_t i, place, d = run.n_columns
    cdef const real *row
    cdef double margin, one = 1.0
    cdef Factors f
    f.old, f.new, f.beta2 = run.beta1, 1.0 - run.beta1, run.beta2
    f.eps, f.eps_root = run.eps, run.eps_root
    for i in range(batch.count):
        ask(X, batch, i, run)
        place = number_of(batch, i)
        row = X + d * place
        margin = dot(row, run.theta, d)
        if run.intercept:
            margin = run.theta[d] + margin
        run.powers[0] *= run.beta1
        run.powers[1] *= run.beta2
        f.rate = lr[i] / (1.0 - run.powers[0])
        f.v_scale = 1.0 / (1.0 - run.powers[1])
        f.slope = slope_of(run, margin, place)
        f.keep, f.decay = 1.0 - lr[i] * run.weight_decay, run.decay
        if f.decay == 0.0:
            f.decay = 0.0
            move_adam(run.theta, row, run.m, run.v, d, f)
        else:
            move_adam(run.theta, row, run.m, run.v, d, f)
        if run.intercept:
            f.keep, f.decay = run.whole, 0.0
            move_adam(run.theta + d, &one, run.m + d, run.v + d, 1, f)


cdef class SinglesSolver(Solver):
    """SinglesSolver(objective, update, sampler, theta)\n--\n
    Momentum or Adam on one dense row a step, of a model with one output.
    """
    cdef LinearObjective linear
    cdef Singles run
    cdef bint adam

    def __init__(self, LinearObjective objective, *arguments):
        super().__init__(objective, *arguments)
        cdef Singles *run = &self.run
        optimizer = self.update.optimizer
        self.linear = objective
        self.adam = type(self.update) is UPDATES["Adam"]
        run.slope = objective.loss.kernel
        run.parameters = objective.loss.parameters
        run.targets = &objective.targets[0]
        run.sample_weights = objective.weights_of_drawn
        run.n_columns, run.intercept = objective.rows.n_columns, objective.intercept
        run.distance = objective.rows.storage.distance
        run.theta, run.m, run.v = self.theta, self.update.slot[0], self.update.slot[1]
        run.powers = self.update.scalars
        run.whole = 1.0
        run.decay, run.weight_decay = objective.penalty.decay, self.update.weight_decay
        if self.adam:
            run.beta1, run.beta2 = optimizer.beta1, optimizer.beta2
            run.eps, run.eps_root = optimizer.eps, optimizer.eps_root
        else:
            run.dampening = -1.0 if optimizer.dampening is None else optimizer.dampening

    @staticmethod
    def serves(LinearObjective objective, update, sampler):
        """Whether this way is open, and leads to the same place as the general one."""
        return (type(update) in (UPDATES["Momentum"], UPDATES["Adam"]) and sampler.batch_size == 1
                and objective.n_outputs == 1 and not objective.rows.sparse
                and not objective.penalty.proximal
                and getattr(update.optimizer, "eps_hat", 0.0) == 0.0)

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Batch batch
        cdef const void *X = self.linear.rows.storage.values
        cdef bint single = self.linear.rows.storage.single
        while taken[0] < steps:
            self.sampler.draw_singles(steps - taken[0], &batch)
            if self.adam and single:
                adam_singles(<const float *>X, &batch, lr + taken[0], &self.run)
            elif self.adam:
                adam_singles(<const double *>X, &batch, lr + taken[0], &self.run)
            elif single:
                momentum_singles(<const float *>X, &batch, lr + taken[0], momentum + taken[0],
                                 &self.run)
            else:
                momentum_singles(<const double *>X, &batch, lr + taken[0], momentum + taken[0],
                                 &self.run)
            taken[0] += batch.count
            count(&self.update.t, batch.count)
        return OK


cdef inline void move_entries(double *g, double *G, Py_ssize_t n, double lr, double eps,
                              double eps_root) noexcept nogil:
    # Gradients become steps, and G the sums of squares with theirs.
    cdef Py_ssize_t p
    cdef double square
    for p in range(n):
        square = G[p] + g[p] * g[p]
        G[p] = square
        g[p] = lr * g[p] / (sqrt(square + eps_root) + eps)


cdef kernel_void adagrad_rows(const real *values, const integer *columns, const integer *starts,
                              const Batch *batch, const double *lr, SparseSingles *run,
                              Py_ssize_t *done) noexcept nogil:
    # A row's entries are gathered, stepped in vectors, and scattered: one by one, each would wait
    # for a division and a root of its own.
    cdef Py_ssize_t i, p, place, start, stop, first, n, known = batch.count + batch.ahead
    cdef double a0, a1, a2, a3, margin, square
    cdef double *theta = run.theta
    cdef double *squares = run.squares
    cdef double[ENTRIES] g
    cdef double[ENTRIES] G
    cdef bint apart
    for i in range(batch.count):
        done[0] = i
        if batch.indices != NULL:
            if i + 16 < known:
                prefetch(starts + <Py_ssize_t>batch.indices[i + 16])
                prefetch(run.targets + <Py_ssize_t>batch.indices[i + 16])
            if i + 8 < known:
                place = <Py_ssize_t>batch.indices[i + 8]
                start = starts[place]
                n = min(<Py_ssize_t>starts[place + 1] - start, <Py_ssize_t>FETCHED_ENTRIES)
                fetch(values + start, n * <Py_ssize_t>sizeof(values[0]))
                fetch(columns + start, n * <Py_ssize_t>sizeof(columns[0]))
        place = number_of(batch, i)
        start, stop = starts[place], starts[place + 1]
        apart = True
        for p in range(start + 1, stop):
            apart = apart and columns[p - 1] < columns[p]
        if not apart:
            return
        a0 = a1 = a2 = a3 = 0.0
        p = start
        while p + 4 <= stop:
            a0 += values[p] * theta[columns[p]]
            a1 += values[p + 1] * theta[columns[p + 1]]
            a2 += values[p + 2] * theta[columns[p + 2]]
            a3 += values[p + 3] * theta[columns[p + 3]]
            p += 4
        while p < stop:
            a0 += values[p] * theta[columns[p]]
            p += 1
        margin = (a0 + a1) + (a2 + a3)
        if run.bias >= 0:
            margin += theta[run.bias]
        run.slope(&margin, run.targets + place, 1, 1, run.parameters, NULL)
        if run.sample_weights != NULL:
            margin *= run.sample_weights[place]
        first = start
        while first < stop:
            n = min(<Py_ssize_t>ENTRIES, stop - first)
            for p in range(n):
                g[p] = margin * values[first + p]
                G[p] = squares[columns[first + p]]
            move_entries(g, G, n, lr[i], run.eps, run.eps_root)
            for p in range(n):
                squares[columns[first + p]] = G[p]
                theta[columns[first + p]] -= g[p]
            first += n
        if run.bias >= 0:
            square = squares[run.bias] + margin * margin
            squares[run.bias] = square
            theta[run.bias] -= lr[i] * margin / (sqrt(square + run.eps_root) + run.eps)
    done[0] = batch.count


cdef Py_ssize_t adagrad_singles(const Storage *X, const Batch *batch, const double *lr,
                                SparseSingles *run) noexcept nogil:
    cdef Py_ssize_t done = 0
    if X.single and X.narrow:
        adagrad_rows(<const float *>X.values, <const int32_t *>X.columns,
                     <const int32_t *>X.starts, batch, lr, run, &done)
    elif X.single:
        adagrad_rows(<const float *>X.values, <const int64_t *>X.columns,
                     <const int64_t *>X.starts, batch, lr, run, &done)
    elif X.narrow:
        adagrad_rows(<const double *>X.values, <const int32_t *>X.columns,
                     <const int32_t *>X.starts, batch, lr, run, &done)
    else:
        adagrad_rows(<const double *>X.values, <const int64_t *>X.columns,
                     <const int64_t *>X.starts, batch, lr, run, &done)
    return done

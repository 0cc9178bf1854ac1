# Ways of stepping that look at the loss to find a rate: Polyak's step and Armijo's line search.
#
# Both take value and gradient over the same rows, all of them or a batch. They are for smooth
# objectives: a step along the gradient is what is measured.
from libc.math cimport pow

from .objective cimport OK, Objective
from .sampling cimport Batch
from .solver cimport Solver
from .update cimport Update, count
from .vector cimport kernel_void, square_sum

from .update import UPDATES

# A rate that is no good after so many trials never will be.
cdef enum:
    MOST_TRIALS = 100


# out <- keep theta - rate g
cdef kernel_void step_kernel(const double *theta, const double *gradient, double *out,
                             Py_ssize_t start, Py_ssize_t stop, double rate,
                             double keep) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        out[j] = keep * theta[j] - rate * gradient[j]


cdef kernel_void squares_kernel(const double *x, Py_ssize_t n, double *out) noexcept nogil:
    out[0] = square_sum(x, n)


cdef class SearchUpdate(Update):
    """SearchUpdate(n_params, optimizer, spans=None, penalty=None)\n--\n
    Counts the steps, and keeps what the search knows: the rate taken last among it.
    """
    numbers = {"rate": 0.0, "best": 0.0, "below": 0.0}


cdef class Search(Solver):
    """Search(objective, update, sampler, theta)\n--\n
    A plain step at a rate that `find` makes of the loss over the same rows.
    """

    cdef int find(self, const Batch *batch, double value, double square, double lr,
                  double *rate) noexcept nogil:
        rate[0] = lr
        return OK

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Batch batch
        cdef Py_ssize_t t, i
        cdef double value = 0.0, rate = 0.0, square = 0.0, keep
        cdef int status = OK
        for t in range(steps):
            self.sampler.draw(&batch)
            if self.team is None and self.objective.one_pass:
                status = self.objective.both(self.theta, &batch, &value, self.gradient)
            else:
                status = self.objective.value(self.theta, &batch, &value)
                if status == OK and self.team is None:
                    status = self.objective.gradient(self.theta, &batch, self.gradient)
                elif status == OK:
                    status = self.team.gradient(self.theta, &batch, self.gradient)
            if status != OK:
                break
            squares_kernel(self.gradient, self.n_params, &square)
            status = self.find(&batch, value, square, lr[t], &rate)
            if status != OK:
                break
            self.update.scalars[0] = rate
            keep = 1.0 - rate * self.update.weight_decay
            for i in range(self.update.n_spans):
                step_kernel(self.theta, self.gradient, self.theta, self.update.spans[i].start,
                            self.update.spans[i].stop, rate,
                            keep if self.update.spans[i].penalized else 1.0)
            count(&self.update.t, 1)
            taken[0] += 1
        return status


cdef class PolyakSolver(Search):
    """PolyakSolver(objective, update, sampler, theta)\n--\n
    The step that would reach the least loss if the loss were a cone.

    Where the least loss is not known, a batch takes the least that its losses could be. Over all
    rows it is looked for: below the best seen, by a distance that shrinks after each step that has
    not reached it.
    """
    cdef double c, least
    cdef bint known

    def __init__(self, Objective objective, update, sampler, theta):
        super().__init__(objective, update, sampler, theta)
        rule = update.optimizer
        self.c = rule.c
        self.known = rule.optimum is not None
        self.least = rule.optimum if self.known else rule.least

    cdef int find(self, const Batch *batch, double value, double square, double lr,
                  double *rate) noexcept nogil:
        cdef double *numbers = self.update.scalars
        cdef double goal = self.least
        if not self.known and batch.count == self.objective.n_samples:
            if self.update.t == 0:
                numbers[1], numbers[2] = value, (value - self.least) / 2.0
            elif not value <= numbers[1] - numbers[2]:
                numbers[2] *= 0.9
            numbers[1] = min(numbers[1], value)
            # Never below what is known of the least.
            goal = max(self.least, numbers[1] - numbers[2])
        rate[0] = 0.0
        if square != 0.0 and value > goal:
            rate[0] = min(lr, (value - goal) / (self.c * square))
        elif not value == value:
            rate[0] = value
        return OK


cdef class ArmijoSolver(Search):
    """ArmijoSolver(objective, update, sampler, theta)\n--\n
    The first rate, from above, at which the same rows' loss falls by a share of what it should.
    """
    cdef double slope, shrink, grow

    def __init__(self, Objective objective, update, sampler, theta):
        super().__init__(objective, update, sampler, theta)
        rule = update.optimizer
        self.slope, self.shrink = rule.slope, rule.shrink
        # The rate before grows by this factor an epoch.
        self.grow = pow(rule.grow, <double>sampler.batch_size / <double>objective.n_samples)

    cdef int find(self, const Batch *batch, double value, double square, double lr,
                  double *rate) noexcept nogil:
        cdef double there = 0.0, now = lr
        cdef Py_ssize_t _trial
        cdef int status = OK
        if self.update.t > 0:
            now = min(lr, self.grow * self.update.scalars[0])
        for _trial in range(MOST_TRIALS):
            step_kernel(self.theta, self.gradient, self.room, 0, self.n_params, now, 1.0)
            status = self.objective.value(self.room, batch, &there)
            # Infinite and undefined losses are no descent.
            if status != OK or there <= value - self.slope * now * square:
                break
            now *= self.shrink
        rate[0] = now
        return status


UPDATES["PolyakStep"] = UPDATES["Armijo"] = SearchUpdate

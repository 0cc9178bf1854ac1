# Rules whose theta is not where the steps lead: averages of the points visited, and rules around
# others, of which the inner one takes the steps, decays, and makes the proximal step.
from cython cimport final
from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .penalties cimport Penalty
from .update cimport Update, count
from .vector cimport kernel_void

from .update import UPDATES, make, rules_of


# a <- a + weight (b - a), then b <- a where `back`
cdef kernel_void blend_kernel(double *a, double *b, Py_ssize_t n_params, double weight,
                              bint back) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_params):
        a[j] += weight * (b[j] - a[j])
    if back:
        for j in range(n_params):
            b[j] = a[j]


# A rule around another: `inner` is the other's state, which takes the steps and decays.
cdef class Wrapped(Update):
    def configure(self, optimizer):
        self.inner = make(optimizer.optimizer, self.n_params, self.span_list, self.penalty)

    @final
    cdef bint step_inside(self, double *theta, const double *gradient, double lr,
                          double momentum) noexcept nogil:
        # False where the inner rule is written in Python and has failed: nothing has changed then.
        self.inner.step(theta, gradient, lr, momentum)
        if self.inner.error is None:
            return True
        with gil:
            self.error, self.inner.error = self.inner.error, None
        return False


cdef class LookaheadUpdate(Wrapped):
    slots = ("slow",)
    cdef int64_t every
    cdef double slow_step

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        self.every = optimizer.every
        self.slow_step = optimizer.slow_step

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        return self.inner.point(theta, lr, momentum)

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        if self.t == 0:
            memcpy(self.slot[0], theta, self.n_params * sizeof(double))
        if not self.step_inside(theta, gradient, lr, momentum):
            return
        count(&self.t, 1)
        if self.t % self.every == 0:
            blend_kernel(self.slot[0], theta, self.n_params, self.slow_step, True)


# theta is the average, and the iterate that is averaged is kept beside it: so the loss that a run
# records, and what it returns, are those of the average.
cdef class PolyakAverageUpdate(Wrapped):
    slots = ("iterate",)
    cdef int64_t start

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        self.start = optimizer.start

    cdef double weight(self) noexcept nogil:
        # Of the newest of t - start iterates; up to the start the average is the iterate.
        return 1.0 / <double>(self.t - self.start) if self.t > self.start else 1.0

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        if self.t == 0:
            return self.inner.point(theta, lr, momentum)
        return self.inner.point(self.slot[0], lr, momentum)

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        if self.t == 0:
            memcpy(self.slot[0], theta, self.n_params * sizeof(double))
        if not self.step_inside(self.slot[0], gradient, lr, momentum):
            return
        count(&self.t, 1)
        blend_kernel(theta, self.slot[0], self.n_params, self.weight(), False)


cdef class ExponentialAverageUpdate(PolyakAverageUpdate):
    cdef double decay

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        self.decay = optimizer.decay

    cdef double weight(self) noexcept nogil:
        return 1.0 - self.decay


# out <- gradient + l2 point
cdef kernel_void decayed_kernel(const double *gradient, const double *point, double *out,
                                Py_ssize_t start, Py_ssize_t stop, double l2) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        out[j] = gradient[j] + l2 * point[j]


cdef class CoupledDecayUpdate(Wrapped):
    slots = ("sum",)
    cdef double l2

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        self.l2 = optimizer.l2

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        return self.inner.point(theta, lr, momentum)

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef const double *point = self.inner.point(theta, lr, momentum)
        cdef Py_ssize_t i
        for i in range(self.n_spans):
            decayed_kernel(gradient, point, self.slot[0], self.spans[i].start, self.spans[i].stop,
                           self.l2 if self.spans[i].penalized else 0.0)
        if self.step_inside(theta, self.slot[0], lr, momentum):
            count(&self.t, 1)


# Where a coordinate's step goes against its gradient it is not taken, and all others are longer:
# theta <- keep before + scale (theta - before), scale = d / (1 + how many of d go along)
cdef kernel_void cautious_kernel(double *theta, const double *before, const double *gradient,
                                 Py_ssize_t start, Py_ssize_t stop, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double along = 0.0, scale, move
    for j in range(start, stop):
        along += 1.0 if (before[j] - theta[j]) * gradient[j] > 0.0 else 0.0
    scale = <double>(stop - start) / (along + 1.0)
    for j in range(start, stop):
        move = theta[j] - before[j]
        # A NaN is not against anything, and goes through.
        move = 0.0 if move * gradient[j] >= 0.0 else scale * move
        theta[j] = keep * before[j] + move


cdef class CautiousUpdate(Wrapped):
    slots = ("before",)

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        # Decay and proximal step follow once the step is settled; the room for the metric stays.
        self.inner.weight_decay = 0.0
        self.inner.penalty = Penalty()

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        return self.inner.point(theta, lr, momentum)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        cdef const double *rates
        count(&self.inner.t, -1)  # of the step just taken
        rates = self.inner.metric(start, stop, lr, momentum)
        count(&self.inner.t, 1)
        return rates

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef Py_ssize_t i
        cdef double keep = 1.0 - lr * self.weight_decay
        memcpy(self.slot[0], theta, self.n_params * sizeof(double))
        if not self.step_inside(theta, gradient, lr, momentum):
            return
        for i in range(self.n_spans):
            cautious_kernel(theta, self.slot[0], gradient, self.spans[i].start,
                            self.spans[i].stop, keep if self.spans[i].penalized else 1.0)
        if self.penalty.proximal:
            self.proximal(theta, lr, momentum)
        count(&self.t, 1)


# y <- (1 - beta) z + beta theta
cdef kernel_void between_kernel(const double *theta, const double *z, double *y,
                                Py_ssize_t n_params, double beta) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_params):
        y[j] = (1.0 - beta) * z[j] + beta * theta[j]


# z <- z - lr g - (1 - keep) y, theta <- theta + weight (z - theta)
cdef kernel_void schedule_free_kernel(double *theta, const double *gradient, double *z,
                                      Py_ssize_t start, Py_ssize_t stop, bint first, double lr,
                                      double beta, double weight, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double now, y
    for j in range(start, stop):
        now = theta[j] if first else z[j]
        y = (1.0 - beta) * now + beta * theta[j]
        now = now - lr * gradient[j] - (1.0 - keep) * y
        z[j] = now
        theta[j] += weight * (now - theta[j])


cdef kernel_void average_kernel(double *theta, const double *z, Py_ssize_t n_params,
                                double weight) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_params):
        theta[j] += weight * (z[j] - theta[j])


cdef class ScheduleFreeSGDUpdate(Update):
    slots = ("z", "y")
    numbers = {"largest_lr": 0.0, "sum": 0.0, "weight": 0.0}
    cdef double beta, weight_power

    def configure(self, optimizer):
        self.beta = optimizer.beta
        self.weight_power = optimizer.weight_power

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        if self.t == 0:  # z_0 = theta_0
            return theta
        between_kernel(theta, self.slot[0], self.slot[1], self.n_params, self.beta)
        return self.slot[1]

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        cdef double weight
        self.scalars[0] = max(self.scalars[0], lr)
        if self.weight_power == 2.0:
            weight = self.scalars[0] * self.scalars[0]
        else:
            weight = pow(self.scalars[0], self.weight_power)
        self.scalars[1] += weight
        self.scalars[2] = weight / self.scalars[1] if self.scalars[1] > 0.0 else 0.0

    cdef double weight_now(self) noexcept nogil:
        # With a proximal step the average waits for it.
        return 0.0 if self.penalty.proximal else self.scalars[2]

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        schedule_free_kernel(theta, gradient, self.slot[0], start, stop, self.t == 0, lr,
                             self.beta, self.weight_now(), keep)

    cdef void proximal(self, double *theta, double lr, double momentum) noexcept nogil:
        # Of z, before it goes into the average.
        Update.proximal(self, self.slot[0], lr, momentum)
        average_kernel(theta, self.slot[0], self.n_params, self.scalars[2])


# The same with g / (sqrt(v_scale v + eps_root) + eps) for g, v an average of g².
cdef kernel_void schedule_free_adamw_kernel(double *theta, const double *gradient, double *z,
                                            double *v, Py_ssize_t start, Py_ssize_t stop,
                                            bint first, double lr, double beta1, double weight,
                                            double v_scale, double beta2, double eps,
                                            double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, square, now, y
    for j in range(start, stop):
        g = gradient[j]
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        v[j] = square
        now = theta[j] if first else z[j]
        y = (1.0 - beta1) * now + beta1 * theta[j]
        now = now - lr * g / (sqrt(v_scale * square + eps_root) + eps) - (1.0 - keep) * y
        z[j] = now
        theta[j] += weight * (now - theta[j])


cdef class ScheduleFreeAdamWUpdate(ScheduleFreeSGDUpdate):
    slots = ("z", "y", "v")
    numbers = {"largest_lr": 0.0, "sum": 0.0, "weight": 0.0, "beta2_power": 1.0}
    cdef double beta2, eps, eps_root

    def configure(self, optimizer):
        self.beta = optimizer.beta1
        self.weight_power = optimizer.weight_power
        self.beta2 = optimizer.beta2
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        ScheduleFreeSGDUpdate.begin(self, lr, momentum)
        self.scalars[3] *= self.beta2

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        schedule_free_adamw_kernel(theta, gradient, self.slot[0], self.slot[2], start, stop,
                                   self.t == 0, lr, self.beta, self.weight_now(),
                                   1.0 / (1.0 - self.scalars[3]), self.beta2, self.eps,
                                   self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[2], start, stop, lr, 1.0 / (1.0 - self.scalars[3]),
                               self.eps, self.eps_root)


UPDATES.update(rules_of(globals()))

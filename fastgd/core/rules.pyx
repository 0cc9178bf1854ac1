# The update rules that do not share Adam's moments (those are in adam.pyx): for each optimizer one
# kernel over the coordinates and one class that keeps its state. The formulas and their sources
# stand in fastgd/optimizers.
#
# What a kernel has stored it does not read again: the compiler cannot know that the vectors are
# apart, and would load it from memory (Adam, 1e7 parameters: 19.6 ms so, 14.3 with locals).
#
# All denominators are sqrt(second moment + eps_root) + eps. sqrt becomes SIMD only under
# -fno-math-errno (setup.py); without it these kernels are 4 times slower.
#
# `metric` gives the rate of each coordinate in the step just taken, for the proximal step: a rule
# without it has lr in all of them.
from libc.math cimport INFINITY, pow, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .update cimport Update
from .vector cimport kernel_void, scale

cdef extern from "dispatch.h" nogil:
    ctypedef double *own_vector "fastgd_own_vector"

from .update import UPDATES, rules_of


# theta <- keep theta - lr g
cdef kernel_void sgd_kernel(double *theta, const double *gradient, Py_ssize_t start,
                            Py_ssize_t stop, double lr, double keep) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        theta[j] = keep * theta[j] - lr * gradient[j]


cdef class SGDUpdate(Update):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        sgd_kernel(theta, gradient, start, stop, lr, keep)


# v <- momentum v + gain g, theta <- keep theta - lr v
cdef kernel_void momentum_kernel(double *theta, const double *gradient, double *v,
                                 Py_ssize_t start, Py_ssize_t stop, double lr, double momentum,
                                 double gain, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double velocity
    for j in range(start, stop):
        velocity = momentum * v[j] + gain * gradient[j]
        v[j] = velocity
        theta[j] = keep * theta[j] - lr * velocity


cdef class MomentumUpdate(Update):
    slots = ("v",)
    cdef double dampening
    cdef bint averaged

    def configure(self, optimizer):
        self.averaged = optimizer.dampening is None
        self.dampening = 0.0 if self.averaged else optimizer.dampening

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        momentum_kernel(theta, gradient, self.slot[0], start, stop, lr, momentum,
                        1.0 - (momentum if self.averaged else self.dampening), keep)


# v <- momentum v + push g, theta <- keep theta - (now g + before v)
cdef kernel_void qhm_kernel(double *theta, const double *gradient, double *v, Py_ssize_t start,
                            Py_ssize_t stop, double momentum, double push, double now,
                            double before, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double velocity
    for j in range(start, stop):
        velocity = momentum * v[j] + push * gradient[j]
        v[j] = velocity
        theta[j] = keep * theta[j] - (now * gradient[j] + before * velocity)


cdef class QHMUpdate(Update):
    slots = ("v",)
    cdef double nu, inside

    def configure(self, optimizer):
        self.nu = optimizer.nu
        self.inside = optimizer.inside

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        # The part of the rate that v remembers, and what is left of it.
        cdef double kept = part_of(lr, self.inside), left = part_of(lr, 1.0 - self.inside)
        qhm_kernel(theta, gradient, self.slot[0], start, stop, momentum, (1.0 - momentum) * kept,
                   lr * (1.0 - self.nu), left * self.nu, keep)


cdef inline double part_of(double lr, double power) noexcept nogil:
    return 1.0 if power == 0.0 else (lr if power == 1.0 else pow(lr, power))


# look <- theta + momentum (theta - previous)
cdef kernel_void look_ahead_kernel(const double *theta, const double *previous, double *look,
                                   Py_ssize_t n_params, double momentum) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_params):
        look[j] = theta[j] + momentum * (theta[j] - previous[j])


# theta, previous <- theta + momentum (theta - previous) - lr g - (1 - keep) theta, theta
cdef kernel_void nesterov_kernel(double *theta, const double *gradient, double *previous,
                                 Py_ssize_t start, Py_ssize_t stop, double lr, double momentum,
                                 double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double now
    for j in range(start, stop):
        now = theta[j]
        theta[j] = keep * now + momentum * (now - previous[j]) - lr * gradient[j]
        previous[j] = now


# out <- (y - theta) (theta - previous): above 0 where the last step went against its gradient
cdef kernel_void against_kernel(const double *y, const double *theta, const double *previous,
                                Py_ssize_t n_params, double *out) noexcept nogil:
    cdef Py_ssize_t j
    cdef double a = 0
    for j in range(n_params):
        a += (y[j] - theta[j]) * (theta[j] - previous[j])
    out[0] = a


cdef class NesterovUpdate(Update):
    slots = ("previous", "look_ahead")
    numbers = {"y": 0.0}
    cdef bint restarts
    cdef bint scheduled                    # whether the momentum goes by the steps since a restart

    def configure(self, optimizer):
        self.restarts = optimizer.restart is not None
        self.scheduled = self.restarts and not isinstance(optimizer.momentum, float)

    cdef double following(self) noexcept nogil:
        return (1.0 + sqrt(1.0 + 4.0 * self.scalars[0] * self.scalars[0])) / 2.0

    cdef double momentum_now(self, double momentum) noexcept nogil:
        return (self.scalars[0] - 1.0) / self.following() if self.scheduled else momentum

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        if self.t == 0:  # theta_{-1} = theta_0
            return theta
        look_ahead_kernel(theta, self.slot[0], self.slot[1], self.n_params,
                          self.momentum_now(momentum))
        return self.slot[1]

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        nesterov_kernel(theta, gradient, self.slot[0], start, stop, lr,
                        self.momentum_now(momentum) if self.t > 0 else 0.0, keep)

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef double against
        if not self.restarts:
            Update.step(self, theta, gradient, lr, momentum)
            return
        if self.t == 0:
            memcpy(self.slot[1], theta, self.n_params * sizeof(double))
        else:
            self.point(theta, lr, momentum)
        Update.step(self, theta, gradient, lr, momentum)
        against_kernel(self.slot[1], theta, self.slot[0], self.n_params, &against)
        if against > 0.0:
            memcpy(self.slot[0], theta, self.n_params * sizeof(double))
            self.scalars[0] = 0.0
        else:
            self.scalars[0] = self.following()


# theta <- keep theta - lr g / (sqrt(G + eps_root) + eps), for AdaGrad and RMSProp
cdef inline double scaled_step(double theta, double g, double G, double lr, double eps,
                               double eps_root, double keep) noexcept nogil:
    return keep * theta - lr * g / (sqrt(G + eps_root) + eps)


# G <- G + g²
cdef kernel_void adagrad_kernel(double *theta, const double *gradient, double *G,
                                Py_ssize_t start, Py_ssize_t stop, double lr, double eps,
                                double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, square
    for j in range(start, stop):
        g = gradient[j]
        square = G[j] + g * g
        G[j] = square
        theta[j] = scaled_step(theta[j], g, square, lr, eps, eps_root, keep)


# The same where a sparse gradient is not 0; where it is 0 the rule changes nothing.
cdef void adagrad_at_kernel(double *theta, const double *gradient, double *G,
                            const int64_t *touched, Py_ssize_t n_touched, double lr, double eps,
                            double eps_root) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(n_touched):
        j = touched[i]
        G[j] += gradient[j] * gradient[j]
        theta[j] = scaled_step(theta[j], gradient[j], G[j], lr, eps, eps_root, 1.0)


cdef class AdaGradUpdate(Update):
    slots = ("G",)
    cdef double eps, eps_root

    def configure(self, optimizer):
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root
        self.sparse = self.weight_decay == 0.0
        self.memory[...] = optimizer.initial_accumulator

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adagrad_kernel(theta, gradient, self.slot[0], start, stop, lr, self.eps, self.eps_root,
                       keep)

    cdef void apply_at(self, double *theta, const double *gradient, const int64_t *touched,
                       Py_ssize_t n_touched, double lr, double momentum) noexcept nogil:
        adagrad_at_kernel(theta, gradient, self.slot[0], touched, n_touched, lr, self.eps,
                          self.eps_root)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[0], start, stop, lr, 1.0, self.eps, self.eps_root)


# G <- decay G + (1 - decay) g²
cdef kernel_void rmsprop_kernel(double *theta, const double *gradient, double *G,
                                Py_ssize_t start, Py_ssize_t stop, double lr, double decay,
                                double eps, double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, square
    for j in range(start, stop):
        g = gradient[j]
        square = decay * G[j] + (1.0 - decay) * g * g
        G[j] = square
        theta[j] = scaled_step(theta[j], g, square, lr, eps, eps_root, keep)


# The same where a sparse gradient is not 0, with G = factor H and H in memory: G decays everywhere
# by the factor alone, which the caller has already multiplied by decay.
cdef void rmsprop_at_kernel(double *theta, const double *gradient, double *H,
                            const int64_t *touched, Py_ssize_t n_touched, double lr, double factor,
                            double decay, double eps, double eps_root) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef double gain = (1.0 - decay) / factor
    for i in range(n_touched):
        j = touched[i]
        H[j] += gain * gradient[j] * gradient[j]
        theta[j] = scaled_step(theta[j], gradient[j], factor * H[j], lr, eps, eps_root, 1.0)


cdef kernel_void scale_kernel(double *vector, double factor, Py_ssize_t n) noexcept nogil:
    scale(factor, vector, n)


# With the mean of the gradients, whose square is taken off G, and a velocity:
# v <- momentum v + push g / (sqrt(G - centered mean² + eps_root) + eps),
# theta <- keep theta - outer v
cdef kernel_void centered_kernel(double *theta, const double *gradient, double *G, double *mean,
                                 double *v, Py_ssize_t start, Py_ssize_t stop, double momentum,
                                 double push, double outer, double decay, double centered,
                                 double eps, double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, square, middle, spread, velocity
    for j in range(start, stop):
        g = gradient[j]
        square = decay * G[j] + (1.0 - decay) * g * g
        middle = decay * mean[j] + (1.0 - decay) * g
        G[j] = square
        mean[j] = middle
        spread = square - centered * middle * middle
        spread = 0.0 if spread < 0.0 else spread  # rounding alone makes it negative
        velocity = momentum * v[j] + push * g / (sqrt(spread + eps_root) + eps)
        v[j] = velocity
        theta[j] = keep * theta[j] - outer * velocity


cdef kernel_void centered_rates(const double *G, const double *mean, Py_ssize_t start,
                                Py_ssize_t stop, double lr, double centered, double eps,
                                double eps_root, double *rates) noexcept nogil:
    cdef Py_ssize_t j
    cdef double spread
    for j in range(start, stop):
        spread = G[j] - centered * mean[j] * mean[j]
        spread = 0.0 if spread < 0.0 else spread
        rates[j] = lr / (sqrt(spread + eps_root) + eps)


cdef class RMSPropUpdate(Update):
    numbers = {"factor": 1.0}
    cdef double decay, eps, eps_root, centered, inside
    cdef bint alone

    @property
    def slots(self):
        """The names of the vectors that are kept."""
        return ("G",) if is_plain(self.optimizer) else ("G", "mean", "v")

    def configure(self, optimizer):
        self.decay = optimizer.decay
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root
        self.centered = optimizer.centered
        self.inside = optimizer.inside
        self.alone = is_plain(optimizer)
        self.sparse = self.weight_decay == 0.0 and self.alone

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        if self.alone:
            rmsprop_kernel(theta, gradient, self.slot[0], start, stop, lr, self.decay, self.eps,
                           self.eps_root, keep)
        else:
            centered_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start, stop,
                            momentum, part_of(lr, self.inside), part_of(lr, 1.0 - self.inside),
                            self.decay, self.centered, self.eps, self.eps_root, keep)

    cdef void apply_at(self, double *theta, const double *gradient, const int64_t *touched,
                       Py_ssize_t n_touched, double lr, double momentum) noexcept nogil:
        if self.scalars[0] * self.decay < 1e-100:  # before 1/factor can overflow
            scale_kernel(self.slot[0], self.scalars[0] * self.decay, self.n_params)
            self.scalars[0] = 1.0
        else:
            self.scalars[0] *= self.decay
        rmsprop_at_kernel(theta, gradient, self.slot[0], touched, n_touched, lr, self.scalars[0],
                          self.decay, self.eps, self.eps_root)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        if self.alone:
            return self.root_rates(self.slot[0], start, stop, lr, 1.0, self.eps, self.eps_root)
        centered_rates(self.slot[0], self.slot[1], start, stop, lr, self.centered, self.eps,
                       self.eps_root, self.rates_of_step)
        return self.rates_of_step


cdef bint is_plain(optimizer) except -1:
    return not optimizer.centered and optimizer.momentum == 0.0


# G and D are averages of the squares of the gradients and of the steps.
cdef kernel_void adadelta_kernel(double *theta, const double *gradient, double *G, double *D,
                                 Py_ssize_t start, Py_ssize_t stop, double lr, double decay,
                                 double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, square, move
    for j in range(start, stop):
        g = gradient[j]
        square = decay * G[j] + (1.0 - decay) * g * g
        move = sqrt(D[j] + eps_root) / sqrt(square + eps_root) * g
        G[j] = square
        D[j] = decay * D[j] + (1.0 - decay) * move * move
        theta[j] = keep * theta[j] - lr * move


cdef kernel_void adadelta_rates(const double *gradient, const double *G, const double *D,
                                Py_ssize_t start, Py_ssize_t stop, double lr, double decay,
                                double eps_root, double *rates) noexcept nogil:
    cdef Py_ssize_t j
    cdef double square
    for j in range(start, stop):
        square = decay * G[j] + (1.0 - decay) * gradient[j] * gradient[j]
        rates[j] = lr * sqrt(D[j] + eps_root) / sqrt(square + eps_root)


cdef class AdadeltaUpdate(Update):
    slots = ("G", "D")
    cdef double decay, eps_root

    def configure(self, optimizer):
        self.decay = optimizer.decay
        self.eps_root = optimizer.eps_root

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        if self.rates_of_step != NULL:  # D, in the numerator, is about to move
            adadelta_rates(gradient, self.slot[0], self.slot[1], start, stop, lr, self.decay,
                           self.eps_root, self.rates_of_step)
        adadelta_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop, lr, self.decay,
                        self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.rates_of_step


# theta <- keep theta - lr sign(beta1 m + (1 - beta1) g), then m <- beta2 m + (1 - beta2) g
cdef kernel_void lion_kernel(double *theta, const double *gradient, double *m,
                             Py_ssize_t start, Py_ssize_t stop, double lr, double beta1,
                             double beta2, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, mean, c, sign
    for j in range(start, stop):
        g = gradient[j]
        mean = m[j]
        c = beta1 * mean + (1.0 - beta1) * g
        # c itself where it is neither positive nor negative: 0 stays 0, and NaN stays NaN.
        sign = 1.0 if c > 0.0 else (-1.0 if c < 0.0 else c)
        theta[j] = keep * theta[j] - lr * sign
        m[j] = beta2 * mean + (1.0 - beta2) * g


cdef class LionUpdate(Update):
    slots = ("m",)
    cdef double beta1, beta2

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        lion_kernel(theta, gradient, self.slot[0], start, stop, lr, self.beta1, self.beta2, keep)


# m <- momentum m + (1 - momentum) g, theta <- keep theta - lr sign(m)
cdef kernel_void signum_kernel(double *theta, const double *gradient, double *m, Py_ssize_t start,
                               Py_ssize_t stop, double lr, double momentum,
                               double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double mean, sign
    for j in range(start, stop):
        mean = momentum * m[j] + (1.0 - momentum) * gradient[j]
        m[j] = mean
        sign = 1.0 if mean > 0.0 else (-1.0 if mean < 0.0 else mean)
        theta[j] = keep * theta[j] - lr * sign


cdef class SignumUpdate(Update):
    slots = ("m",)

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        signum_kernel(theta, gradient, self.slot[0], start, stop, lr, momentum, keep)


# Each coordinate's step grows while its gradient keeps its sign, and shrinks when it changes.
cdef kernel_void rprop_kernel(double *theta, const double *gradient, double *previous, double *size,
                              Py_ssize_t start, Py_ssize_t stop, bint first, double lr,
                              double shrink, double grow, double smallest, double largest,
                              double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, agreement, step, sign
    for j in range(start, stop):
        g = gradient[j]
        agreement = 0.0 if first else g * previous[j]
        step = lr if first else size[j]
        step = step * (grow if agreement > 0.0 else (shrink if agreement < 0.0 else 1.0))
        step = smallest if step < smallest else (largest if step > largest else step)
        # After a change of sign the coordinate waits, and starts afresh.
        g = 0.0 if agreement < 0.0 else g
        sign = 1.0 if g > 0.0 else (-1.0 if g < 0.0 else g)
        previous[j] = g
        size[j] = step
        theta[j] = keep * theta[j] - sign * step


cdef class RpropUpdate(Update):
    slots = ("previous", "size")
    cdef double shrink, grow, smallest, largest

    def configure(self, optimizer):
        self.shrink = optimizer.shrink
        self.grow = optimizer.grow
        self.smallest = optimizer.smallest
        self.largest = optimizer.largest

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        rprop_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop, self.t == 0, lr,
                     self.shrink, self.grow, self.smallest, self.largest, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.slot[1]


# m, d and n average the gradient, its change, and the square of the gradient extrapolated by it.
# follow is 0 at the first step, which has no change, and 1 later.
cdef kernel_void adan_kernel(own_vector theta, const double *gradient, own_vector m, own_vector d,
                             own_vector n, own_vector previous, Py_ssize_t start,
                             Py_ssize_t stop, double follow, double lr, double m_scale,
                             double d_scale, double n_scale, double beta1, double beta2,
                             double beta3, double eps, double eps_root,
                             double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, change, moment, trend, ahead, square
    for j in range(start, stop):
        g = gradient[j]
        change = follow * (g - previous[j])
        moment = beta1 * m[j] + (1.0 - beta1) * g
        trend = beta2 * d[j] + (1.0 - beta2) * change
        ahead = g + beta2 * change
        square = beta3 * n[j] + (1.0 - beta3) * ahead * ahead
        m[j] = moment
        d[j] = trend
        n[j] = square
        previous[j] = g
        theta[j] = keep * theta[j] - lr * (m_scale * moment + d_scale * trend) / (
            sqrt(n_scale * square + eps_root) + eps)


cdef class AdanUpdate(Update):
    slots = ("m", "d", "n", "previous")
    numbers = {"beta1_power": 1.0, "beta2_power": 1.0, "beta3_power": 1.0}
    cdef double beta1, beta2, beta3, eps, eps_root

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.beta3 = optimizer.beta3
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        self.scalars[0] *= self.beta1
        self.scalars[1] *= self.beta2
        self.scalars[2] *= self.beta3

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adan_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], self.slot[3], start,
                    stop, 1.0 if self.t > 0 else 0.0, lr, 1.0 / (1.0 - self.scalars[0]),
                    self.beta2 / (1.0 - self.scalars[1]), 1.0 / (1.0 - self.scalars[2]),
                    self.beta1, self.beta2, self.beta3, self.eps, self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[2], start, stop, lr, 1.0 / (1.0 - self.scalars[2]),
                               self.eps, self.eps_root)


# v <- g², theta <- keep theta: the first step of ADOPT, which only looks
cdef kernel_void square_kernel(double *theta, const double *gradient, double *v, Py_ssize_t start,
                               Py_ssize_t stop, double keep) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        v[j] = gradient[j] * gradient[j]
        theta[j] *= keep


# m <- beta1 m + (1 - beta1) clip(g / max(sqrt(v), eps)), theta <- keep theta - lr m, then v
cdef kernel_void adopt_kernel(double *theta, const double *gradient, double *m, double *v,
                              Py_ssize_t start, Py_ssize_t stop, double lr, double most,
                              double beta1, double beta2, double eps, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, size, part, moment
    for j in range(start, stop):
        g = gradient[j]
        size = sqrt(v[j])
        # Written so that a NaN goes through.
        part = g / (eps if size < eps else size)
        part = most if part > most else (-most if part < -most else part)
        moment = beta1 * m[j] + (1.0 - beta1) * part
        m[j] = moment
        v[j] = beta2 * v[j] + (1.0 - beta2) * g * g
        theta[j] = keep * theta[j] - lr * moment


cdef kernel_void adopt_rates(const double *v, Py_ssize_t start, Py_ssize_t stop, double lr,
                             double eps, double *rates) noexcept nogil:
    cdef Py_ssize_t j
    cdef double size
    for j in range(start, stop):
        size = sqrt(v[j])
        rates[j] = lr / (eps if size < eps else size)


cdef class ADOPTUpdate(Update):
    slots = ("m", "v")
    cdef double beta1, beta2, eps, clip

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.eps = optimizer.eps
        self.clip = INFINITY if optimizer.clip is None else optimizer.clip

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        if self.t == 0:
            square_kernel(theta, gradient, self.slot[1], start, stop, keep)
            return
        if self.rates_of_step != NULL:  # v is about to move
            adopt_rates(self.slot[1], start, stop, lr, self.eps, self.rates_of_step)
        adopt_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop, lr,
                     INFINITY if self.clip == INFINITY else pow(<double>self.t, self.clip),
                     self.beta1, self.beta2, self.eps, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.rates_of_step  # zeros in the first step


UPDATES.update(rules_of(globals()))

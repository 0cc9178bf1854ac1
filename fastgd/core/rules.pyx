# The update rules: for each optimizer one kernel over the coordinates and one class that keeps its
# state. The formulas and their sources stand in fastgd/optimizers.
#
# What a kernel has stored it does not read again: the compiler cannot know that the vectors are
# apart, and would load it from memory (Adam, 1e7 parameters: 19.6 ms so, 14.3 with locals).
#
# All denominators are sqrt(second moment + eps_root) + eps. sqrt becomes SIMD only under
# -fno-math-errno (setup.py); without it these kernels are 4 times slower.
#
# `metric` gives the rate of each coordinate in the step just taken, for the proximal step: a rule
# without it has lr in all of them.
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t

from .update cimport Update
from .vector cimport kernel_void, scale

cdef extern from "dispatch.h" nogil:
    ctypedef double *own_vector "fastgd_own_vector"

from .update import UPDATES, rules_of


# rates <- lr / (sqrt(v_scale v + eps_root) + eps)
cdef kernel_void root_rates(const double *v, Py_ssize_t start, Py_ssize_t stop, double lr,
                            double v_scale, double eps, double eps_root,
                            double *rates) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        rates[j] = lr / (sqrt(v_scale * v[j] + eps_root) + eps)


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


cdef class NesterovUpdate(Update):
    slots = ("previous", "look_ahead")

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        if self.t == 0:  # theta_{-1} = theta_0
            return theta
        look_ahead_kernel(theta, self.slot[0], self.slot[1], self.n_params, momentum)
        return self.slot[1]

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        nesterov_kernel(theta, gradient, self.slot[0], start, stop, lr,
                        momentum if self.t > 0 else 0.0, keep)


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
        root_rates(self.slot[0], start, stop, lr, 1.0, self.eps, self.eps_root,
                   self.rates_of_step)
        return self.rates_of_step


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


cdef class RMSPropUpdate(Update):
    slots = ("G",)
    numbers = {"factor": 1.0}
    cdef double decay, eps, eps_root

    def configure(self, optimizer):
        self.decay = optimizer.decay
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root
        self.sparse = self.weight_decay == 0.0

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        rmsprop_kernel(theta, gradient, self.slot[0], start, stop, lr, self.decay, self.eps,
                       self.eps_root, keep)

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
        root_rates(self.slot[0], start, stop, lr, 1.0, self.eps, self.eps_root,
                   self.rates_of_step)
        return self.rates_of_step


# What the relatives of Adam share: two decay rates, their powers, and where eps stands.
cdef class Moments(Update):
    slots = ("m", "v")
    numbers = {"beta1_power": 1.0, "beta2_power": 1.0}
    cdef double beta1, beta2, eps, eps_root

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.eps = optimizer.eps
        self.eps_root = optimizer.eps_root

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        self.scalars[0] *= self.beta1
        self.scalars[1] *= self.beta2

    cdef inline double m_scale(self) noexcept nogil:
        return 1.0 / (1.0 - self.scalars[0])

    cdef inline double v_scale(self) noexcept nogil:
        return 1.0 / (1.0 - self.scalars[1])

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        root_rates(self.slot[1], start, stop, lr, self.v_scale(), self.eps, self.eps_root,
                   self.rates_of_step)
        return self.rates_of_step


# m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g²,
# theta <- keep theta - m_scale m / (sqrt(v_scale v + eps_root) + eps)
#
# m_scale = lr / (1 - beta1^(t+1)) and v_scale = 1 / (1 - beta2^(t+1)) come from the caller: they
# are the same for all j, and a pow() in the loop would cost more than the rest of it.
# Four streams in, three out, 56 bytes a coordinate: memory is the limit for large d.
cdef kernel_void adam_kernel(double *theta, const double *gradient, double *m, double *v,
                             Py_ssize_t start, Py_ssize_t stop, double m_scale, double v_scale,
                             double beta1, double beta2, double eps, double eps_root,
                             double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, mean, square
    for j in range(start, stop):
        g = gradient[j]
        mean = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        m[j] = mean
        v[j] = square
        theta[j] = keep * theta[j] - m_scale * mean / (sqrt(v_scale * square + eps_root) + eps)


cdef class AdamUpdate(Moments):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adam_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                    lr / (1.0 - self.scalars[0]), self.v_scale(), self.beta1, self.beta2,
                    self.eps, self.eps_root, keep)


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


# m and v as in Adam; the step divides by the largest v so far.
cdef kernel_void amsgrad_kernel(double *theta, const double *gradient, double *m, double *v,
                                double *largest, Py_ssize_t start, Py_ssize_t stop, double m_scale,
                                double v_scale, double beta1, double beta2, double eps,
                                double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, top
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        top = largest[j] if largest[j] > square else square
        m[j] = moment
        v[j] = square
        largest[j] = top
        theta[j] = keep * theta[j] - m_scale * moment / (sqrt(v_scale * top + eps_root) + eps)


cdef class AMSGradUpdate(Moments):
    slots = ("m", "v", "largest")

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        amsgrad_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start, stop,
                       lr * self.m_scale(), self.v_scale(), self.beta1, self.beta2, self.eps,
                       self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        root_rates(self.slot[2], start, stop, lr, self.v_scale(), self.eps, self.eps_root,
                   self.rates_of_step)
        return self.rates_of_step


# Adam's step with each coordinate's rate, m_scale / (sqrt(v_scale v + eps_root) + eps), kept
# between low and high. With `maximum` v is the largest so far, otherwise the current one.
cdef kernel_void adabound_kernel(double *theta, const double *gradient, double *m, double *v,
                                 double *largest, Py_ssize_t start, Py_ssize_t stop,
                                 double m_scale, double v_scale, double low, double high,
                                 double beta1, double beta2, double eps, double eps_root,
                                 bint maximum, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, rate
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        m[j] = moment
        v[j] = square
        square = largest[j] if maximum and largest[j] > square else square
        largest[j] = square
        rate = m_scale / (sqrt(v_scale * square + eps_root) + eps)
        # Written so that a NaN goes through.
        rate = low if rate < low else (high if rate > high else rate)
        theta[j] = keep * theta[j] - rate * moment


cdef kernel_void bounded_rates(const double *v, Py_ssize_t start, Py_ssize_t stop, double m_scale,
                               double v_scale, double low, double high, double eps,
                               double eps_root, double *rates) noexcept nogil:
    cdef Py_ssize_t j
    cdef double rate
    for j in range(start, stop):
        rate = m_scale / (sqrt(v_scale * v[j] + eps_root) + eps)
        rates[j] = low if rate < low else (high if rate > high else rate)


cdef class AdaBoundUpdate(Moments):
    slots = ("m", "v", "largest")
    cdef double final_ratio, gamma
    cdef bint maximum

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.final_ratio = optimizer.final_ratio
        self.gamma = optimizer.gamma

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef double final = self.final_ratio * lr, age = self.gamma * (self.t + 1)
        adabound_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start, stop,
                        lr * self.m_scale(), self.v_scale(), final * (1.0 - 1.0 / (age + 1.0)),
                        final * (1.0 + 1.0 / age), self.beta1, self.beta2, self.eps,
                        self.eps_root, self.maximum, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        cdef double final = self.final_ratio * lr, age = self.gamma * (self.t + 1)
        bounded_rates(self.slot[2], start, stop, lr * self.m_scale(), self.v_scale(),
                      final * (1.0 - 1.0 / (age + 1.0)), final * (1.0 + 1.0 / age), self.eps,
                      self.eps_root, self.rates_of_step)
        return self.rates_of_step


cdef class AMSBoundUpdate(AdaBoundUpdate):
    def configure(self, optimizer):
        AdaBoundUpdate.configure(self, optimizer)
        self.maximum = True


# Adam with v an average of (g - m)², the part of the gradient that m did not foresee.
cdef kernel_void adabelief_kernel(double *theta, const double *gradient, double *m, double *v,
                                  Py_ssize_t start, Py_ssize_t stop, double m_scale,
                                  double v_scale, double beta1, double beta2, double eps,
                                  double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double moment, square, surprise
    for j in range(start, stop):
        moment = beta1 * m[j] + (1.0 - beta1) * gradient[j]
        surprise = gradient[j] - moment
        square = beta2 * v[j] + (1.0 - beta2) * surprise * surprise + eps_root
        m[j] = moment
        v[j] = square
        theta[j] = keep * theta[j] - m_scale * moment / (sqrt(v_scale * square) + eps)


cdef class AdaBeliefUpdate(Moments):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adabelief_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                         lr * self.m_scale(), self.v_scale(), self.beta1, self.beta2, self.eps,
                         self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        root_rates(self.slot[1], start, stop, lr, self.v_scale(), self.eps, 0.0,
                   self.rates_of_step)
        return self.rates_of_step


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


# theta <- keep theta - (m_scale m + g_scale g) / (sqrt(v_scale v + eps_root) + eps)
cdef kernel_void nadam_kernel(double *theta, const double *gradient, double *m, double *v,
                              Py_ssize_t start, Py_ssize_t stop, double m_scale, double g_scale,
                              double v_scale, double beta1, double beta2, double eps,
                              double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        m[j] = moment
        v[j] = square
        theta[j] = keep * theta[j] - (m_scale * moment + g_scale * g) / (
            sqrt(v_scale * square + eps_root) + eps)


cdef class NAdamUpdate(Moments):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        nadam_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                     lr * self.beta1 / (1.0 - self.scalars[0] * self.beta1),
                     lr * (1.0 - self.beta1) / (1.0 - self.scalars[0]), self.v_scale(), self.beta1,
                     self.beta2, self.eps, self.eps_root, keep)


# Adam where `adaptive`, and theta <- keep theta - m_scale m where v is not to be trusted yet.
cdef kernel_void radam_kernel(double *theta, const double *gradient, double *m, double *v,
                              Py_ssize_t start, Py_ssize_t stop, bint adaptive, double m_scale,
                              double v_scale, double beta1, double beta2, double eps,
                              double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, root
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        m[j] = moment
        v[j] = square
        root = sqrt(v_scale * square + eps_root) + eps if adaptive else 1.0
        theta[j] = keep * theta[j] - m_scale * moment / root


cdef class RAdamUpdate(Moments):
    cdef double threshold

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.threshold = optimizer.threshold

    cdef double rectifier(self) noexcept nogil:
        # 0 where v is not to be trusted yet.
        cdef double limit = 2.0 / (1.0 - self.beta2) - 1.0
        cdef double length = limit - 2.0 * (self.t + 1) * self.scalars[1] * self.v_scale()
        if not length > self.threshold:
            return 0.0
        return sqrt((length - 4.0) * (length - 2.0) * limit
                    / ((limit - 4.0) * (limit - 2.0) * length))

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef double rectifier = self.rectifier()
        cdef bint adaptive = rectifier != 0.0
        radam_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop, adaptive,
                     lr * (rectifier if adaptive else 1.0) * self.m_scale(), self.v_scale(),
                     self.beta1, self.beta2, self.eps, self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        cdef double rectifier = self.rectifier()
        if rectifier == 0.0:
            return NULL
        return Moments.metric(self, start, stop, lr * rectifier, momentum)


# u is a maximum that fades: the infinity norm where Adam has the 2-norm.
cdef kernel_void adamax_kernel(double *theta, const double *gradient, double *m, double *u,
                               Py_ssize_t start, Py_ssize_t stop, double m_scale, double beta1,
                               double beta2, double eps, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double moment, size, faded
    for j in range(start, stop):
        moment = beta1 * m[j] + (1.0 - beta1) * gradient[j]
        size = fabs(gradient[j]) + eps
        faded = beta2 * u[j]
        size = faded if faded > size else size
        m[j] = moment
        u[j] = size
        theta[j] = keep * theta[j] - m_scale * moment / size


cdef kernel_void inverse_rates(const double *u, Py_ssize_t start, Py_ssize_t stop, double lr,
                               double *rates) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        rates[j] = lr / u[j]


cdef class AdamaxUpdate(Update):
    slots = ("m", "u")
    numbers = {"beta1_power": 1.0}
    cdef double beta1, beta2, eps

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.eps = optimizer.eps

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        self.scalars[0] *= self.beta1

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adamax_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                      lr / (1.0 - self.scalars[0]), self.beta1, self.beta2, self.eps, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        inverse_rates(self.slot[1], start, stop, lr, self.rates_of_step)
        return self.rates_of_step


# v moves towards g² by (1 - beta2) g², however far away it is.
cdef kernel_void yogi_kernel(double *theta, const double *gradient, double *m, double *v,
                             Py_ssize_t start, Py_ssize_t stop, double m_scale, double v_scale,
                             double beta1, double beta2, double eps, double eps_root,
                             double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double moment, square, gap, sign
    for j in range(start, stop):
        moment = beta1 * m[j] + (1.0 - beta1) * gradient[j]
        square = gradient[j] * gradient[j]
        gap = v[j] - square
        sign = 1.0 if gap > 0.0 else (-1.0 if gap < 0.0 else gap)
        square = v[j] - (1.0 - beta2) * sign * square
        m[j] = moment
        v[j] = square
        theta[j] = keep * theta[j] - m_scale * moment / (sqrt(v_scale * square + eps_root) + eps)


cdef class YogiUpdate(Moments):
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        yogi_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                    lr * self.m_scale(), self.v_scale(), self.beta1, self.beta2, self.eps,
                    self.eps_root, keep)


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
        root_rates(self.slot[2], start, stop, lr, 1.0 / (1.0 - self.scalars[2]), self.eps,
                   self.eps_root, self.rates_of_step)
        return self.rates_of_step


# Adam's direction r, the decay included; norms[0] and norms[1] receive ‖theta‖² and ‖r‖².
cdef kernel_void lamb_direction_kernel(const double *theta, const double *gradient, double *m,
                                       double *v, double *r, Py_ssize_t start, Py_ssize_t stop,
                                       double m_scale, double v_scale, double beta1, double beta2,
                                       double eps, double eps_root, double decay,
                                       double *norms) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, size = 0.0, length = 0.0
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        m[j] = moment
        v[j] = square
        r[j] = m_scale * moment / (sqrt(v_scale * square + eps_root) + eps) + decay * theta[j]
    for j in range(start, stop):
        size += theta[j] * theta[j]
        length += r[j] * r[j]
    norms[0] = size
    norms[1] = length


cdef kernel_void lamb_kernel(double *theta, const double *r, Py_ssize_t start, Py_ssize_t stop,
                             double rate) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        theta[j] -= rate * r[j]


cdef class LAMBUpdate(Moments):
    slots = ("m", "v", "r")

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.by_span = True

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef double[2] norms
        # The paper decays inside the direction, where the layer's trust ratio scales it too.
        cdef double decay = 0.0 if keep == 1.0 else self.weight_decay
        cdef double trust = 1.0
        lamb_direction_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start,
                              stop, self.m_scale(), self.v_scale(), self.beta1, self.beta2,
                              self.eps, self.eps_root, decay, norms)
        if norms[0] > 0.0 and norms[1] > 0.0:
            trust = sqrt(norms[0]) / sqrt(norms[1])
        lamb_kernel(theta, self.slot[2], start, stop, lr * trust)
        if self.rates_of_step != NULL:  # the trust ratio is known here only
            root_rates(self.slot[1], start, stop, lr * trust, self.v_scale(), self.eps,
                       self.eps_root, self.rates_of_step)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.rates_of_step


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
    cdef double beta

    def configure(self, optimizer):
        self.beta = optimizer.beta

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        if self.t == 0:  # z_0 = theta_0
            return theta
        between_kernel(theta, self.slot[0], self.slot[1], self.n_params, self.beta)
        return self.slot[1]

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        cdef double square
        self.scalars[0] = max(self.scalars[0], lr)
        square = self.scalars[0] * self.scalars[0]
        self.scalars[1] += square
        self.scalars[2] = square / self.scalars[1] if self.scalars[1] > 0.0 else 0.0

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
        root_rates(self.slot[2], start, stop, lr, 1.0 / (1.0 - self.scalars[3]), self.eps,
                   self.eps_root, self.rates_of_step)
        return self.rates_of_step


UPDATES.update(rules_of(globals()))

# Adam and its relatives: rules with its two moments, corrected for their start at 0. What holds for
# all kernels is said at the top of rules.pyx.
from libc.math cimport exp, fabs, log, pow, sqrt

from .update cimport Update
from .vector cimport kernel_void

from .update import UPDATES, rules_of


# What the relatives of Adam share: two decay rates, their powers, and where eps stands.
cdef class Moments(Update):
    slots = ("m", "v")
    numbers = {"beta1_power": 1.0, "beta2_power": 1.0}
    cdef double beta1, beta2, eps, eps_root, eps_alone, eps_hat

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.eps = self.eps_alone = optimizer.eps
        self.eps_root = optimizer.eps_root
        self.eps_hat = getattr(optimizer, "eps_hat", 0.0)

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        self.scalars[0] *= self.beta1
        self.scalars[1] *= self.beta2
        if self.eps_hat != 0.0:  # beside the root of v itself, and not of the corrected v
            self.eps = self.eps_alone + self.eps_hat / sqrt(1.0 - self.scalars[1])

    cdef inline double m_scale(self) noexcept nogil:
        return 1.0 / (1.0 - self.scalars[0])

    cdef inline double v_scale(self) noexcept nogil:
        return 1.0 / (1.0 - self.scalars[1])

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[1], start, stop, lr, self.v_scale(), self.eps,
                               self.eps_root)


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


# m and v as in Adam; the step divides by the largest v so far, or by the largest gain v: v as it
# was corrected at its own step, where the correction is not made afterwards.
cdef kernel_void amsgrad_kernel(double *theta, const double *gradient, double *m, double *v,
                                double *largest, Py_ssize_t start, Py_ssize_t stop, double m_scale,
                                double v_scale, double gain, double beta1, double beta2,
                                double eps, double eps_root, double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, top
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        v[j] = square
        square = gain * square
        top = largest[j] if largest[j] > square else square
        m[j] = moment
        largest[j] = top
        theta[j] = keep * theta[j] - m_scale * moment / (sqrt(v_scale * top + eps_root) + eps)


cdef class AMSGradUpdate(Moments):
    slots = ("m", "v", "largest")
    cdef double corrected

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.corrected = optimizer.corrected

    cdef double before(self) noexcept nogil:
        # The part of the correction that comes before the maximum.
        return 1.0 if self.corrected == 0.0 else pow(self.v_scale(), self.corrected)

    cdef double after(self) noexcept nogil:
        return pow(self.v_scale(), 1.0 - self.corrected) if self.corrected else self.v_scale()

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        amsgrad_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start, stop,
                       lr * self.m_scale(), self.after(), self.before(), self.beta1, self.beta2,
                       self.eps, self.eps_root, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[2], start, stop, lr, self.after(), self.eps,
                               self.eps_root)


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
        return self.root_rates(self.slot[1], start, stop, lr, self.v_scale(), self.eps, 0.0)


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
    numbers = {"beta1_power": 1.0, "beta2_power": 1.0, "mu_product": 1.0}
    cdef double momentum_decay
    cdef bint moves

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.moves = optimizer.momentum_decay is not None
        self.momentum_decay = optimizer.momentum_decay if self.moves else 0.0

    cdef double mu(self, double t) noexcept nogil:
        return self.beta1 * (1.0 - 0.5 * pow(0.96, t * self.momentum_decay))

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        Moments.begin(self, lr, momentum)
        if self.moves:
            self.scalars[2] *= self.mu(self.t + 1.0)

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef double now = self.beta1, later = self.beta1, product = self.scalars[0]
        if self.moves:
            now, later = self.mu(self.t + 1.0), self.mu(self.t + 2.0)
            product = self.scalars[2]
        nadam_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                     lr * later / (1.0 - product * later), lr * (1.0 - now) / (1.0 - product),
                     self.v_scale(), self.beta1, self.beta2, self.eps, self.eps_root, keep)


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
                               double beta2, double eps, double eps_outside,
                               double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double moment, size, faded
    for j in range(start, stop):
        moment = beta1 * m[j] + (1.0 - beta1) * gradient[j]
        size = fabs(gradient[j]) + eps
        faded = beta2 * u[j]
        size = faded if faded > size else size
        m[j] = moment
        u[j] = size
        theta[j] = keep * theta[j] - m_scale * moment / (size + eps_outside)


cdef kernel_void inverse_rates(const double *u, Py_ssize_t start, Py_ssize_t stop, double lr,
                               double eps_outside, double *rates) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        rates[j] = lr / (u[j] + eps_outside)


cdef class AdamaxUpdate(Update):
    slots = ("m", "u")
    numbers = {"beta1_power": 1.0}
    cdef double beta1, beta2, eps, eps_outside

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.eps = optimizer.eps
        self.eps_outside = optimizer.eps_outside

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        self.scalars[0] *= self.beta1

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adamax_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                      lr / (1.0 - self.scalars[0]), self.beta1, self.beta2, self.eps,
                      self.eps_outside, keep)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        inverse_rates(self.slot[1], start, stop, lr, self.eps_outside, self.rates_of_step)
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
    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.memory[...] = optimizer.initial_accumulator

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        yogi_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                    lr * self.m_scale(), self.v_scale(), self.beta1, self.beta2, self.eps,
                    self.eps_root, keep)


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
            self.root_rates(self.slot[1], start, stop, lr * trust, self.v_scale(), self.eps,
                            self.eps_root)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.rates_of_step


# Adam with a second, slower average of the gradient beside m: m_scale m + slow_scale slow.
cdef kernel_void ademamix_kernel(double *theta, const double *gradient, double *m, double *v,
                                 double *slow, Py_ssize_t start, Py_ssize_t stop, double m_scale,
                                 double slow_scale, double v_scale, double beta1, double beta2,
                                 double beta3, double eps, double eps_root,
                                 double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, moment, square, old
    for j in range(start, stop):
        g = gradient[j]
        moment = beta1 * m[j] + (1.0 - beta1) * g
        square = beta2 * v[j] + (1.0 - beta2) * g * g
        old = beta3 * slow[j] + (1.0 - beta3) * g
        m[j] = moment
        v[j] = square
        slow[j] = old
        theta[j] = keep * theta[j] - (m_scale * moment + slow_scale * old) / (
            sqrt(v_scale * square + eps_root) + eps)


cdef class AdEMAMixUpdate(Moments):
    slots = ("m", "v", "slow")
    cdef double beta3, alpha
    cdef double warmup

    def configure(self, optimizer):
        Moments.configure(self, optimizer)
        self.beta3 = optimizer.beta3
        self.alpha = optimizer.alpha
        self.warmup = optimizer.warmup

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        cdef double beta3 = self.beta3, alpha = self.alpha, part
        if self.t + 1 < self.warmup:
            # The memory's length, 1/ln(beta3), moves from that of beta1 in a straight line. log(0)
            # is -inf, and the end that it stands for has no length.
            part = (self.t + 1) / self.warmup
            alpha *= part
            beta3 = min(beta3, exp(1.0 / ((1.0 - part) / log(self.beta1) + part / log(beta3))))
        ademamix_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], start, stop,
                        lr * self.m_scale(), lr * alpha, self.v_scale(), self.beta1, self.beta2,
                        beta3, self.eps, self.eps_root, keep)


UPDATES.update(rules_of(globals()))

# Rules that find their own rate from what they have seen: distances from the start, sums of
# squared gradients, differences of two gradients.
#
# Each makes one number a step out of the whole of theta and the gradient, so `step` is written here
# and not `apply`. The rate taken is kept among the numbers, where a record finds it.
from libc.math cimport fabs, sqrt
from libc.string cimport memcpy

from .update cimport Update, count
from .vector cimport kernel_void, square_sum

from .update import UPDATES, rules_of


cdef kernel_void squares_kernel(const double *x, Py_ssize_t n, double *out) noexcept nogil:
    out[0] = square_sum(x, n)


cdef kernel_void apart_kernel(const double *a, const double *b, Py_ssize_t n,
                              double *out) noexcept nogil:
    # |a - b|²
    cdef Py_ssize_t j = 0
    cdef double d0, d1, d2, d3, a0 = 0, a1 = 0, a2 = 0, a3 = 0
    while j + 4 <= n:
        d0, d1, d2, d3 = a[j] - b[j], a[j + 1] - b[j + 1], a[j + 2] - b[j + 2], a[j + 3] - b[j + 3]
        a0 += d0 * d0
        a1 += d1 * d1
        a2 += d2 * d2
        a3 += d3 * d3
        j += 4
    while j < n:
        d0 = a[j] - b[j]
        a0 += d0 * d0
        j += 1
    out[0] = (a0 + a1) + (a2 + a3)


cdef kernel_void plain_kernel(double *theta, const double *gradient, Py_ssize_t start,
                              Py_ssize_t stop, double rate, double keep) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        theta[j] = keep * theta[j] - rate * gradient[j]


# A plain step at a rate of the rule's own, which `find` returns. Decay and proximal step go at that
# rate too.
cdef class Found(Update):
    slots = ("start",)
    numbers = {"rate": 0.0}
    cdef double eps
    cdef double eps_root
    cdef double initial                    # the first distance from the start; NaN: by its norm

    cdef double find(self, const double *theta, const double *gradient, double lr) noexcept nogil:
        return lr

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef Py_ssize_t i
        cdef double rate, keep
        rate = self.find(theta, gradient, lr)
        keep = 1.0 - rate * self.weight_decay
        self.scalars[0] = rate
        for i in range(self.n_spans):
            plain_kernel(theta, gradient, self.spans[i].start, self.spans[i].stop, rate,
                         keep if self.spans[i].penalized else 1.0)
        if self.penalty.proximal:
            self.proximal(theta, lr, momentum)
        count(&self.t, 1)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(start, stop):
            self.rates_of_step[j] = self.scalars[0]
        return self.rates_of_step

    cdef double first_distance(self, const double *theta) noexcept nogil:
        # Remembers the start.
        cdef double square
        memcpy(self.slot[0], theta, self.n_params * sizeof(double))
        if self.initial >= 0.0:
            return self.initial
        squares_kernel(theta, self.n_params, &square)
        return 1e-6 * (1.0 + sqrt(square))


cdef class DoGUpdate(Found):
    numbers = {"rate": 0.0, "distance": 0.0, "squares": 0.0}

    def configure(self, optimizer):
        self.eps_root = optimizer.eps_root
        self.initial = -1.0 if optimizer.distance is None else optimizer.distance

    cdef double find(self, const double *theta, const double *gradient, double lr) noexcept nogil:
        cdef double square
        if self.t == 0:
            self.scalars[1] = self.first_distance(theta)
        else:
            apart_kernel(theta, self.slot[0], self.n_params, &square)
            self.scalars[1] = max(self.scalars[1], sqrt(square))
        squares_kernel(gradient, self.n_params, &square)
        self.scalars[2] += square
        square = self.scalars[2] + self.eps_root
        return lr * self.scalars[1] / sqrt(square) if square != 0.0 else 0.0


cdef class DoWGUpdate(Found):
    numbers = {"rate": 0.0, "square": 0.0, "weighted": 0.0}

    def configure(self, optimizer):
        self.eps = optimizer.eps
        self.initial = -1.0 if optimizer.distance is None else optimizer.distance

    cdef double find(self, const double *theta, const double *gradient, double lr) noexcept nogil:
        cdef double square
        if self.t == 0:
            square = self.first_distance(theta)
            square *= square
        else:
            apart_kernel(theta, self.slot[0], self.n_params, &square)
        self.scalars[1] = max(self.scalars[1], square)
        squares_kernel(gradient, self.n_params, &square)
        self.scalars[2] += self.scalars[1] * square
        square = sqrt(self.scalars[2]) + self.eps
        return lr * self.scalars[1] / square if square != 0.0 else 0.0


# s = theta - previous theta and y = gradient - previous gradient; out = s s, s y, y y
cdef kernel_void secant_kernel(const double *theta, const double *before, const double *gradient,
                               const double *gradient_before, Py_ssize_t n,
                               double *out) noexcept nogil:
    cdef Py_ssize_t j
    cdef double s, y, ss = 0, sy = 0, yy = 0
    for j in range(n):
        s = theta[j] - before[j]
        y = gradient[j] - gradient_before[j]
        ss += s * s
        sy += s * y
        yy += y * y
    out[0] = ss
    out[1] = sy
    out[2] = yy


cdef class BarzilaiBorweinUpdate(Found):
    slots = ("previous", "previous_gradient")
    cdef bint short_steps

    def configure(self, optimizer):
        self.short_steps = optimizer.steps == "short"

    cdef double find(self, const double *theta, const double *gradient, double lr) noexcept nogil:
        cdef double products[3]
        cdef double rate = lr
        if self.t > 0:
            secant_kernel(theta, self.slot[0], gradient, self.slot[1], self.n_params, products)
            rate = self.scalars[0]
            # Where the gradient does not grow along the step there is no secant: as before.
            if products[1] > 0.0:
                rate = products[1] / products[2] if self.short_steps else products[0] / products[1]
        memcpy(self.slot[0], theta, self.n_params * sizeof(double))
        memcpy(self.slot[1], gradient, self.n_params * sizeof(double))
        return rate


# m, v and s take d g in; along <- g (start - theta), size <- |s|_1
cdef kernel_void prodigy_kernel(const double *theta, const double *gradient, const double *start,
                                double *m, double *v, double *s, Py_ssize_t n, double d,
                                double weight, double beta1, double beta2, double beta3,
                                double *along, double *size) noexcept nogil:
    cdef Py_ssize_t j
    cdef double g, a = 0, b = 0
    # A loop of its own: the sums below are made in one order.
    for j in range(n):
        g = d * gradient[j]
        m[j] = beta1 * m[j] + (1.0 - beta1) * g
        v[j] = beta2 * v[j] + (1.0 - beta2) * g * g
        s[j] = beta3 * s[j] + weight * g
    for j in range(n):
        a += gradient[j] * (start[j] - theta[j])
        b += fabs(s[j])
    along[0] = a
    size[0] = b


cdef kernel_void prodigy_step_kernel(double *theta, const double *m, const double *v,
                                     Py_ssize_t start, Py_ssize_t stop, double rate, double eps,
                                     double keep) noexcept nogil:
    cdef Py_ssize_t j
    cdef double root
    for j in range(start, stop):
        root = sqrt(v[j]) + eps
        # Without an eps a coordinate that never had a gradient is 0/0.
        theta[j] = keep * theta[j] - (rate * m[j] / root if root != 0.0 else 0.0)


cdef class ProdigyUpdate(Update):
    slots = ("start", "m", "v", "s")
    numbers = {"rate": 0.0, "d": 0.0, "along": 0.0}
    cdef double beta1, beta2, beta3, eps, d0

    def configure(self, optimizer):
        self.beta1 = optimizer.beta1
        self.beta2 = optimizer.beta2
        self.beta3 = sqrt(self.beta2) if optimizer.beta3 is None else optimizer.beta3
        self.eps = optimizer.eps
        self.d0 = optimizer.d0

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef Py_ssize_t i
        cdef double d, rate, keep, along, size, weight
        if self.t == 0:
            memcpy(self.slot[0], theta, self.n_params * sizeof(double))
            self.scalars[1] = self.d0
        d = self.scalars[1]
        rate = d * lr
        weight = rate / self.d0 if self.d0 > 0.0 else 0.0
        prodigy_kernel(theta, gradient, self.slot[0], self.slot[1], self.slot[2], self.slot[3],
                       self.n_params, d, weight, self.beta1, self.beta2, self.beta3,
                       &along, &size)
        weight *= d
        self.scalars[2] = self.beta3 * self.scalars[2] + weight * along
        if size > 0.0:
            self.scalars[1] = max(d, self.scalars[2] / size)
        self.scalars[0] = rate
        keep = 1.0 - rate * self.weight_decay
        for i in range(self.n_spans):
            prodigy_step_kernel(theta, self.slot[1], self.slot[2], self.spans[i].start,
                                self.spans[i].stop, rate, self.scalars[1] * self.eps,
                                keep if self.spans[i].penalized else 1.0)
        if self.penalty.proximal:
            self.proximal(theta, lr, momentum)
        count(&self.t, 1)

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return self.root_rates(self.slot[2], start, stop, self.scalars[0], 1.0,
                               self.scalars[1] * self.eps, 0.0)


UPDATES.update(rules_of(globals()))

# Rules around other rules: the inner one takes the steps, decays, and makes the proximal step.
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .update cimport Update
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
        self.inner.step(theta, gradient, lr, momentum)
        self.t += 1
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
        self.inner.step(self.slot[0], gradient, lr, momentum)
        self.t += 1
        blend_kernel(theta, self.slot[0], self.n_params, self.weight(), False)


cdef class ExponentialAverageUpdate(PolyakAverageUpdate):
    cdef double decay

    def configure(self, optimizer):
        Wrapped.configure(self, optimizer)
        self.decay = optimizer.decay

    cdef double weight(self) noexcept nogil:
        return 1.0 - self.decay


UPDATES.update(rules_of(globals()))

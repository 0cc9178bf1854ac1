# The update rules: for each optimizer one kernel over the coordinates and one class that keeps
# its state. The formulas and their sources stand in fastgd/optimizers.py.
#
# Decoupled weight decay is here once for all of them: a kernel multiplies its coordinates by
# `keep` = 1 - lr * weight_decay before it moves them, and biases get keep = 1.
#
# What a kernel has stored it does not read again: the compiler cannot know that the vectors are
# apart, and would load it from memory (Adam, 1e7 parameters: 19.6 ms so, 14.3 with locals).
#
# All denominators are sqrt(second moment + eps_root) + eps. sqrt becomes SIMD only under
# -fno-math-errno (setup.py); without it these kernels are 4 times slower.
from cython cimport final
from libc.math cimport sqrt
from libc.stdlib cimport calloc, free
cimport numpy as cnp

from .claim cimport enter, leave
from .vector cimport kernel_void, scale

import numpy as np

cnp.import_array()


cdef class Update:
    """Update(n_params, optimizer, spans=None)\n--\n
    The state of one optimizer: made by ``optimizer.init``, changed by every step.

    `slots` names the vectors that a rule keeps, one float64 for each parameter, and `numbers`
    the scalars with their values before the first step.
    """
    slots = ()
    numbers = {}

    def __init__(self, Py_ssize_t n_params, optimizer, spans=None):
        cdef Py_ssize_t i
        if self.spans != NULL:
            raise TypeError("an Update is initialised once")
        if n_params < 1:
            raise ValueError("there are no parameters to update")
        if len(type(self).slots) > MAX_SLOTS:
            raise TypeError(f"{type(self).__name__} keeps more than {MAX_SLOTS} vectors")
        self.n_params = n_params
        self.optimizer = optimizer
        names = type(self).slots
        # Rows a whole number of cache lines long, and an odd one: equal offsets modulo a page
        # would make the loads of one row wait for the stores of another.
        stride = (n_params + 7) // 8 * 8 + 8
        self.memory = np.zeros((len(names), stride))[:, :n_params]
        for i in range(len(names)):
            self.slot[i] = <double *>cnp.PyArray_DATA(self.memory[i])
        numbers = type(self).numbers
        self.scalar_memory = np.array([*numbers.values(), 0.0], dtype=np.float64)
        self.scalars = <double *>cnp.PyArray_DATA(self.scalar_memory)
        if spans is None:
            spans = [(0, n_params, True)]
        self.n_spans = len(spans)
        self.spans = <Span *>calloc(len(spans), sizeof(Span))
        if self.spans == NULL:
            raise MemoryError
        for i, (start, stop, penalized) in enumerate(spans):
            self.spans[i] = Span(start, stop, penalized)
        self.weight_decay = optimizer.weight_decay
        self.configure(optimizer)

    def __dealloc__(self):
        free(self.spans)

    def configure(self, optimizer):
        """Take the hyperparameters that the kernel needs."""

    cdef void begin(self, double lr, double momentum) noexcept nogil:
        pass

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        pass

    cdef void apply_at(self, double *theta, const double *gradient, const int64_t *touched,
                       Py_ssize_t n_touched, double lr, double momentum) noexcept nogil:
        pass

    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil:
        return theta

    cdef void step_at(self, double *theta, const double *gradient, const int64_t *touched,
                      Py_ssize_t n_touched, double lr, double momentum) noexcept nogil:
        self.begin(lr, momentum)
        self.apply_at(theta, gradient, touched, n_touched, lr, momentum)
        self.t += 1

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef Py_ssize_t i
        cdef double keep = 1.0 - lr * self.weight_decay
        self.begin(lr, momentum)
        if self.weight_decay == 0.0 and not self.by_span:
            self.apply(theta, gradient, 0, self.n_params, lr, momentum, 1.0)
        else:
            for i in range(self.n_spans):
                self.apply(theta, gradient, self.spans[i].start, self.spans[i].stop, lr, momentum,
                           keep if self.spans[i].penalized else 1.0)
        self.t += 1

    @property
    def span_list(self):
        """The spans as a list of (start, stop, penalized)."""
        return [(self.spans[i].start, self.spans[i].stop, bool(self.spans[i].penalized))
                for i in range(self.n_spans)]

    @property
    def arrays(self):
        """The vectors of the state by name, as views."""
        return dict(zip(type(self).slots, self.memory))

    def save(self):
        """A copy of the whole state, for `load`."""
        return {"t": self.t, "slots": self.memory.copy(), "numbers": self.scalar_memory.copy(),
                "inner": None if self.inner is None else self.inner.save()}

    def load(self, saved):
        """Go back to what `save` returned."""
        if saved["slots"].shape != self.memory.shape:
            raise ValueError("the saved state is of another optimizer or another size")
        self.claim()
        try:
            self.t = saved["t"]
            self.memory[...] = saved["slots"]
            self.scalar_memory[...] = saved["numbers"]
            if self.inner is not None:
                self.inner.load(saved["inner"])
        finally:
            self.release()

    def set_rates(self, double lr, double momentum, rates):
        """The rates that ``optimizer.step`` uses: two numbers, or a function of the step."""
        self.lr = lr
        self.momentum = momentum
        self.rates = rates

    @final
    cdef int ask_rates(self) except -1:
        # Of a claimed state, which an exception gives back.
        try:
            self.lr, self.momentum = self.rates(self.t)
        except BaseException:
            self.release()
            raise
        return 0

    @final
    cdef int claim(self) except -1:
        return enter(&self.users, "this optimizer state",
                     "make one for each run with optimizer.init(theta)")

    @final
    cdef void release(self) noexcept nogil:
        leave(&self.users)

    def __reduce__(self):
        return _restore, (self.optimizer, self.n_params, self.span_list, self.save(),
                          (self.lr, self.momentum, self.rates))

    def __repr__(self):
        return f"<state of {self.optimizer!r} after {self.t} steps, {self.n_params} parameters>"


def _restore(optimizer, n_params, spans, saved, rates):
    state = make(optimizer, n_params, spans)
    state.load(saved)
    state.set_rates(*rates)
    return state


def make(optimizer, n_params, spans=None):
    """The state of `optimizer`, by the name of its rule (``type(optimizer).rule``)."""
    return UPDATES[type(optimizer).rule](n_params, optimizer, spans)


cdef double *vector_of(array, Py_ssize_t n, str name, bint written) except NULL:
    # The pointer to a float64 vector of n entries, or an error in the caller's terms.
    if not cnp.PyArray_Check(array):
        raise TypeError(f"{name} must be a NumPy array, not {type(array).__name__}")
    if cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or cnp.PyArray_NDIM(array) != 1:
        raise TypeError(f"{name} must be a float64 vector, not {array.dtype} of shape "
                        f"{array.shape}")
    if not cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED):
        raise ValueError(f"{name} must be contiguous, since it is used in place")
    if written and not cnp.PyArray_ISWRITEABLE(array):
        raise ValueError(f"{name} must be writable, since it is updated in place")
    if cnp.PyArray_DIM(array, 0) != n:
        raise ValueError(f"{name} has {cnp.PyArray_DIM(array, 0)} entries, the state was made "
                         f"for {n}")
    return <double *>cnp.PyArray_DATA(array)


cdef class Stepper:
    """Stepper()\n--\n
    What every optimizer can do to parameters of one's own: the base of `Optimizer`.

    It is compiled so that a step on a few parameters costs less than the call of a function.
    """

    def point(self, theta, Update state not None):
        """Where the gradient of the coming step is to be taken.

        Parameters
        ----------
        theta : (d,) float64
        state : the state made by `init`

        Returns
        -------
        (d,) float64
            `theta` itself, but for look-ahead methods (Nesterov), which return a point of their
            own; it is overwritten by the next call.

        Raises
        ------
        TypeError, ValueError
            Another dtype, shape or length than `init` saw.
        RuntimeError
            The state is in use by another run, in another thread.
        """
        cdef double *parameters = vector_of(theta, state.n_params, "theta", False)
        cdef const double *place
        state.claim()
        if state.rates is not None:
            state.ask_rates()
        place = state.point(parameters, state.lr, state.momentum)
        state.release()
        if place == parameters:
            return theta
        cdef Py_ssize_t i
        cdef Update holder = state
        while holder is not None:
            for i in range(len(type(holder).slots)):
                if place == holder.slot[i]:
                    return holder.memory[i]
            holder = holder.inner
        raise RuntimeError(f"{type(state).__name__}.point must return theta or one of its slots")

    def step(self, theta, gradient, Update state not None):
        """Take one step in place: `theta` and `state` change.

        Parameters
        ----------
        theta : (d,) float64, contiguous and writable
        gradient : (d,) float64, contiguous
            The gradient at ``optimizer.point(theta, state)``. It is not searched for NaN.
        state : the state made by `init`

        Raises
        ------
        TypeError, ValueError
            Another dtype, shape or length than `init` saw.
        RuntimeError
            The state is in use by another run, in another thread.
        """
        cdef double *parameters = vector_of(theta, state.n_params, "theta", True)
        cdef const double *slope = vector_of(gradient, state.n_params, "gradient", False)
        if state.optimizer is not self and state.optimizer != self:
            raise ValueError("this state was made by another optimizer")
        # Other threads may run meanwhile, and must not come upon this state half changed.
        state.claim()
        if state.rates is not None:
            state.ask_rates()
        if state.n_params < 4096:
            state.step(parameters, slope, state.lr, state.momentum)
        else:
            with nogil:
                state.step(parameters, slope, state.lr, state.momentum)
        state.release()


# theta <- keep theta - lr g
cdef kernel_void sgd_kernel(double *theta, const double *gradient, Py_ssize_t start,
                            Py_ssize_t stop, double lr, double keep) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        theta[j] = keep * theta[j] - lr * gradient[j]


cdef class SGDUpdate(Update):
    def configure(self, optimizer):
        self.plain = True

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


cdef class AdamUpdate(Update):
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

    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil:
        adam_kernel(theta, gradient, self.slot[0], self.slot[1], start, stop,
                    lr / (1.0 - self.scalars[0]), 1.0 / (1.0 - self.scalars[1]), self.beta1,
                    self.beta2, self.eps, self.eps_root, keep)


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


def rules_of(names):
    """The Update classes among a module's names: Adam of optimizers.py is AdamUpdate here."""
    return {name[:-len("Update")]: kind for name, kind in list(names.items())
            if name.endswith("Update") and name != "Update"}


UPDATES = rules_of(globals())

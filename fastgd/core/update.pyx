# What all update rules share: the state of one optimizer in one run, the proximal step after each
# of its own, and what an optimizer does to parameters of somebody else's (Stepper).
#
# Decoupled weight decay is here once for all of them: a kernel multiplies its coordinates by
# `keep` = 1 - lr * weight_decay before it moves them, and biases get keep = 1.
from cython cimport final
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
cimport numpy as cnp

from .claim cimport enter, leave
from .flush cimport flush, keep_small, unflush
from .penalties cimport Penalty
from .vector cimport kernel_void

import operator

import numpy as np

from .shared import as_numpy

cnp.import_array()


# Steps for which a schedule is asked at once: few at first, since a run may take few, then more.
# One by one cost 38 us a step, 64 at once 0.4, 4096 at once 0.02.
cdef int64_t RATES_AHEAD = 64, MOST_RATES_AHEAD = 4096


# rates <- lr / (sqrt(v_scale v + eps_root) + eps)
cdef kernel_void root_rates_kernel(const double *v, Py_ssize_t start, Py_ssize_t stop, double lr,
                                   double v_scale, double eps, double eps_root,
                                   double *rates) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(start, stop):
        rates[j] = lr / (sqrt(v_scale * v[j] + eps_root) + eps)


cdef class Update:
    """Update(n_params, optimizer, spans=None, penalty=None)\n--\n
    The state of one optimizer: made by ``optimizer.init``, changed by every step.

    `slots` names the vectors that a rule keeps, one float64 for each parameter, and `numbers`
    the scalars with their values before the first step.
    """
    slots = ()
    numbers = {}

    def __init__(self, Py_ssize_t n_params, optimizer, spans=None, Penalty penalty=None):
        cdef Py_ssize_t i, start, stop, covered = 0
        cdef cnp.npy_intp shape[2]
        if self.spans != NULL:
            raise TypeError("an Update is initialised once")
        if not isinstance(optimizer, Stepper):
            raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}")
        if n_params < 1:
            raise ValueError("there are no parameters to update")
        self.optimizer = optimizer
        if len(self.slots) > MAX_SLOTS:
            raise TypeError(f"{type(self).__name__} keeps more than {MAX_SLOTS} vectors")
        self.n_params = n_params
        names = self.slots
        # Rows a whole number of cache lines long, and an odd one: equal offsets modulo a page
        # would make the loads of one row wait for the stores of another.
        shape[0], shape[1] = len(names), (n_params + 7) // 8 * 8 + 8
        rows = cnp.PyArray_ZEROS(2, shape, cnp.NPY_DOUBLE, 0)
        self.memory = rows[:, :n_params]
        for i in range(shape[0]):
            self.slot[i] = <double *>cnp.PyArray_DATA(rows) + i * shape[1]
        numbers = type(self).numbers
        shape[0] = len(numbers) + 1
        self.scalar_memory = cnp.PyArray_ZEROS(1, shape, cnp.NPY_DOUBLE, 0)
        self.scalars = <double *>cnp.PyArray_DATA(self.scalar_memory)
        for i, number in enumerate(numbers.values()):
            self.scalars[i] = number
        if spans is None:
            spans = [(0, n_params, True)]
        self.n_spans = len(spans)
        self.spans = <Span *>calloc(len(spans), sizeof(Span))
        if self.spans == NULL:
            raise MemoryError
        for i, (start, stop, penalized) in enumerate(spans):
            if start != covered or stop <= start:
                raise ValueError("spans must cover theta from start to end without a gap")
            self.spans[i] = Span(start, stop, penalized)
            covered = stop
        if covered != n_params:
            raise ValueError("spans must cover theta from start to end without a gap")
        self.weight_decay = optimizer.weight_decay
        self.penalty = Penalty() if penalty is None else penalty
        if self.penalty.proximal:
            self.rates_of_step = <double *>calloc(n_params, sizeof(double))
            if self.rates_of_step == NULL:
                raise MemoryError
        self.configure(optimizer)
        if "rate" in numbers:
            self.found_rate = self.scalars + list(numbers).index("rate")
        elif self.inner is not None:
            self.found_rate = self.inner.found_rate

    def __dealloc__(self):
        free(self.spans)
        free(self.rates_of_step)

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

    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil:
        return NULL

    @final
    cdef const double *root_rates(self, const double *v, Py_ssize_t start, Py_ssize_t stop,
                                  double lr, double v_scale, double eps,
                                  double eps_root) noexcept nogil:
        root_rates_kernel(v, start, stop, lr, v_scale, eps, eps_root, self.rates_of_step)
        return self.rates_of_step

    cdef void proximal(self, double *theta, double lr, double momentum) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n_spans):
            if self.spans[i].penalized:
                self.penalty.prox(
                    theta, self.metric(self.spans[i].start, self.spans[i].stop, lr, momentum),
                    self.spans[i].start, self.spans[i].stop, lr)

    cdef void step_at(self, double *theta, const double *gradient, const int64_t *touched,
                      Py_ssize_t n_touched, double lr, double momentum) noexcept nogil:
        self.begin(lr, momentum)
        self.apply_at(theta, gradient, touched, n_touched, lr, momentum)
        count(&self.t, 1)

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
        if self.penalty.proximal:
            self.proximal(theta, lr, momentum)
        count(&self.t, 1)

    def __getattr__(self, name):
        # `t` in Python, where a property could not have the name of the number itself.
        if name == "t":
            return look(&self.t)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def span_list(self):
        """The spans as a list of (start, stop, penalized)."""
        return [(self.spans[i].start, self.spans[i].stop, bool(self.spans[i].penalized))
                for i in range(self.n_spans)]

    @property
    def arrays(self):
        """The vectors of the state by name, as views."""
        return dict(zip(self.slots, self.memory))

    @property
    def rate(self):
        """The rate of the last step, where the rule finds it itself; None where it takes lr."""
        return None if self.found_rate == NULL else self.found_rate[0]

    def save(self):
        """A copy of the whole state, for `load`."""
        return {"t": self.t, "slots": self.memory.copy(), "numbers": self.scalar_memory.copy(),
                "inner": None if self.inner is None else self.inner.save()}

    def load(self, saved):
        """Go back to what `save` returned.

        Raises
        ------
        ValueError
            It is of another optimizer or another size; nothing has changed then.
        RuntimeError
            The state is in use by another run, in another thread.
        """
        self.check_saved(saved)
        self.claim()
        try:
            show(&self.t, saved["t"])
            self.memory[...] = saved["slots"]
            self.scalar_memory[...] = saved["numbers"]
            if self.inner is not None:
                self.inner.load(saved["inner"])
        finally:
            self.release()

    @final
    cdef int check_saved(self, saved) except -1:
        # The whole of it before anything changes, an inner state too.
        try:
            found = [np.asarray(saved[name]) for name in ("slots", "numbers")]
            t, inner = operator.index(saved["t"]), saved["inner"]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"this is no saved state of an optimizer: {error!r}") from None
        same = [a.shape == b.shape and a.dtype.kind == "f"
                for a, b in zip(found, (self.memory, self.scalar_memory))]
        if not all(same) or (inner is None) != (self.inner is None):
            raise ValueError("the saved state is of another optimizer or another size")
        if not 0 <= t < 1 << 62:
            raise ValueError(f"the saved state has taken {t} steps, which cannot be")
        if inner is not None:
            self.inner.check_saved(inner)
        return 0

    def set_rates(self, double lr, double momentum, rates):
        """The rates that ``optimizer.step`` uses: two numbers, or ``rates.over(start, stop)``."""
        self.lr = lr
        self.momentum = momentum
        self.rates = rates
        self.first_known = self.first_unknown = 0

    @final
    cdef int ask_rates(self) except -1:
        # Of a claimed state, which an exception gives back. A schedule is asked for many steps at
        # once; where one of those to come makes no sense, for this one alone.
        cdef double[::1] lr, momentum
        cdef int64_t ahead
        if not self.first_known <= self.t < self.first_unknown:
            ahead = max(RATES_AHEAD, min(2 * (self.first_unknown - self.first_known),
                                         MOST_RATES_AHEAD))
            try:
                try:
                    found = self.rates.over(self.t, self.rates.until(self.t, ahead))
                except Exception:
                    found = self.rates.over(self.t, self.t + 1)
                lr, momentum = found
                if lr.shape[0] == 0 or lr.shape[0] != momentum.shape[0]:
                    raise ValueError(f"there are {lr.shape[0]} rates and {momentum.shape[0]} "
                                     f"values of momentum from step {self.t} on")
            except BaseException:
                self.release()
                raise
            self.known_lr, self.known_momentum = lr, momentum
            self.first_known, self.first_unknown = self.t, self.t + lr.shape[0]
        self.lr = self.known_lr[self.t - self.first_known]
        self.momentum = self.known_momentum[self.t - self.first_known]
        return 0

    @final
    cdef int claim(self) except -1:
        return enter(&self.users, "this optimizer state",
                     "make one for each run with optimizer.init(theta)")

    @final
    cdef void release(self) noexcept nogil:
        leave(&self.users)

    def __reduce__(self):
        return _restore, (self.optimizer, self.n_params, self.span_list, self.penalty, self.save(),
                          (self.lr, self.momentum, self.rates))

    def __repr__(self):
        return f"<state of {self.optimizer!r} after {self.t} steps, {self.n_params} parameters>"


cdef class PythonUpdate(Update):
    """PythonUpdate(n_params, optimizer, spans=None, penalty=None)\n--\n
    The state of a rule that is written in Python: ``optimizer.move`` is asked once a step.

    The vectors that ``type(optimizer).slots`` names are handed over by name.
    """

    @property
    def slots(self):
        """The names of the vectors that are kept."""
        return tuple(type(self.optimizer).slots)

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil:
        cdef uint64_t mode = keep_small()
        with gil:
            self.move(theta, gradient, lr, momentum)
        unflush(mode)

    cdef void move(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept:
        # Copies: the rule may keep them. Nothing has changed where it raises.
        cdef Py_ssize_t d = self.n_params
        cdef double[::1] view = np.asarray(<double[:d]>theta)
        try:
            moved = self.optimizer.move(
                np.array(view), np.array(<const double[:d]>gradient), self.arrays, self.t, lr,
                momentum)
            if self.weight_decay != 0.0:
                for start, stop, penalized in self.span_list:
                    if penalized:
                        moved[start:stop] -= lr * self.weight_decay * np.asarray(view)[start:stop]
            np.asarray(view)[:] = moved
        except BaseException as error:
            self.error = error
            return
        if self.penalty.proximal:
            self.proximal(theta, lr, momentum)
        count(&self.t, 1)


def _restore(optimizer, n_params, spans, penalty, saved, rates):
    state = make(optimizer, n_params, spans, penalty)
    state.load(saved)
    state.set_rates(*rates)
    return state


def make(optimizer, n_params, spans=None, penalty=None):
    """The state of `optimizer`: of the class that its `rule` is, or names."""
    if not isinstance(optimizer, Stepper):
        raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}")
    rule = type(optimizer).rule
    kind = UPDATES[rule] if isinstance(rule, str) else rule
    return kind(n_params, optimizer, spans, penalty)


cdef double *vector_of(array, Py_ssize_t n, str name, bint written) except NULL:
    # The pointer to a float64 vector of n entries, or an error in the caller's terms. `array` is
    # NumPy's.
    if not cnp.PyArray_CheckExact(array) and isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost: fill it first")
    if cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or cnp.PyArray_NDIM(array) != 1 \
            or not cnp.PyArray_ISNOTSWAPPED(array):
        raise TypeError(f"{name} must be a float64 vector in the machine's byte order, not "
                        f"{array.dtype!r} of shape {array.shape}")
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
        given = theta if cnp.PyArray_Check(theta) else as_numpy(theta, "theta")
        cdef double *parameters = vector_of(given, state.n_params, "theta", False)
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
            for i in range(len(holder.slots)):
                if place == holder.slot[i]:
                    return holder.memory[i]
            holder = holder.inner
        raise RuntimeError(f"{type(state).__name__}.point must return theta or one of its slots")

    def step(self, theta, gradient, Update state not None):
        """Take one step in place: `theta` and `state` change.

        Parameters
        ----------
        theta : (d,) float64, contiguous and writable
            NumPy's, or a torch tensor on the CPU, which is changed in its own memory.
        gradient : (d,) float64, contiguous
            The gradient at ``optimizer.point(theta, state)``, an array of NumPy, torch or jax, used
            where it lies. It is not searched for NaN.
        state : the state made by `init`

        Raises
        ------
        TypeError, ValueError
            Another dtype, shape or length than `init` saw.
        RuntimeError
            The state is in use by another run, in another thread.
        """
        if not cnp.PyArray_Check(theta):
            theta = as_numpy(theta, "theta")
        if not cnp.PyArray_Check(gradient):
            gradient = as_numpy(gradient, "gradient")
        cdef double *parameters = vector_of(theta, state.n_params, "theta", True)
        cdef const double *slope = vector_of(gradient, state.n_params, "gradient", False)
        cdef uint64_t mode
        if state.optimizer is not self and state.optimizer != self:
            raise ValueError("this state was made by another optimizer")
        if parameters < slope + state.n_params and slope < parameters + state.n_params:
            raise ValueError("theta and gradient overlap in memory: a step would change what it "
                             "has not read yet")
        # Other threads may run meanwhile, and must not come upon this state half changed.
        state.claim()
        if state.rates is not None:
            state.ask_rates()
        if state.n_params < 4096:
            mode = flush()
            state.step(parameters, slope, state.lr, state.momentum)
            unflush(mode)
        else:
            with nogil:
                mode = flush()
                state.step(parameters, slope, state.lr, state.momentum)
                unflush(mode)
        state.release()
        if state.error is not None:
            error, state.error = state.error, None
            raise error


def rules_of(names):
    """The Update classes among a module's names: Adam of optimizers.py is AdamUpdate here."""
    return {name[:-len("Update")]: kind for name, kind in list(names.items())
            if name.endswith("Update") and name != "Update"}


# Filled by the modules of rules.
UPDATES = {}

# One run's way of stepping: the base, and the general way, in which any objective, update and
# sampler meet. Faster ways for some of them are classes beside it (descent.pyx).
#
# A solver is the only owner of theta. What the way of stepping puts off (a factor not yet applied,
# a row not yet added) is its own affair: `here` is theta as it is, `save` and `load` carry
# everything.
from cython cimport final
from libc.math cimport INFINITY, NAN, isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .flush cimport flush, unflush
from .objective cimport FAILED, OK, Objective, check, norm_of, whole
from .sampling cimport Batch, Sampler
from .update cimport Update, look
from .vector cimport dot, kernel_void, scale, square_sum

cimport numpy as cnp

from time import perf_counter

import numpy as np

cnp.import_array()


# Up to so many parameters a run that asks Python in each step keeps the GIL between its questions:
# to let go and wait for it costs more than all else, where another thread does the same.
cdef Py_ssize_t FEW_PARAMS = 4096


cdef kernel_void add_zeros(const double *x, Py_ssize_t n, double *out) noexcept nogil:
    # 0 where all entries are finite, NaN elsewhere: 0 x is NaN for NaN and infinities.
    cdef Py_ssize_t j = 0
    cdef double a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0
    while j + 8 <= n:
        a0 += 0.0 * x[j]
        a1 += 0.0 * x[j + 1]
        a2 += 0.0 * x[j + 2]
        a3 += 0.0 * x[j + 3]
        a4 += 0.0 * x[j + 4]
        a5 += 0.0 * x[j + 5]
        a6 += 0.0 * x[j + 6]
        a7 += 0.0 * x[j + 7]
        j += 8
    while j < n:
        a0 += 0.0 * x[j]
        j += 1
    out[0] = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7))


cdef kernel_void clip_entries(double *gradient, Py_ssize_t n, double most) noexcept nogil:
    # A NaN is in neither range, and stays.
    cdef Py_ssize_t j
    cdef double entry
    for j in range(n):
        entry = gradient[j]
        entry = most if entry > most else entry
        gradient[j] = -most if entry < -most else entry


cdef kernel_void multiply(double *vector, double factor, Py_ssize_t n) noexcept nogil:
    scale(factor, vector, n)


cdef kernel_void both_terms(double *before, const double *after, const double *gradient,
                            Py_ssize_t n, double *out) noexcept nogil:
    # theta . g at the point before, and the squared length of the step, which is left there.
    cdef Py_ssize_t j
    out[0] = dot(before, gradient, n)
    for j in range(n):
        before[j] = after[j] - before[j]
    out[1] = square_sum(before, n)


cdef double seconds() noexcept nogil:
    # Python's own clock: that of the rest of a run.
    with gil:
        return perf_counter()


cdef class Solver:
    """Solver(objective, update, sampler, theta)\n--\n
    One run: its objective, the state of its optimizer, its sampler, and theta (copied).
    """

    def __init__(self, Objective objective not None, Update update not None,
                 Sampler sampler not None, const double[::1] theta not None):
        cdef cnp.npy_intp shape[2]
        if self.theta != NULL:
            raise TypeError("a Solver is initialised once")
        if theta.shape[0] != objective.n_params or update.n_params != objective.n_params:
            raise ValueError("the objective, the update and theta are of different sizes")
        if sampler.n_samples != objective.n_samples:
            raise ValueError("the sampler draws from another number of rows than there are")
        self.objective = objective
        self.update = update
        self.sampler = sampler
        if objective.reading is not None:
            sampler.reading = objective.reading
        self.n_params = objective.n_params
        self.clip_norm = self.clip_value = INFINITY
        self.last_lr = NAN
        self.records = []
        self.n_columns = 5
        # Rows an odd number of cache lines long: see Update.
        shape[0], shape[1] = 4, (self.n_params + 7) // 8 * 8 + 8
        self.vectors = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
        self.theta = <double *>cnp.PyArray_DATA(self.vectors)
        self.gradient = self.theta + shape[1]
        self.room = self.gradient + shape[1]
        self.spare = self.room + shape[1]
        memcpy(self.theta, &theta[0], self.n_params * sizeof(double))

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        taken[0] = 0
        return OK

    cdef const double *here(self) noexcept nogil:
        return self.theta

    @final
    cdef int one_step(self, double lr, double momentum) noexcept nogil:
        cdef Batch batch
        cdef const double *point
        cdef int status
        self.sampler.draw(&batch)
        point = self.update.point(self.theta, lr, momentum)
        if self.team is None:
            status = self.objective.gradient(point, &batch, self.gradient)
        else:
            status = self.team.gradient(point, &batch, self.gradient)
        if status == OK:
            if self.clipped:
                self.clip_gradient()
            self.update.step(self.theta, self.gradient, lr, momentum)
            if self.update.error is not None:
                status = self.pass_on()
        return status

    @final
    cdef int pass_on(self) noexcept nogil:
        # The exception of a rule that is written in Python.
        with gil:
            self.objective.error, self.update.error = self.update.error, None
        return FAILED

    @final
    cdef void clip_gradient(self) noexcept nogil:
        cdef double norm
        if self.clip_value < INFINITY:
            clip_entries(self.gradient, self.n_params, self.clip_value)
        if self.clip_norm < INFINITY:
            norm = norm_of(self.gradient, self.n_params)
            # Also where the norm is infinite or NaN, which 0 or NaN as a factor passes on.
            if not norm <= self.clip_norm:
                multiply(self.gradient, self.clip_norm / norm, self.n_params)

    def clip(self, double norm, double value):
        """Clip each step's gradient from here on: its entries first, then its norm; inf: not.

        A way of stepping that makes no gradient of all coordinates has nothing to clip: only
        `General` does it.
        """
        self.clip_norm, self.clip_value = norm, value
        self.clipped = norm < INFINITY or value < INFINITY

    def take(self, const double[::1] lr not None, const double[::1] momentum not None,
             Py_ssize_t record_every=0, Py_ssize_t total=-1, Py_ssize_t recorded=-1,
             bint alone=False):
        """Take ``len(lr)`` steps, or those up to an exception of the objective, which is raised.

        With `record_every`, records are made wherever that many steps divide those taken, before
        the first of these steps too, and at step `total`; not up to the step `recorded`. They are
        appended to `records`. The run stays where theta is found not to be finite, and where the
        loss is not. With `alone`, nobody else has had a turn since the steps before these, and what
        they have checked of the data is not checked again: it takes a pass over a sparse matrix.

        Returns
        -------
        bool
            Whether a record was due.

        Raises
        ------
        RuntimeError
            The objective, the update or the sampler is in use by another run.
        """
        cdef Py_ssize_t steps = lr.shape[0], first = self.update.t, filled = 0
        cdef const double *rates = &lr[0] if steps else NULL
        cdef const double *momenta = &momentum[0] if steps else NULL
        cdef int status = OK
        cdef cnp.npy_intp shape[2]
        cdef double *columns = NULL
        table = None
        if momentum.shape[0] != steps:
            raise ValueError("lr and momentum are of different lengths")
        if record_every > 0:
            shape[0], shape[1] = self.n_columns, steps // record_every + 2
            table = cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE, 0)
            columns = <double *>cnp.PyArray_DATA(table)
        self.update.claim()
        try:
            self.objective.unchanged = alone
            self.objective.claim()
            try:
                self.sampler.claim()
                try:
                    self.sampler.begin(steps)
                    if self.objective.asks_python and self.n_params <= FEW_PARAMS:
                        status = self.go_on(rates, momenta, steps, record_every, total, recorded,
                                            columns, &filled)
                    else:
                        with nogil:
                            status = self.go_on(rates, momenta, steps, record_every, total,
                                                recorded, columns, &filled)
                finally:
                    self.sampler.release()
            finally:
                self.objective.release()
        finally:
            self.update.release()
        check(self.objective, status)
        if filled:
            self.records.append(table[:, :filled])
        return filled > 0 or self.update.t < first + steps or (
            record_every > 0 and recorded < self.update.t
            and (self.update.t % record_every == 0 or self.update.t == total))

    @final
    cdef int go_on(self, const double *lr, const double *momentum, Py_ssize_t steps,
                   Py_ssize_t record_every, Py_ssize_t total, Py_ssize_t recorded,
                   double *columns, Py_ssize_t *filled) noexcept nogil:
        cdef Py_ssize_t done = 0, span, taken, room = 0
        cdef int64_t t
        cdef uint64_t mode
        cdef int status
        cdef double loss, norm
        if record_every > 0:
            room = steps // record_every + 2
        while True:
            t = self.update.t
            span = steps - done
            if record_every > 0:
                if t > recorded and (t % record_every == 0 or t == total):
                    if not self.is_finite():
                        return OK
                    status = self.measure(&loss, &norm)
                    if status != OK:
                        return status
                    columns[filled[0]] = <double>t
                    columns[room + filled[0]] = loss
                    columns[2 * room + filled[0]] = norm
                    columns[3 * room + filled[0]] = self.last_lr
                    columns[4 * room + filled[0]] = seconds()
                    if self.n_columns > 5:
                        columns[5 * room + filled[0]] = self.dissipated
                        columns[6 * room + filled[0]] = self.fluctuated
                    filled[0] += 1
                    # What starts out of bounds costs infinity, and the first step brings it in.
                    if not isfinite(loss) and t > 0:
                        return OK
                span = min(span, record_every - t % record_every)
                if t < total:
                    span = min(span, total - t)
            if span == 0:
                return OK
            taken = 0
            mode = flush()
            status = self.advance(lr + done, momentum + done, span, &taken)
            unflush(mode)
            done += taken
            if status != OK:
                return status
            self.last_lr = lr[done - 1] if self.update.found_rate == NULL \
                else self.update.found_rate[0]

    @final
    cdef int measure(self, double *loss, double *norm) noexcept nogil:
        # Loss and norm of the gradient over all rows, at theta as it is; of a claimed objective.
        cdef Batch batch = whole(self.objective.n_samples)
        cdef const double *point = self.here()
        cdef int status
        if self.team is None and self.objective.one_pass:
            status = self.objective.both(point, &batch, loss, self.spare)
        else:
            status = self.objective.value(point, &batch, loss)
            if status == OK and self.team is None:
                status = self.objective.gradient(point, &batch, self.spare)
            elif status == OK:
                status = self.team.gradient(point, &batch, self.spare)
        if status == OK:
            norm[0] = norm_of(self.spare, self.n_params)
        return status

    @final
    cdef bint is_finite(self) noexcept nogil:
        cdef double zero
        add_zeros(self.here(), self.n_params, &zero)
        return zero == 0.0

    def evaluate(self):
        """Loss and norm of the gradient over all rows, at theta as it is."""
        cdef double loss = 0.0, norm = 0.0
        cdef int status
        self.objective.claim()
        with nogil:
            status = self.measure(&loss, &norm)
            self.objective.release()
        check(self.objective, status)
        return loss, norm

    @property
    def step(self):
        """Steps taken."""
        return look(&self.update.t)

    @property
    def settled(self):
        """theta as it is: a new vector."""
        return self.copy_of(self.here())

    @final
    cdef object copy_of(self, const double *vector):
        cdef cnp.npy_intp n = self.n_params
        out = cnp.PyArray_EMPTY(1, &n, cnp.NPY_DOUBLE, 0)
        memcpy(cnp.PyArray_DATA(out), vector, n * sizeof(double))
        return out

    @property
    def finite(self):
        """Whether no entry of theta is NaN or infinite."""
        cdef bint found
        with nogil:
            found = self.is_finite()
        return found

    def save(self):
        """A copy of everything that the coming steps depend on, by name, for `load`."""
        return {"theta": self.copy_of(self.theta), "update": self.update.save(),
                "sampler": self.sampler.save()}

    def load(self, saved):
        """Go back to what `save` returned.

        Raises
        ------
        ValueError
            It is of a run of another size or another optimizer.
        """
        if saved["theta"].shape != (self.n_params,):
            raise ValueError(f"the saved theta has {saved['theta'].shape} entries, "
                             f"this run {self.n_params}")
        self.update.load(saved["update"])
        self.sampler.load(saved["sampler"])
        self.vectors[0, :self.n_params] = saved["theta"]

    def mark(self):
        """Remember where the run is, for `rewind`."""
        self.marked = self.copy_of(self.theta), self.update.save()
        self.sampler.mark()
        self.marked_step = self.update.t

    def rewind(self):
        """Go back to the last `mark`; records that nobody has taken are lost."""
        self.records.clear()
        theta, update = self.marked
        self.vectors[0, :self.n_params] = theta
        self.update.load(update)
        self.sampler.rewind()


cdef class General(Solver):
    """General(objective, update, sampler, theta)\n--\n
    Draw, point, gradient, step: any objective, any rule.
    """

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Py_ssize_t t
        cdef int status = OK
        for t in range(steps):
            status = self.one_step(lr[t], momentum[t])
            if status != OK:
                break
            taken[0] += 1
        return status


cdef class Watched(General):
    """Watched(objective, update, sampler, theta, *, dampening=0.0)\n--\n
    The general way, which sums the two sides of the fluctuation-dissipation relation.

    Of steps d' = γ d - e g these are θ·g and (1 + γ)/(2e) ‖d'‖², d' being the step taken and e the
    rate times 1 - `dampening`; NaN: times 1 - γ.
    """
    cdef double dampening
    cdef object marked_sums

    def __init__(self, *arguments, double dampening=0.0):
        super().__init__(*arguments)
        self.dampening = dampening
        self.n_columns = 7

    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil:
        cdef Py_ssize_t t
        cdef int status = OK
        cdef double fresh
        cdef double terms[2]
        for t in range(steps):
            memcpy(self.room, self.theta, self.n_params * sizeof(double))
            status = self.one_step(lr[t], momentum[t])
            if status != OK:
                break
            fresh = momentum[t] if self.dampening != self.dampening else self.dampening
            both_terms(self.room, self.theta, self.gradient, self.n_params, terms)
            self.dissipated += terms[0]
            self.fluctuated += (1.0 + momentum[t]) / (2.0 * lr[t] * (1.0 - fresh)) * terms[1]
            taken[0] += 1
        return status

    def save(self):
        return {**super().save(), "sums": np.array([self.dissipated, self.fluctuated])}

    def load(self, saved):
        super().load(saved)
        self.dissipated, self.fluctuated = saved["sums"]

    def mark(self):
        super().mark()
        self.marked_sums = self.dissipated, self.fluctuated

    def rewind(self):
        super().rewind()
        self.dissipated, self.fluctuated = self.marked_sums

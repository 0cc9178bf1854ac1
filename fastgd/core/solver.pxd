# cdef class Solver: one run's way of stepping. It owns theta, and whatever of it is put off.
from cython cimport final
from libc.stdint cimport int64_t

from .objective cimport Objective
from .sampling cimport Sampler
from .team cimport Team
from .update cimport Update


cdef class Solver:
    cdef readonly Objective objective
    cdef readonly Update update
    cdef readonly Sampler sampler
    cdef public Team team                  # the threads that share gradients; None: this one alone
    cdef readonly Py_ssize_t n_params
    cdef object vectors                    # theta, the gradient, and room for `here` and records
    cdef double *theta
    cdef double *gradient
    cdef double *room
    cdef double *spare
    cdef object marked
    cdef readonly int64_t marked_step
    cdef double clip_norm                  # infinite where the gradient is taken as it is
    cdef double clip_value
    cdef bint clipped
    cdef public double last_lr             # of the step taken last; NaN before the first
    cdef readonly list records             # tables of step, loss, grad_norm, lr and time: see take
    cdef Py_ssize_t n_columns              # of such a table: a Watched's sums are two more
    cdef double dissipated, fluctuated

    # To be written by each: up to `steps` steps, their number into *taken. What is returned is OK,
    # or FAILED after an exception of the objective; the step that failed changed nothing.
    cdef int advance(self, const double *lr, const double *momentum, Py_ssize_t steps,
                     Py_ssize_t *taken) noexcept nogil
    # theta as it is, with what was put off: itself, or the room for a copy.
    cdef const double *here(self) noexcept nogil

    # One step as every objective and every rule can take it.
    @final
    cdef int one_step(self, double lr, double momentum) noexcept nogil

    @final
    cdef int pass_on(self) noexcept nogil

    @final
    cdef void clip_gradient(self) noexcept nogil

    @final
    cdef int go_on(self, const double *lr, const double *momentum, Py_ssize_t steps,
                   Py_ssize_t record_every, Py_ssize_t total, Py_ssize_t recorded,
                   double *columns, Py_ssize_t *filled) noexcept nogil

    @final
    cdef int measure(self, double *loss, double *norm) noexcept nogil

    @final
    cdef bint is_finite(self) noexcept nogil

    @final
    cdef object copy_of(self, const double *vector)

# cdef class Update: the state of one optimizer in one run, and how it takes a step.
#
# Only the base is declared here: a new optimizer is a class and a kernel in rules.pyx,
# adam.pyx or around.pyx.
from cython cimport final
from libc.stdint cimport int64_t

from .penalties cimport Penalty, Span

cdef extern from "dispatch.h" nogil:
    int64_t look "fastgd_look"(const int64_t *number)
    void show "fastgd_show"(int64_t *number, int64_t value)

cdef enum:
    MAX_SLOTS = 8


cdef inline void count(int64_t *number, int64_t amount) noexcept nogil:
    show(number, number[0] + amount)


cdef class Update:
    cdef readonly Py_ssize_t n_params
    cdef int64_t t                           # steps taken; other threads may ask, so see `count`
    cdef readonly double weight_decay
    cdef readonly bint sparse                # `apply_at` is written, and needs no other coordinate
    cdef bint by_span                        # `apply` wants to see each span by itself
    cdef readonly object optimizer
    cdef object error                        # of a rule in Python, whose step then changed nothing
    cdef readonly Penalty penalty
    cdef double *rates_of_step               # room for `metric`, where the penalty is proximal
    cdef readonly Update inner               # of a rule around another one, that one's state
    cdef object memory                       # the slots, one row each
    cdef object scalar_memory
    cdef int64_t users                       # 1 while a run is using this state
    cdef double *slot[MAX_SLOTS]
    cdef double *scalars                     # numbers that change from step to step
    cdef double *found_rate                  # of the last step, where the rule finds it; or NULL
    cdef Py_ssize_t n_spans
    cdef Span *spans
    # For opt.step: the rates, where they are constant.
    cdef double lr, momentum
    cdef object rates                        # where they move: asked for many steps at once
    cdef double[::1] known_lr
    cdef double[::1] known_momentum
    cdef int64_t first_known, first_unknown

    # May be written by each rule. `begin` is called once a step, before `apply`, which updates the
    # coordinates start <= j < stop after multiplying them by `keep` (1, or 1 - lr * weight_decay).
    cdef void begin(self, double lr, double momentum) noexcept nogil
    cdef void apply(self, double *theta, const double *gradient, Py_ssize_t start, Py_ssize_t stop,
                    double lr, double momentum, double keep) noexcept nogil
    # May be written: the same for the coordinates where a sparse gradient may differ from 0.
    cdef void apply_at(self, double *theta, const double *gradient, const int64_t *touched,
                       Py_ssize_t n_touched, double lr, double momentum) noexcept nogil
    # May be written by a rule whose rate differs from coordinate to coordinate: that of each in the
    # step just applied, as `rates_of_step` or another vector; NULL: lr for all.
    cdef const double *metric(self, Py_ssize_t start, Py_ssize_t stop, double lr,
                              double momentum) noexcept nogil

    # That of most: lr / (sqrt(v_scale v + eps_root) + eps), written into `rates_of_step`.
    @final
    cdef const double *root_rates(self, const double *v, Py_ssize_t start, Py_ssize_t stop,
                                  double lr, double v_scale, double eps,
                                  double eps_root) noexcept nogil
    # The proximal step of the penalty, in that metric.
    cdef void proximal(self, double *theta, double lr, double momentum) noexcept nogil
    # Where the gradient of the coming step is taken: theta, but for look-ahead methods.
    cdef const double *point(self, const double *theta, double lr, double momentum) noexcept nogil

    cdef void step(self, double *theta, const double *gradient, double lr,
                   double momentum) noexcept nogil
    cdef void step_at(self, double *theta, const double *gradient, const int64_t *touched,
                      Py_ssize_t n_touched, double lr, double momentum) noexcept nogil

    # A run calls `claim` before it changes anything here, and `release` when it is over.
    @final
    cdef int claim(self) except -1

    @final
    cdef void release(self) noexcept nogil

    @final
    cdef int ask_rates(self) except -1

    @final
    cdef int check_saved(self, saved) except -1

# The loop: one chunk of steps without the GIL. It ties together where the gradient is taken, which
# rows a step sees, the objective and the update, and knows nothing else about any of them.

from libc.stdint cimport int64_t

from .objective cimport OK, UNSUPPORTED, Objective, check
from .sampling cimport Batch, Sampler
from .update cimport Update
from .vector cimport kernel_void


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


cdef inline bint finite(const double *x, Py_ssize_t n) noexcept nogil:
    cdef double zero
    add_zeros(x, n, &zero)
    return zero == 0.0


cdef extern from "dispatch.h" nogil:
    const char *simd_level_of_cpu "fastgd_simd_level"()
    const char *compiler_of_core "fastgd_compiler"()


def simd_level():
    """The instruction set whose copies of the kernels run here."""
    return simd_level_of_cpu().decode()


def compiler():
    """What compiled the core."""
    return compiler_of_core().decode()


def all_finite(const double[::1] x):
    """Whether no entry is NaN or infinite."""
    cdef bint answer = True
    if x.shape[0]:
        with nogil:
            answer = finite(&x[0], x.shape[0])
    return answer


def run(Objective objective not None, Update update not None, Sampler sampler not None,
        double[::1] theta not None, double[::1] gradient not None, const double[::1] lr not None,
        const double[::1] momentum not None, bint watch=False):
    """Take ``len(lr)`` steps in place; the number taken.

    With `watch` it stops after the first step whose result is not finite. It also stops at an
    exception of the objective, which is raised by `check`, theta being as it was before that step.

    Raises
    ------
    RuntimeError
        The objective, the update or the sampler is in use by another run.
    """
    if theta.shape[0] != objective.n_params or update.n_params != objective.n_params \
            or gradient.shape[0] != objective.n_params or momentum.shape[0] != lr.shape[0]:
        raise ValueError("the objective, the update and the vectors are of different sizes")
    update.claim()
    try:
        objective.claim()
        try:
            sampler.claim()
            try:
                return take(objective, update, sampler, theta, gradient, lr, momentum, watch)
            finally:
                sampler.release()
        finally:
            objective.release()
    finally:
        update.release()


cdef Py_ssize_t take(Objective objective, Update update, Sampler sampler, double[::1] theta,
                     double[::1] gradient, const double[::1] lr, const double[::1] momentum,
                     bint watch) except -1:
    cdef Py_ssize_t steps = lr.shape[0], t, i, n_touched
    cdef double *parameters = &theta[0]
    cdef double *slope = &gradient[0]
    cdef const double *point
    cdef const int64_t *touched
    cdef Batch batch
    cdef int status = OK
    # A sparse gradient is all zeros between two steps.
    cdef bint sparse = objective.sparse and update.sparse
    if sparse:
        gradient[:] = 0.0
    # Plain SGD with one row a step: the objective takes a stretch of such steps at once.
    cdef bint singles = update.plain and sampler.batch_size == 1 and objective.takes_singles
    sampler.begin(steps)
    with nogil:
        t = 0
        while singles and t < steps:
            sampler.draw_singles(1 if watch else steps - t, &batch)
            objective.descend_singles(parameters, &batch, &lr[t],
                                      objective.l2 + update.weight_decay)
            t += batch.count
            update.t += batch.count
            if watch and not finite(objective.true_theta(parameters), objective.n_params):
                break
        while not singles and t < steps:
            sampler.draw(&batch)
            if sparse:
                n_touched = objective.gradient_at(parameters, &batch, slope, &touched)
                update.step_at(parameters, slope, touched, n_touched, lr[t], momentum[t])
                for i in range(n_touched):
                    slope[touched[i]] = 0.0
            else:
                status = UNSUPPORTED
                if update.plain:
                    status = objective.descend(parameters, &batch, lr[t],
                                               objective.l2 + update.weight_decay)
                    if status == OK:
                        update.t += 1
                if status == UNSUPPORTED:
                    if objective.late:
                        objective.catch_up(parameters)
                        objective.forget()
                    point = update.point(parameters, lr[t], momentum[t])
                    status = objective.gradient(point, &batch, slope)
                    if status == OK:
                        update.step(parameters, slope, lr[t], momentum[t])
                if status != OK:
                    break
            t += 1
            if watch and not finite(objective.true_theta(parameters), objective.n_params):
                break
    check(objective, status)
    return t

# Epochs of small batches in an order that is given, with the losses of the batches summed up as
# they are met: what scikit-learn's networks record and stop by. Each batch's loss and gradient come
# in one pass, the l2 penalty counts once a batch, and the rows' weights are those within the batch.
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint64_t

from .flush cimport flush, unflush
from .objective cimport OK, Objective, check
from .sampling cimport Batch
from .update cimport Update
from .vector cimport kernel_void, square_sum
from .vector cimport scale as scale_vector

import numpy as np


# v <- momentum v - lr g, then theta + v, or with `ahead` theta + momentum v - lr g. The rate is
# part of the velocity, so it counts where it moves.
cdef kernel_void velocity_kernel(double *theta, const double *gradient, double *velocity,
                                 Py_ssize_t n_params, double lr, double momentum,
                                 bint ahead) noexcept nogil:
    cdef Py_ssize_t j
    if ahead:
        for j in range(n_params):
            velocity[j] = momentum * velocity[j] - lr * gradient[j]
            theta[j] += momentum * velocity[j] - lr * gradient[j]
    else:
        for j in range(n_params):
            velocity[j] = momentum * velocity[j] - lr * gradient[j]
            theta[j] += velocity[j]


# Adam with both corrections in the rate, as at the end of section 2 of Kingma and Ba 2015, and so
# with eps beside the uncorrected root: theta <- theta - lr m / (sqrt(v) + eps).
cdef kernel_void moments_kernel(double *theta, const double *gradient, double *m, double *v,
                                Py_ssize_t n_params, double lr, double beta1, double beta2,
                                double eps) noexcept nogil:
    cdef Py_ssize_t j
    cdef double rest1 = 1.0 - beta1, rest2 = 1.0 - beta2
    for j in range(n_params):
        m[j] = beta1 * m[j] + rest1 * gradient[j]
        v[j] = beta2 * v[j] + rest2 * (gradient[j] * gradient[j])
        theta[j] -= lr * m[j] / (sqrt(v[j]) + eps)


cdef kernel_void penalise(double *gradient, const double *theta, Py_ssize_t start, Py_ssize_t stop,
                          double decay, double *squares) noexcept nogil:
    cdef Py_ssize_t j
    squares[0] += square_sum(theta + start, stop - start)
    for j in range(start, stop):
        gradient[j] += decay * theta[j]


cdef kernel_void multiply(double *vector, double factor, Py_ssize_t n) noexcept nogil:
    scale_vector(factor, vector, n)


cdef class Epochs:
    """Epochs(objective, theta, update=None, velocity=None, ahead=False, *, moments=None, \
betas=(0.9, 0.999), eps=1e-8, scale=1.0, alpha=0.0, row_weights=None)\n\
--\n
    A network, or any objective over rows, that is trained epoch by epoch.

    Parameters
    ----------
    objective : core.objective.Objective, without a penalty
    theta : (n_params,) float64, changed in place
    update : core.update.Update, which takes the steps
    velocity : (n_params,) float64, changed in place, of SGD with momentum where there is no update
    ahead : bool
        Whether that is Nesterov's.
    moments : (2, n_params) float64, changed in place, of Adam where there is neither
    betas, eps : two floats and a float, of that Adam, whose rates hold its corrections
    scale : float, default 1
        The objective is multiplied by it.
    alpha : float, default 0
        alpha/2 times the square norm of the weights, over the batch's rows, is added.
    row_weights : (n,) float64, optional
        Those that the objective has.
    """
    cdef Objective objective
    cdef Update update
    cdef double[::1] theta
    cdef double[::1] velocity
    cdef double[:, ::1] moments
    cdef double[::1] gradient
    cdef double beta1, beta2, eps
    cdef const double[::1] row_weights
    cdef double factor, alpha
    cdef bint ahead

    def __init__(self, Objective objective not None, double[::1] theta not None,
                 Update update=None, double[::1] velocity=None, bint ahead=False, *,
                 double[:, ::1] moments=None, betas=(0.9, 0.999), double eps=1e-8,
                 double scale=1.0, double alpha=0.0, const double[::1] row_weights=None):
        ways = (update is not None) + (velocity is not None) + (moments is not None)
        if theta.shape[0] != objective.n_params or ways != 1:
            raise ValueError("theta is of another size, or there is not one way of stepping")
        if moments is not None and (moments.shape[0] != 2
                                    or moments.shape[1] != objective.n_params):
            raise ValueError("the moments are of another size than theta")
        if velocity is not None and velocity.shape[0] != objective.n_params:
            raise ValueError("the velocity is of another size than theta")
        if update is not None and update.n_params != objective.n_params:
            raise ValueError("the update is of another size than theta")
        if row_weights is not None and row_weights.shape[0] != objective.n_samples:
            raise ValueError("there must be one weight for each row")
        self.objective, self.update, self.theta, self.velocity = objective, update, theta, velocity
        self.gradient = np.empty(objective.n_params)
        self.factor, self.alpha, self.row_weights = scale, alpha, row_weights
        self.ahead, self.moments = ahead, moments
        self.beta1, self.beta2 = betas
        self.eps = eps

    def take(self, const int64_t[::1] order not None, Py_ssize_t batch_size,
             const double[::1] lr not None, const double[::1] momentum not None):
        """One epoch; the mean over the rows of the losses, and of the penalties, of their batches.

        Parameters
        ----------
        order : (m,) int64, numbers of rows
        batch_size : int; the last batch may be short
        lr, momentum : (ceil(m / batch_size),) float64

        Raises
        ------
        IndexError, ValueError
            A number of a row that there is not; too few rates.
        RuntimeError
            The objective or the update is in use by another thread.
        """
        cdef Py_ssize_t count = order.shape[0], done = 0, t = 0, i
        cdef double part, losses = 0.0, penalties = 0.0, penalty
        cdef int status = OK
        cdef uint64_t mode
        if batch_size < 1 or count < 1 or (count + batch_size - 1) // batch_size != lr.shape[0] \
                or momentum.shape[0] != lr.shape[0]:
            raise ValueError("there must be a rate and a momentum for each batch")
        for i in range(count):
            if order[i] < 0 or order[i] >= self.objective.n_samples:
                raise IndexError(f"order[{i}] is {order[i]}, outside the rows")
        self.objective.claim()
        try:
            if self.update is not None:
                self.update.claim()
            try:
                with nogil:
                    mode = flush()
                    while done < count and status == OK:
                        penalty = 0.0
                        status = self.step(&order[done], min(batch_size, count - done),
                                           count - done, lr[t], momentum[t], &part, &penalty)
                        losses += part * <double>min(batch_size, count - done)
                        penalties += penalty * <double>min(batch_size, count - done)
                        done += min(batch_size, count - done)
                        t += 1
                    unflush(mode)
            finally:
                if self.update is not None:
                    self.update.release()
        finally:
            self.objective.release()
        check(self.objective, status)
        self.objective.hear_signals()
        check(self.objective, OK)
        return losses / count, penalties / count

    cdef int step(self, const int64_t *rows, Py_ssize_t count, Py_ssize_t known, double lr,
                  double momentum, double *loss, double *penalty) noexcept nogil:
        cdef Batch batch
        cdef Py_ssize_t i, n = self.objective.n_params
        cdef double factor = self.factor, total = 0.0, squares = 0.0, decay
        cdef const double *point = &self.theta[0]
        cdef int status
        batch.indices, batch.first = rows, 0
        batch.count, batch.ahead = count, known - count
        if self.update is not None:
            point = self.update.point(point, lr, momentum)
        status = self.objective.both(point, &batch, loss, &self.gradient[0])
        if status != OK:
            return status
        decay = self.alpha / <double>count
        if self.row_weights is not None:
            for i in range(count):
                total += self.row_weights[rows[i]]
            factor *= <double>count / total
            decay = self.alpha / total
        loss[0] *= factor
        if factor != 1.0:
            multiply(&self.gradient[0], factor, n)
        for i in range(self.objective.n_spans):
            if self.objective.spans[i].penalized:
                penalise(&self.gradient[0], point, self.objective.spans[i].start,
                         self.objective.spans[i].stop, decay, &squares)
        penalty[0] = 0.5 * decay * squares
        if self.moments is not None:
            moments_kernel(&self.theta[0], &self.gradient[0], &self.moments[0, 0],
                           &self.moments[1, 0], n, lr, self.beta1, self.beta2, self.eps)
        elif self.update is None:
            velocity_kernel(&self.theta[0], &self.gradient[0], &self.velocity[0], n, lr, momentum,
                            self.ahead)
        else:
            self.update.step(&self.theta[0], &self.gradient[0], lr, momentum)
        return OK

# Per-sample losses and their derivatives with respect to the margin, vectorised over a batch: one
# kernel and one class each. Formulas, parameters and sources stand in fastgd/losses.py.
#
# A kernel has two loops, since a choice inside one would keep it scalar; the one of derivatives is
# also what plain SGD calls for each single row. y is the target, z the margin, s = 2y - 1.
#
# exp (exponential.pxd) and log1p are our own: a call of the C library keeps a loop scalar.
# Both are within 2 units in the last place (tests/test_losses.py measures them against long
# double), and a batch of one gives the same bits as a batch of many.
from libc.math cimport fabs, sqrt

from .exponential cimport LN2_HIGH, LN2_LOW, exp
from .vector cimport kernel_void

import re

import numpy as np


cdef inline double log1p_of_unit(double u) noexcept nogil:
    # log(1 + u) for 0 <= u <= 1. Above sqrt(2) - 1 it is ln 2 + log(1 + f) with
    # f = (u - 1)/2, so |f| <= 0.42 always; then with s = f/(2 + f) and
    # log(1 + f) = 2 artanh(s) = f - f²/2 + s (f²/2 + R), R = 2 s² (1/3 + s²/5 + s⁴/7 + ...).
    cdef double large = 1.0 if u > 0.41421356237309503 else 0.0
    cdef double f = 0.5 * (u - 1.0) if u > 0.41421356237309503 else u
    cdef double s = f / (2.0 + f)
    cdef double z = s * s
    cdef double half_square = 0.5 * f * f
    cdef double p = 0.086956521739130434783
    p = p * z + 0.095238095238095238095
    p = p * z + 0.10526315789473684211
    p = p * z + 0.11764705882352941176
    p = p * z + 0.13333333333333333333
    p = p * z + 0.15384615384615384615
    p = p * z + 0.18181818181818181818
    p = p * z + 0.22222222222222222222
    p = p * z + 0.28571428571428571429
    p = p * z + 0.4
    p = p * z + 0.66666666666666666667
    p = z * p
    return large * LN2_HIGH + (f - (half_square - (s * (half_square + p) + large * LN2_LOW)))


cdef class Loss:
    """Loss(n_outputs=1, parameters=())\n--\n
    A loss of one margin, or of n_outputs margins, and of its target or targets.
    """

    def __init__(self, Py_ssize_t n_outputs=1, parameters=()):
        cdef Py_ssize_t i
        if n_outputs < 1 or len(parameters) > MOST_PARAMETERS or self.kernel == NULL:
            raise ValueError(f"{type(self).__name__} cannot be made with {n_outputs} outputs and "
                             f"{len(parameters)} parameters")
        self.n_outputs = n_outputs
        self.n_targets = 1 if self.joint else n_outputs
        for i in range(len(parameters)):
            self.parameters[i] = parameters[i]

    cdef void values(self, double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil:
        cdef Py_ssize_t i, k, width = self.n_targets
        self.kernel(margins, targets, count * width, self.n_outputs, self.parameters, out)
        if width > 1:
            for i in range(count):
                out[i] = out[i * width]
                for k in range(1, width):
                    out[i] += out[i * width + k]

    cdef void slopes(self, double *margins, const double *targets,
                     Py_ssize_t count) noexcept nogil:
        self.kernel(margins, targets, count * self.n_targets, self.n_outputs, self.parameters,
                    NULL)

    def evaluate(self, const double[:, ::1] margins, targets):
        """Per-sample losses and their derivatives with respect to the margins."""
        cdef Py_ssize_t count = margins.shape[0]
        y = np.ascontiguousarray(targets, dtype=np.float64)
        if margins.shape[1] != self.n_outputs or y.size != count * self.n_targets:
            raise ValueError("margins must be (n, n_outputs), and targets fit them")
        losses = np.empty(count * self.n_targets)
        slopes = np.array(margins)
        cdef double[::1] losses_view = losses
        cdef double[:, ::1] slopes_view = slopes
        cdef const double[::1] y_view = y.reshape(-1)
        if count:
            with nogil:
                self.values(&slopes_view[0, 0], &y_view[0], count, &losses_view[0])
                self.slopes(&slopes_view[0, 0], &y_view[0], count)
        return losses[:count], slopes


# (y - z)²
cdef inline double squared_slope(double z, double y) noexcept nogil:
    return 2.0 * (z - y)


cdef kernel_void squared_kernel(double *margins, const double *targets, Py_ssize_t count,
                                Py_ssize_t n_outputs, const double *parameters,
                                double *values) noexcept nogil:
    cdef Py_ssize_t i
    if values != NULL:
        for i in range(count):
            values[i] = (margins[i] - targets[i]) * (margins[i] - targets[i])
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = squared_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = squared_slope(margins[i], targets[i])


cdef class SquaredLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = squared_kernel


# log(1 + exp(-s z)), derivative -s sigmoid(-s z): in this form neither overflows, nor loses digits
# to 1 - (1 - tiny).
cdef inline double logistic_slope(double z, double y) noexcept nogil:
    cdef double sign = 2.0 * y - 1.0
    return -sign / (1.0 + exp(sign * z))


cdef kernel_void logistic_kernel(double *margins, const double *targets, Py_ssize_t count,
                                 Py_ssize_t n_outputs, const double *parameters,
                                 double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double z, size
    if values != NULL:
        for i in range(count):
            z = (2.0 * targets[i] - 1.0) * margins[i]
            size = z if z > 0.0 else -z
            values[i] = (0.0 if z > 0.0 else -z) + log1p_of_unit(exp(-size))
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = logistic_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = logistic_slope(margins[i], targets[i])


cdef class LogisticLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = logistic_kernel


cdef extern from "math.h" nogil:
    double log(double x)
    double log1p(double x)


cdef inline double largest(const double *row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    cdef double top = row[0]
    for k in range(1, n):
        # A NaN anywhere must come out, so that a diverged run is seen.
        top = row[k] if row[k] > top or row[k] != row[k] else top
    return top


cdef kernel_void softmax_values(const double *margins, const double *targets, Py_ssize_t count,
                                Py_ssize_t n_classes, double *out) noexcept nogil:
    cdef Py_ssize_t i, k, y
    cdef const double *row
    cdef double top, others
    for i in range(count):
        row = margins + i * n_classes
        top = largest(row, n_classes)
        y = <Py_ssize_t>targets[i]
        others = 0.0
        for k in range(y):
            others += exp(row[k] - top)
        for k in range(y + 1, n_classes):
            others += exp(row[k] - top)
        # Where y wins by far the loss is about `others`, which 1 + others would swallow.
        if row[y] == top:
            out[i] = log1p(others)
        else:
            out[i] = log(others + exp(row[y] - top)) - (row[y] - top)


cdef kernel_void softmax_derivatives(double *margins, const double *targets, Py_ssize_t count,
                                     Py_ssize_t n_classes) noexcept nogil:
    cdef Py_ssize_t i, k, y
    cdef double *row
    cdef double top, own, others, scale
    for i in range(count):
        row = margins + i * n_classes
        # A NaN that is not the first is no maximum, but stays in its place.
        top = row[0]
        for k in range(1, n_classes):
            top = row[k] if row[k] > top else top
        for k in range(n_classes):
            row[k] -= top
    # Of all samples in one loop, whose vectors know no ends of rows.
    for i in range(count * n_classes):
        margins[i] = exp(margins[i])
    for i in range(count):
        row = margins + i * n_classes
        # The derivative of y is p_y - 1 = -(the others' share), which does not cancel.
        y = <Py_ssize_t>targets[i]
        own = row[y]
        row[y] = 0.0
        others = 0.0
        for k in range(n_classes):
            others += row[k]
        scale = 1.0 / (own + others)
        for k in range(n_classes):
            row[k] *= scale
        row[y] = -others * scale


# -ln softmax(z)_y, y in {0..n_outputs - 1}
cdef void softmax_kernel(double *margins, const double *targets, Py_ssize_t count,
                         Py_ssize_t n_outputs, const double *parameters,
                         double *values) noexcept nogil:
    if values != NULL:
        softmax_values(margins, targets, count, n_outputs, values)
    else:
        softmax_derivatives(margins, targets, count, n_outputs)


cdef class SoftmaxLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = softmax_kernel
        self.joint = True


# max(0, threshold - s z), derivative -s up to the kink and on it
cdef inline double hinge_slope(double z, double y, double threshold) noexcept nogil:
    cdef double sign = 2.0 * y - 1.0
    return 0.0 if sign * z > threshold else -sign


cdef kernel_void hinge_kernel(double *margins, const double *targets, Py_ssize_t count,
                              Py_ssize_t n_outputs, const double *parameters,
                              double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double threshold = parameters[0], lack
    if values != NULL:
        for i in range(count):
            lack = threshold - (2.0 * targets[i] - 1.0) * margins[i]
            values[i] = 0.0 if lack < 0.0 else lack
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = hinge_slope(margins[0], targets[0], threshold)
    else:
        for i in range(count):
            margins[i] = hinge_slope(margins[i], targets[i], threshold)


cdef class HingeLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = hinge_kernel
        self.parameters[0] = 1.0


cdef class PerceptronLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = hinge_kernel
        self.parameters[0] = 0.0


# max(0, 1 - s z)²
cdef inline double squared_hinge_slope(double z, double y) noexcept nogil:
    cdef double sign = 2.0 * y - 1.0
    cdef double lack = 1.0 - sign * z
    return 0.0 if lack < 0.0 else -2.0 * sign * lack


cdef kernel_void squared_hinge_kernel(double *margins, const double *targets, Py_ssize_t count,
                                      Py_ssize_t n_outputs, const double *parameters,
                                      double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double lack
    if values != NULL:
        for i in range(count):
            lack = 1.0 - (2.0 * targets[i] - 1.0) * margins[i]
            values[i] = 0.0 if lack < 0.0 else lack * lack
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = squared_hinge_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = squared_hinge_slope(margins[i], targets[i])


cdef class SquaredHingeLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = squared_hinge_kernel


# (1 - s z)² from s z = -1 to 1, -4 s z below, 0 above
cdef inline double modified_huber_slope(double z, double y) noexcept nogil:
    cdef double sign = 2.0 * y - 1.0
    cdef double m = sign * z
    return 0.0 if m >= 1.0 else (-4.0 * sign if m < -1.0 else -2.0 * sign * (1.0 - m))


cdef kernel_void modified_huber_kernel(double *margins, const double *targets, Py_ssize_t count,
                                       Py_ssize_t n_outputs, const double *parameters,
                                       double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double z
    if values != NULL:
        for i in range(count):
            z = (2.0 * targets[i] - 1.0) * margins[i]
            values[i] = 0.0 if z >= 1.0 else (
                -4.0 * z if z < -1.0 else (1.0 - z) * (1.0 - z))
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = modified_huber_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = modified_huber_slope(margins[i], targets[i])


cdef class ModifiedHuberLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = modified_huber_kernel


# r²/2 for |r| <= epsilon, else epsilon |r| - epsilon²/2, with r = z - y
cdef inline double huber_slope(double z, double y, double epsilon) noexcept nogil:
    cdef double r = z - y
    return epsilon if r > epsilon else (-epsilon if r < -epsilon else r)


cdef kernel_void huber_kernel(double *margins, const double *targets, Py_ssize_t count,
                              Py_ssize_t n_outputs, const double *parameters,
                              double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double epsilon = parameters[0], size
    if values != NULL:
        for i in range(count):
            size = fabs(margins[i] - targets[i])
            values[i] = epsilon * size - 0.5 * epsilon * epsilon if size > epsilon else (
                0.5 * size * size)
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = huber_slope(margins[0], targets[0], epsilon)
    else:
        for i in range(count):
            margins[i] = huber_slope(margins[i], targets[i], epsilon)


cdef class HuberLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = huber_kernel


# epsilon² (sqrt(1 + (r/epsilon)²) - 1), so written that nothing cancels or overflows
cdef inline double pseudo_huber_slope(double z, double y, double epsilon) noexcept nogil:
    cdef double r = z - y, q = r / epsilon
    return epsilon if q > 1e8 else (-epsilon if q < -1e8 else r / sqrt(1.0 + q * q))


cdef kernel_void pseudo_huber_kernel(double *margins, const double *targets, Py_ssize_t count,
                                     Py_ssize_t n_outputs, const double *parameters,
                                     double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double epsilon = parameters[0], size, q
    if values != NULL:
        for i in range(count):
            size = fabs(margins[i] - targets[i])
            q = size / epsilon
            values[i] = epsilon * (size - epsilon) if q > 1e8 else (
                size * (size / (1.0 + sqrt(1.0 + q * q))))
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = pseudo_huber_slope(margins[0], targets[0], epsilon)
    else:
        for i in range(count):
            margins[i] = pseudo_huber_slope(margins[i], targets[i], epsilon)


cdef class PseudoHuberLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = pseudo_huber_kernel


# max(0, |r| - epsilon)
cdef inline double epsilon_insensitive_slope(double z, double y, double epsilon) noexcept nogil:
    cdef double r = z - y
    return 1.0 if r > epsilon else (-1.0 if r < -epsilon else 0.0)


cdef kernel_void epsilon_insensitive_kernel(double *margins, const double *targets,
                                            Py_ssize_t count, Py_ssize_t n_outputs,
                                            const double *parameters,
                                            double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double epsilon = parameters[0], r
    if values != NULL:
        for i in range(count):
            r = fabs(margins[i] - targets[i]) - epsilon
            values[i] = 0.0 if r < 0.0 else r
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = epsilon_insensitive_slope(margins[0], targets[0], epsilon)
    else:
        for i in range(count):
            margins[i] = epsilon_insensitive_slope(margins[i], targets[i], epsilon)


cdef class EpsilonInsensitiveLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = epsilon_insensitive_kernel


# max(0, |r| - epsilon)²
cdef inline double squared_epsilon_insensitive_slope(double z, double y,
                                                     double epsilon) noexcept nogil:
    cdef double r = z - y
    return 2.0 * (r - epsilon) if r > epsilon else (2.0 * (r + epsilon) if r < -epsilon else 0.0)


cdef kernel_void squared_epsilon_insensitive_kernel(double *margins, const double *targets,
                                                    Py_ssize_t count, Py_ssize_t n_outputs,
                                                    const double *parameters,
                                                    double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double epsilon = parameters[0], r
    if values != NULL:
        for i in range(count):
            r = fabs(margins[i] - targets[i]) - epsilon
            values[i] = 0.0 if r < 0.0 else r * r
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = squared_epsilon_insensitive_slope(margins[0], targets[0], epsilon)
    else:
        for i in range(count):
            margins[i] = squared_epsilon_insensitive_slope(margins[i], targets[i], epsilon)


cdef class SquaredEpsilonInsensitiveLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = squared_epsilon_insensitive_kernel


# q max(0, y - z) + (1 - q) max(0, z - y), derivative 0 on the kink
cdef inline double quantile_slope(double z, double y, double q) noexcept nogil:
    cdef double r = z - y
    return -q if r < 0.0 else (1.0 - q if r > 0.0 else 0.0)


cdef kernel_void quantile_kernel(double *margins, const double *targets, Py_ssize_t count,
                                 Py_ssize_t n_outputs, const double *parameters,
                                 double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double q = parameters[0], r
    if values != NULL:
        for i in range(count):
            r = margins[i] - targets[i]
            values[i] = -q * r if r < 0.0 else (1.0 - q) * r
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = quantile_slope(margins[0], targets[0], q)
    else:
        for i in range(count):
            margins[i] = quantile_slope(margins[i], targets[i], q)


cdef class QuantileLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = quantile_kernel


# exp(z) - y z
cdef inline double poisson_slope(double z, double y) noexcept nogil:
    return exp(z) - y


cdef kernel_void poisson_kernel(double *margins, const double *targets, Py_ssize_t count,
                                Py_ssize_t n_outputs, const double *parameters,
                                double *values) noexcept nogil:
    cdef Py_ssize_t i
    if values != NULL:
        for i in range(count):
            values[i] = exp(margins[i]) - targets[i] * margins[i]
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = poisson_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = poisson_slope(margins[i], targets[i])


cdef class PoissonLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = poisson_kernel


# z + y exp(-z)
cdef inline double gamma_slope(double z, double y) noexcept nogil:
    return 1.0 - y * exp(-z)


cdef kernel_void gamma_kernel(double *margins, const double *targets, Py_ssize_t count,
                              Py_ssize_t n_outputs, const double *parameters,
                              double *values) noexcept nogil:
    cdef Py_ssize_t i
    if values != NULL:
        for i in range(count):
            values[i] = margins[i] + targets[i] * exp(-margins[i])
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = gamma_slope(margins[0], targets[0])
    else:
        for i in range(count):
            margins[i] = gamma_slope(margins[i], targets[i])


cdef class GammaLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = gamma_kernel


# exp((2 - p) z)/(2 - p) - y exp((1 - p) z)/(1 - p)
cdef inline double tweedie_slope(double z, double y, double up, double down) noexcept nogil:
    return exp(up * z) - y * exp(down * z)


cdef kernel_void tweedie_kernel(double *margins, const double *targets, Py_ssize_t count,
                                Py_ssize_t n_outputs, const double *parameters,
                                double *values) noexcept nogil:
    cdef Py_ssize_t i
    cdef double up = 2.0 - parameters[0], down = 1.0 - parameters[0]
    if values != NULL:
        for i in range(count):
            values[i] = exp(up * margins[i]) / up - targets[i] * exp(down * margins[i]) / down
    elif count == 1:  # a step of plain SGD, which should not pay for a loop
        margins[0] = tweedie_slope(margins[0], targets[0], up, down)
    else:
        for i in range(count):
            margins[i] = tweedie_slope(margins[i], targets[i], up, down)


cdef class TweedieLoss(Loss):
    def __cinit__(self, *_):
        self.kernel = tweedie_kernel


def name_of(kind):
    """The name of the loss that a class computes: SquaredHingeLoss is squared_hinge."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__.removesuffix("Loss")).lower()


LOSSES = {name_of(kind): kind for name, kind in list(globals().items())
          if name.endswith("Loss") and name != "Loss"}


cpdef Loss make(loss, Py_ssize_t n_outputs=1):
    """The compiled loss of a dataclass of fastgd.losses."""
    kind = type(loss).kernel or LOSSES[loss.name]
    return kind(n_outputs, loss.parameters)

# Per-sample losses and their derivatives with respect to the margin, vectorised over a batch.
#
# exp (exponential.pxd) and log1p are our own: a call of the C library keeps a loop scalar.
# Both are within 2 units in the last place (tests/test_losses.py measures them against long
# double), and a batch of one gives the same bits as a batch of many.
from .exponential cimport LN2_HIGH, LN2_LOW, exp
from .vector cimport kernel_void


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
    """Loss(n_outputs=1)\n--\n
    A loss of one margin, or of n_outputs margins, and one target.
    """

    def __init__(self, Py_ssize_t n_outputs=1):
        self.n_outputs = n_outputs

    cdef void values(self, const double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil:
        pass

    cdef void derivatives(self, double *margins, const double *targets,
                          Py_ssize_t count) noexcept nogil:
        pass

    def evaluate(self, const double[:, ::1] margins, const double[::1] targets):
        """Per-sample losses and their derivatives with respect to the margins."""
        import numpy as np
        cdef Py_ssize_t count = margins.shape[0]
        if margins.shape[1] != self.n_outputs or targets.shape[0] != count:
            raise ValueError("margins must be (n, n_outputs) and targets (n,)")
        losses = np.empty(count)
        slopes = np.array(margins)
        cdef double[::1] losses_view = losses
        cdef double[:, ::1] slopes_view = slopes
        if count:
            with nogil:
                self.values(&margins[0, 0], &targets[0], count, &losses_view[0])
                self.derivatives(&slopes_view[0, 0], &targets[0], count)
        return losses, slopes


# (y - ŷ)² for each margin ŷ.
cdef kernel_void squared_values(const double *margins, const double *targets, Py_ssize_t count,
                                double *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        out[i] = (margins[i] - targets[i]) * (margins[i] - targets[i])


cdef inline double squared_slope(double margin, double target) noexcept nogil:
    return 2.0 * (margin - target)


cdef kernel_void squared_derivatives(double *margins, const double *targets,
                                     Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        margins[i] = squared_slope(margins[i], targets[i])


cdef kernel_void one_squared_slope(double margin, double target, double *slope) noexcept nogil:
    slope[0] = squared_slope(margin, target)


cdef class SquaredLoss(Loss):
    """(y - ŷ)², ŷ the margin."""

    def __cinit__(self, n_outputs=1):
        self.slope = one_squared_slope

    cdef void values(self, const double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil:
        squared_values(margins, targets, count, out)

    cdef void derivatives(self, double *margins, const double *targets,
                          Py_ssize_t count) noexcept nogil:
        squared_derivatives(margins, targets, count)


# With s = 2y - 1 and z = s times the margin, the loss is log(1 + exp(-z)) and its derivative
# -s sigmoid(-z): in this form neither overflows, nor loses digits to 1 - (1 - tiny).
cdef kernel_void logistic_values(const double *margins, const double *targets, Py_ssize_t count,
                                 double *out) noexcept nogil:
    cdef Py_ssize_t i
    cdef double z, size
    for i in range(count):
        z = (2.0 * targets[i] - 1.0) * margins[i]
        size = z if z > 0.0 else -z
        out[i] = (0.0 if z > 0.0 else -z) + log1p_of_unit(exp(-size))


cdef inline double logistic_slope(double margin, double target) noexcept nogil:
    cdef double sign = 2.0 * target - 1.0
    return -sign / (1.0 + exp(sign * margin))


cdef kernel_void logistic_derivatives(double *margins, const double *targets,
                                      Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        margins[i] = logistic_slope(margins[i], targets[i])


cdef kernel_void one_logistic_slope(double margin, double target, double *slope) noexcept nogil:
    slope[0] = logistic_slope(margin, target)


cdef class LogisticLoss(Loss):
    """-[y ln ŷ + (1 - y) ln(1 - ŷ)], ŷ = sigmoid(margin), y in {0, 1}."""

    def __cinit__(self, n_outputs=1):
        self.slope = one_logistic_slope

    cdef void values(self, const double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil:
        logistic_values(margins, targets, count, out)

    cdef void derivatives(self, double *margins, const double *targets,
                          Py_ssize_t count) noexcept nogil:
        logistic_derivatives(margins, targets, count)


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
        top = largest(row, n_classes)
        for k in range(n_classes):
            row[k] = exp(row[k] - top)
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


cdef class SoftmaxLoss(Loss):
    """-ln softmax(margins)_y, y in {0..n_outputs - 1}."""

    cdef void values(self, const double *margins, const double *targets, Py_ssize_t count,
                     double *out) noexcept nogil:
        softmax_values(margins, targets, count, self.n_outputs, out)

    cdef void derivatives(self, double *margins, const double *targets,
                          Py_ssize_t count) noexcept nogil:
        softmax_derivatives(margins, targets, count, self.n_outputs)


LOSSES = {"squared": SquaredLoss, "logistic": LogisticLoss, "softmax": SoftmaxLoss}

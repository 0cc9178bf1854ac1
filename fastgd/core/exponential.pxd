# exp, and expm1 for arguments up to 0, inlined into the kernels that need them: the C library's are
# calls, and a call in a loop keeps it scalar.
#
# Sigmoid and the softmax are made of exp, tanh of expm1(-2|x|).
from .vector cimport bits_of, from_bits

cdef extern from *:
    """
    /* ln 2 in two parts; the first ends in 20 zero bits, so k times it is exact for |k| < 2^20. */
    #define LN2_HIGH 6.93147180369123816490e-01
    #define LN2_LOW 1.90821492927058770002e-10
    #define LOG2_E 1.4426950408889634
    /* 1.5 * 2^52: adding it rounds to an integer and leaves that integer in the low bits. */
    #define ROUND 6755399441055744.0
    """
    const double LN2_HIGH, LN2_LOW, LOG2_E, ROUND


cdef inline double expm1_of_rest(double x, double shifted) noexcept nogil:
    # exp(r) - 1 for x = k ln 2 + r with |r| <= ln 2 / 2 and shifted = ROUND + k: the Taylor
    # polynomial of degree 13 (remainder 4e-18).
    cdef double k = shifted - ROUND
    cdef double r = (x - k * LN2_HIGH) - k * LN2_LOW
    cdef double r2 = r * r
    cdef double r4 = r2 * r2
    # Pairs first (Estrin): a third of the latency of Horner's chain, which SGD waits for.
    cdef double low = (0.5 + 1.6666666666666666667e-1 * r) \
        + (4.1666666666666666667e-2 + 8.3333333333333333333e-3 * r) * r2
    cdef double middle = (1.3888888888888888889e-3 + 1.9841269841269841270e-4 * r) \
        + (2.4801587301587301587e-5 + 2.7557319223985890653e-6 * r) * r2
    cdef double high = (2.7557319223985890653e-7 + 2.5052108385441718775e-8 * r) \
        + (2.0876756987868098979e-9 + 1.6059043836821614599e-10 * r) * r2
    cdef double p = low + r4 * (middle + r4 * high)
    return r + r2 * p


cdef inline double power_of_two(double shifted) noexcept nogil:
    # 2^k for shifted = ROUND + k, |k| <= 1022.
    return from_bits(bits_of(1.0) + (bits_of(shifted) << 52))


cdef inline double exp(double x) noexcept nogil:
    # The power of two is ready before the rest is, so that the last step is one fma. Below -708,
    # where the result would be subnormal, it is 0; above 708 infinity, a little early.
    cdef double bounded = -708.0 if x < -708.0 else (708.0 if x > 708.0 else x)
    cdef double shifted = bounded * LOG2_E + ROUND
    cdef double power = power_of_two(shifted)
    cdef double e = power + power * expm1_of_rest(bounded, shifted)
    # Written so that NaN stays NaN.
    return (e if x >= -708.0 else 0.0) if x <= 708.0 else x * 1e308


cdef inline double expm1_of_negative(double x) noexcept nogil:
    # exp(x) - 1 for x <= 0, with as many digits near 0 as elsewhere: 2^k (exp(r) - 1) + (2^k - 1),
    # whose last part is exact where it matters.
    cdef double floored = x if x > -708.0 else -708.0
    cdef double shifted = floored * LOG2_E + ROUND
    cdef double power = power_of_two(shifted)
    cdef double e = power * expm1_of_rest(floored, shifted) + (power - 1.0)
    return e if x == x else x

# Gradients from elsewhere: pairs, compiled functions behind pointers, tensors of torch and jax.
import ctypes
import threading

import numpy as np
import pytest
from scipy import LowLevelCallable

import fastgd as gd

D = 4
A = np.diag([1.0, 2.0, 3.0, 4.0])
b = np.array([1.0, -1.0, 0.5, 0.0])
START = np.ones(D)
double_p = ctypes.POINTER(ctypes.c_double)
int64_p = ctypes.POINTER(ctypes.c_int64)


def value(theta):
    return float(0.5 * theta @ A @ theta - b @ theta)


def gradient(theta):
    return A @ theta - b


def run(f, optimizer=None, **options):
    optimizer = gd.Adam(0.05) if optimizer is None else optimizer
    return gd.minimize(f, optimizer, START, **({"steps": 60, "record_every": 10} | options))


@pytest.fixture(scope="module")
def plain():
    return run(gd.Function(value, gradient, D))


def same(r, plain):
    np.testing.assert_allclose(r.theta, plain.theta, rtol=1e-13)
    np.testing.assert_allclose(r.history["loss"], plain.history["loss"], rtol=1e-13)
    np.testing.assert_allclose(r.history["grad_norm"], plain.history["grad_norm"], rtol=1e-12)


def test_value_and_gradient_together(plain):
    asked = []

    def both(theta):
        asked.append(0)
        return value(theta), gradient(theta)

    f = gd.Function(value_and_gradient=both, n_params=D)
    same(run(f), plain)
    assert len(asked) == 60 + 7  # a record asks once
    assert f.value(START) == value(START)
    np.testing.assert_array_equal(f.gradient(START), gradient(START))


def test_a_penalty_of_all_parameters(plain):
    f = gd.Function(value, gradient, D, smoothness=4.0, penalty=gd.penalties.L2(0.5))
    assert f.value(START) == value(START) + 0.25 * D
    np.testing.assert_array_equal(f.gradient(START), gradient(START) + 0.5)
    assert f.smoothness() == 4.5
    f = gd.Function(value, gradient, D, penalty=gd.penalties.NonNegative())
    assert run(f, gd.SGD(0.1), steps=500).theta[1] == 0.0


@pytest.mark.parametrize(
    "answer, error, message",
    [
        (3.0, TypeError, r"must return a pair, the value and the gradient, not float"),
        ((1.0, np.ones(3)), ValueError, r"returned shape \(3,\), not \(4,\)"),
        ((1.0, ["a"] * 4), TypeError, "must return real numbers"),
    ],
)
def test_what_is_no_pair(answer, error, message):
    with pytest.raises(error, match=message):
        run(gd.Function(value_and_gradient=lambda theta: answer, n_params=D))


def test_arguments_that_make_no_sense():
    with pytest.raises(TypeError, match="value and gradient, or value_and_gradient, not both"):
        gd.Function(value, n_params=D, value_and_gradient=gradient)
    with pytest.raises(TypeError, match="gradient must be a function of theta, not None"):
        gd.Function(value, n_params=D)
    with pytest.raises(TypeError, match="n_params is missing"):
        gd.Function(value, gradient)
    with pytest.raises(TypeError, match="penalty must be one of fastgd.penalties"):
        gd.Function(value, gradient, D, penalty=0.1)


# A function of C's kind, through ctypes: what it is called with is what a compiled one would see.
def fill(n, theta, out):
    theta = np.ctypeslib.as_array(theta, (n,))
    np.ctypeslib.as_array(out, (n,))[:] = gradient(theta)
    return value(theta)


def c_function(size, data=False):
    taken = [size, double_p, double_p, *([ctypes.c_void_p] if data else [])]
    form = ctypes.CFUNCTYPE(ctypes.c_double, *taken)
    return form((lambda n, x, g, data: fill(n, x, g)) if data else fill)


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("size", [ctypes.c_int, ctypes.c_int64, ctypes.c_ssize_t, ctypes.c_long])
def test_functions_of_ctypes(plain, size, data):
    same(run(gd.Function(value_and_gradient=c_function(size, data), n_params=D)), plain)


def test_user_data_arrives():
    form = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, double_p, double_p, ctypes.c_void_p)

    @form
    def f(n, theta, out, data):
        shift = ctypes.cast(data, double_p)[0]
        for j in range(n):
            out[j] = 2 * (theta[j] - shift)
        return sum((theta[j] - shift) ** 2 for j in range(n))

    shift = ctypes.c_double(3.0)
    pointer = ctypes.cast(ctypes.pointer(shift), ctypes.c_void_p)
    f = gd.Function(value_and_gradient=LowLevelCallable(f, pointer), n_params=D)
    np.testing.assert_allclose(run(f, gd.SGD(0.25), steps=80).theta, 3.0)


def test_batches_through_a_pointer():
    x = np.arange(10.0)
    form = ctypes.CFUNCTYPE(
        ctypes.c_double, ctypes.c_int64, double_p, ctypes.c_int64, int64_p, double_p
    )

    @form
    def f(n, theta, count, indices, out):
        rows = x[np.ctypeslib.as_array(indices, (count,))]
        out[0] = 2 * np.mean(theta[0] - rows)
        return float(np.mean((theta[0] - rows) ** 2))

    pointer = gd.Function(value_and_gradient=f, n_params=1, n_samples=10)
    python = gd.Function(
        lambda theta, indices: float(np.mean((theta[0] - x[indices]) ** 2)),
        lambda theta, indices: [2 * np.mean(theta[0] - x[indices])],
        n_params=1,
        n_samples=10,
    )
    settings = {"batch_size": 3, "epochs": 20, "seed": 0, "theta0": [0.0]}
    for sampling in ("replacement", "shuffle", "sequential"):
        ours = gd.minimize(pointer, gd.SGD(0.1), sampling=sampling, **settings)
        theirs = gd.minimize(python, gd.SGD(0.1), sampling=sampling, **settings)
        np.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-13)
        np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-13)


def test_a_capsule_as_cython_makes_it(plain):
    function = c_function(ctypes.c_ssize_t)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    name = b"double (Py_ssize_t, double const *, double *) noexcept nogil"
    capsule = make(ctypes.cast(function, ctypes.c_void_p), name, None)
    same(run(gd.Function(value_and_gradient=LowLevelCallable(capsule), n_params=D)), plain)


@pytest.mark.parametrize(
    "taken",
    [
        [ctypes.c_double],
        [ctypes.c_float, double_p, double_p],
        [ctypes.c_int, double_p],
        [ctypes.c_int, double_p, ctypes.c_double],
        [ctypes.c_int, double_p, ctypes.c_int, int64_p, double_p],
    ],
)
def test_other_signatures_are_refused(taken):
    function = ctypes.CFUNCTYPE(ctypes.c_double, *taken)(lambda *_: 0.0)
    with pytest.raises(
        ValueError, match=r"has the signature 'double \(.*but must be double \(size"
    ):
        gd.Function(value_and_gradient=function, n_params=D)


def test_a_numba_cfunc(plain):
    numba = pytest.importorskip("numba")
    types = numba.types
    pointer = types.CPointer(types.float64)

    @numba.cfunc(types.float64(types.intc, pointer, pointer))
    def f(n, theta, out):
        value = 0.0
        for j in range(n):
            b = 1.0 if j == 0 else (-1.0 if j == 1 else (0.5 if j == 2 else 0.0))
            out[j] = (j + 1.0) * theta[j] - b
            value += 0.5 * (j + 1.0) * theta[j] ** 2 - b * theta[j]
        return value

    same(run(gd.Function(value_and_gradient=f, n_params=D)), plain)


def test_python_functions_in_threads_take_turns_and_not_steps():
    # Where the GIL is let go between steps, each step waits for the other thread's.
    order = []

    def job(name):
        def slope(theta):
            order.append(name)
            return theta

        gd.minimize(gd.Function(lambda theta: 0.0, slope, D), gd.SGD(1e-3), START, steps=20_000,
                    record_every=0)  # fmt: skip

    threads = [threading.Thread(target=job, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = sum(one != other for one, other in zip(order, order[1:], strict=False))
    assert len(order) == 40_000
    assert turns < 2000


class Tensor:
    """One on a device that is not the processor."""

    device = "cuda:0"

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **options):
        raise AssertionError("must not be asked")


@pytest.mark.parametrize("what", ["init", "theta", "gradient", "point", "function", "start"])
def test_a_cuda_tensor_is_refused_in_words(what):
    optimizer, theta = gd.Adam(0.1), np.ones(D)
    state = optimizer.init(theta)
    f = gd.Function(value, gradient, D)
    calls = {
        "init": lambda: optimizer.init(Tensor()),
        "theta": lambda: optimizer.step(Tensor(), theta, state),
        "gradient": lambda: optimizer.step(theta, Tensor(), state),
        "point": lambda: optimizer.point(Tensor(), state),
        "function": lambda: run(gd.Function(value, lambda theta: Tensor(), D)),
        "start": lambda: f.value(Tensor()),
    }
    with pytest.raises(TypeError, match=r"is on cuda:0, and fastgd computes on the CPU"):
        calls[what]()


def step_by_step(optimizer, theta, slope):
    state = optimizer.init(theta)
    for _ in range(20):
        optimizer.step(theta, slope(optimizer.point(theta, state)), state)
    return theta


@pytest.mark.parametrize("rule", [gd.Adam(0.1), gd.Nesterov(0.1, momentum=0.5)])
def test_torch_tensors_share_their_memory(rule):
    torch = pytest.importorskip("torch")
    theta = torch.ones(D, dtype=torch.float64, requires_grad=True)
    where = theta.data_ptr()
    step_by_step(rule, theta, lambda y: torch.from_numpy(gradient(np.asarray(_bare(y)))))
    assert theta.data_ptr() == where
    ours = step_by_step(rule, np.ones(D), gradient)
    np.testing.assert_array_equal(theta.detach().numpy(), ours)


def _bare(y):
    return y.detach() if hasattr(y, "detach") else y


def test_functions_may_answer_with_tensors(plain):
    torch = pytest.importorskip("torch")
    A_t, b_t = torch.from_numpy(A), torch.from_numpy(b)

    def both(theta):
        x = torch.from_numpy(theta).requires_grad_()
        loss = 0.5 * x @ A_t @ x - b_t @ x
        return loss, torch.autograd.grad(loss, x)[0]

    same(run(gd.Function(value_and_gradient=both, n_params=D)), plain)
    f = gd.Function(value, lambda theta: torch.ones(D, requires_grad=True), D)
    assert run(f, gd.SGD(0.1), steps=1, record_every=0).theta[0] == pytest.approx(0.9)


def test_jax_arrays_are_read_where_they_lie(plain):
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        slope = jax.jit(lambda theta: A @ theta - b)
        theta = step_by_step(gd.Adam(0.1), np.ones(D), slope)
        np.testing.assert_allclose(
            theta, step_by_step(gd.Adam(0.1), np.ones(D), gradient), rtol=1e-12
        )
        both = jax.jit(jax.value_and_grad(lambda theta: 0.5 * theta @ A @ theta - b @ theta))
        same(run(gd.Function(value_and_gradient=both, n_params=D)), plain)
        start = jax.numpy.ones(D)
        assert gd.Adam(0.1).init(start).n_params == D
        with pytest.raises(ValueError, match="theta must be writable"):
            step_by_step(gd.Adam(0.1), start, slope)
    finally:
        jax.config.update("jax_enable_x64", before)


def test_other_dtypes_and_things_are_refused():
    torch = pytest.importorskip("torch")
    optimizer = gd.SGD(0.1)
    with pytest.raises(TypeError, match="one-dimensional float64 array"):
        optimizer.init(torch.ones(D))
    with pytest.raises(TypeError, match="gradient must be a float64 vector"):
        optimizer.step(np.ones(D), torch.ones(D), optimizer.init(np.ones(D)))
    with pytest.raises(TypeError, match="theta must be an array, not list"):
        optimizer.init([1.0, 2.0])

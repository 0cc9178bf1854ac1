"""CSR data: the same answers as the same data kept dense, in every storage that scipy has."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd

OBJECTIVES = [gd.LeastSquares, gd.LogisticRegression, gd.SoftmaxRegression]
LAZY = [
    gd.SGD(0.3),
    gd.SGD(0.3, weight_decay=0.5),
    gd.AdaGrad(0.1),
    gd.RMSProp(0.01),
    gd.RMSProp(0.01, decay=0.5),
]
DENSE_IN_D = [
    gd.Momentum(0.1),
    gd.Nesterov(0.05, momentum=0.5),
    gd.Adam(0.01),
    gd.AdaGrad(0.1, weight_decay=0.1),
]


def problem(objective, storage=np.float64, index=np.int32, kind=sp.csr_matrix, **options):
    rng = np.random.default_rng(5)
    matrix = kind(sp.random(300, 40, density=0.15, random_state=1, format="csr"))
    matrix = matrix.astype(storage)
    matrix.indices = matrix.indices.astype(index)
    matrix.indptr = matrix.indptr.astype(index)
    labels = rng.integers(0, 3 if objective is gd.SoftmaxRegression else 2, 300)
    return (
        objective(matrix, labels, **options),
        objective(matrix.toarray(), labels, **options),
        rng.standard_normal,
    )


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("storage", [np.float64, np.float32])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
def test_value_gradient_smoothness_and_prediction(objective, storage, index, kind):
    sparse, dense, normal = problem(objective, storage, index, kind, l2=0.1, fit_intercept=True)
    theta = normal(sparse.n_params)
    indices = np.array([3, 3, 299, 0])
    assert sparse.X.data.dtype == storage and sparse.X.indices.dtype == index
    for chosen in (None, indices):
        assert distance(sparse.gradient(theta, chosen), dense.gradient(theta, chosen)) < 1e-14
        assert sparse.value(theta, chosen) == pytest.approx(dense.value(theta, chosen), rel=1e-14)
    assert sparse.smoothness() == pytest.approx(dense.smoothness(), rel=1e-9)
    np.testing.assert_allclose(
        sparse.predict(theta, sparse.X), dense.predict(theta, dense.X), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("optimizer", "l2"),
    # RMSProp with l2 is the dense rule, and on near-zero gradients it amplifies rounding.
    [(o, l2) for o in LAZY + DENSE_IN_D for l2 in (0.0, 0.1) if not (l2 and "decay" in vars(o))],
    ids=repr,
)
@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_runs_agree_with_dense_data(objective, optimizer, batch_size, l2):
    sparse, dense, normal = problem(objective, l2=l2, fit_intercept=True)
    theta0 = normal(sparse.n_params)
    run = {"theta0": theta0, "batch_size": batch_size, "steps": 400, "seed": 1}
    a = gd.minimize(sparse, optimizer, **run)
    b = gd.minimize(dense, optimizer, **run)
    assert distance(a.theta, b.theta) < 1e-12
    again = gd.minimize(sparse, optimizer, record_every=7, **run)
    assert np.array_equal(a.theta, again.theta)


def test_shrinking_to_nothing_and_beyond_does_not_underflow():
    sparse, dense, normal = problem(gd.LogisticRegression, fit_intercept=True)
    theta0 = normal(sparse.n_params)
    for decay in (1.0, 1.5, 1.999, 0.9):
        optimizer = gd.SGD(lr=1.0, weight_decay=decay)
        run = {"theta0": theta0, "batch_size": 1, "steps": 3000, "seed": 1}
        a = gd.minimize(sparse, optimizer, **run)
        b = gd.minimize(dense, optimizer, **run)
        assert distance(a.theta, b.theta) < 1e-12


def test_rmsprop_renews_its_factor_before_it_underflows():
    sparse, dense, normal = problem(gd.LeastSquares)
    theta0 = normal(sparse.n_params)
    for decay in (0.0, 0.01, 0.5):
        optimizer = gd.RMSProp(0.001, decay=decay, eps=1e-3)
        run = {"theta0": theta0, "batch_size": 16, "steps": 1500, "seed": 1}
        a = gd.minimize(sparse, optimizer, **run)
        b = gd.minimize(dense, optimizer, **run)
        assert distance(a.theta, b.theta) < 1e-11


def test_unsorted_and_repeated_columns():
    matrix = sp.csr_matrix(
        (np.array([1.0, 2.0, 3.0, 4.0]), np.array([2, 0, 2, 1]), np.array([0, 3, 4])), shape=(2, 3)
    )
    dense = matrix.toarray()
    assert dense[0, 2] == 4.0
    for optimizer in LAZY:
        a = gd.minimize(
            gd.LogisticRegression(matrix, [0, 1]), optimizer, batch_size=1, steps=50, seed=0
        )
        b = gd.minimize(
            gd.LogisticRegression(dense, [0, 1]), optimizer, batch_size=1, steps=50, seed=0
        )
        assert distance(a.theta, b.theta) < 1e-12


def test_data_is_used_in_place_and_other_formats_are_converted():
    matrix = sp.random(20, 5, density=0.5, random_state=0, format="csr")
    f = gd.LeastSquares(matrix, np.ones(20))
    assert f.X is matrix
    for format in ("csc", "coo", "lil"):
        g = gd.LeastSquares(matrix.asformat(format), np.ones(20))
        assert np.array_equal(g.gradient(np.ones(5)), f.gradient(np.ones(5)))
    counts = sp.csr_matrix((matrix > 0).astype(np.int64))
    assert gd.LeastSquares(counts, np.ones(20)).X.dtype == np.float64


def test_bad_matrices_are_refused():
    good = sp.random(6, 4, density=0.5, random_state=0, format="csr")
    with pytest.raises(ValueError, match="NaN"):
        bad = good.copy()
        bad.data[3] = np.nan
        gd.LeastSquares(bad, np.ones(6))
    with pytest.raises(ValueError, match="column 4, outside"):
        bad = good.copy()
        bad.indices = bad.indices.copy()
        bad.indices[0] = 4
        gd.LeastSquares(bad, np.ones(6))
    with pytest.raises(ValueError, match="indptr"):
        bad = good.copy()
        bad.indptr = bad.indptr.copy()
        bad.indptr[2] = 100
        gd.LeastSquares(bad, np.ones(6))
    with pytest.raises(ValueError, match="empty"):
        gd.LeastSquares(sp.csr_matrix((0, 3)), [])
    with pytest.raises(TypeError, match="complex"):
        gd.LeastSquares(good.astype(complex), np.ones(6))


def test_an_empty_matrix_of_zeros_works():
    f = gd.LogisticRegression(sp.csr_matrix((4, 3)), [0, 1, 1, 1], fit_intercept=True)
    r = gd.minimize(f, gd.SGD(1.0), batch_size=1, steps=20, seed=0)
    assert np.array_equal(r.theta[:3], np.zeros(3))


def test_a_penalty_that_makes_a_step_as_wide_as_the_data_is_said():
    X = sp.random(60, 20_000, density=1e-3, random_state=0, format="csr")
    y = np.arange(60) % 2
    run = {"batch_size": 1, "steps": 3, "seed": 0}
    for penalised in (
        gd.LogisticRegression(X, y, l2=0.1),
        gd.LogisticRegression(X, y, penalty=gd.penalties.L1(0.1)),
    ):
        with pytest.warns(UserWarning, match="AdaGrad moves all 20000 weights at every step"):
            gd.minimize(penalised, gd.AdaGrad(0.1), **run)
        gd.minimize(penalised, gd.SGD(0.1), **run)  # lazily: no word
    gd.minimize(gd.LogisticRegression(X, y), gd.AdaGrad(0.1), **run)

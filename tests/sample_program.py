"""A program as a user would write it: it runs, and `mypy --strict` passes on it (ci/test).

Every annotation is checked against what fastgd declares, and `assert_type` refuses Any.
"""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import fastgd as gd

Vector = NDArray[np.float64]


def data() -> tuple[Vector, Vector]:
    loaded = gd.datasets.load("breast-cancer")
    X, y = loaded
    names: list[str] = list(loaded.feature_names)
    assert len(names) == X.shape[1]
    return X, y


def train(X: Vector, y: Vector) -> gd.Result:
    seen: list[int] = []

    def watch(progress: gd.callbacks.Progress) -> str | None:
        seen.append(progress.step)
        loss: float = progress.loss
        return "low enough" if loss < 1e-6 else None

    f = gd.LogisticRegression(X, y, l2=1e-3, fit_intercept=True)
    rate = gd.schedules.warmup(10, then=gd.schedules.cosine(0.05, floor=0.1))
    assert_type(rate, gd.schedules.warmup)
    rates: Vector = rate(np.arange(100), 100)
    assert rates.shape == (100,) and rate.robbins_monro is not True
    result = gd.minimize(
        f,
        gd.Adam(lr=rate, beta1=0.9),
        batch_size=32,
        epochs=5,
        seed=0,
        sampling="shuffle",
        callbacks=[watch, gd.callbacks.GradientNorm(1e-9), gd.callbacks.WallTime(60.0)],
    )
    theta: Vector = result.theta
    losses: Vector = result.history["loss"]
    assert_type(result, gd.Result)
    assert_type(theta, Vector)
    labels: NDArray[np.int64] = f.predict(theta, X)
    chances: Vector = f.predict_proba(theta, X)
    steps: int = result.steps
    message: str = result.message
    assert seen and len(losses) == len(seen) and steps and message and not result.diverged
    assert ((chances > 0.5) == (labels == 1)).all()
    return result


def interrupted_and_resumed(X: Vector, y: Vector, folder: Path) -> gd.Result:
    f = gd.LogisticRegression(X, y, l2=1e-3)
    path = folder / "run.npz"
    with gd.Run(f, gd.Adam(lr=0.01), batch_size=8, steps=100, seed=0, clip_norm=1.0) as run:
        run.advance(40).save(path)
        here: Vector = run.theta
        stop: gd.callbacks.Stop | None = run.stop
    assert run.step == 40 and here.shape == (f.n_params,) and stop is None
    again = gd.Run.load(path, f, n_threads=2)
    assert_type(again, gd.Run)
    result = gd.resume(path, f, checkpoint_every=10.0)
    assert_type(result, gd.Result)
    interrupted: bool = result.interrupted
    assert not interrupted and gd.resume(result).steps == 100
    return result


def others(X: Vector, y: Vector) -> list[gd.Result]:
    problems: list[gd.Objective] = [
        gd.LeastSquares(X, y),
        gd.SoftmaxRegression(X, y.astype(np.int64)),
        gd.NeuralNetwork(X, y, hidden=(4, 4), activation="tanh", loss="logistic"),
        gd.Quadratic(np.eye(2), np.ones(2)),
    ]
    return [gd.minimize(f, gd.Momentum(1e-3, momentum=0.5), steps=5) for f in problems]


def own_function() -> float:
    def value(theta: Vector) -> float:
        return float(np.sum((theta - 3.0) ** 2))

    def gradient(theta: Vector) -> Vector:
        return 2.0 * (theta - 3.0)

    f = gd.Function(value, gradient, n_params=2, smoothness=2.0)
    beta: float | None = f.smoothness()
    assert beta == 2.0
    return gd.minimize(f, gd.Nesterov(lr="1/beta"), theta0=[0.0, 0.0], steps=50).loss


def own_loop() -> Vector:
    optimizer: gd.Optimizer = gd.Lookahead(gd.AdamW(lr=0.1, weight_decay=0.01))
    theta = np.array([1.0, -2.0])
    state = optimizer.init(theta)
    assert_type(state.arrays, dict[str, Vector])
    for _ in range(10):
        point = optimizer.point(theta, state)
        optimizer.step(theta, 2.0 * point, state)
    taken: int = state.t
    assert taken == 10
    return theta


def proved() -> str:
    X, y = data()
    f = gd.LogisticRegression(X, y, l2=1e-3)
    result = gd.minimize(f, gd.SGD("1/beta"), steps=20)
    certificate = result.certificate()
    assert_type(certificate, gd.theory.Certificate)
    plan = gd.theory.plan(f, target_grad_norm=0.1)
    rows: list[str] = [row.verdict for row in certificate.rows]
    batch_size: int | None = plan.batch_size
    assert rows and batch_size is not None and batch_size >= 1
    return str(certificate)


def compared(path: Path) -> str:
    found = gd.compare(
        ["breast-cancer-logistic"], [gd.SGD(), gd.Adam()], budget=2, seeds=2, progress=False
    )
    found.to_csv(path)
    assert_type(found, gd.Comparison)
    return assert_type(found.verdict(), str)


def main(folder: Path) -> None:
    X, y = data()
    result = train(X, y)
    print(result.loss, len(others(X, y)), own_function(), own_loop())
    print(proved())
    print(compared(folder / "found.csv"))
    print(interrupted_and_resumed(X, y, folder))
    swept: list[gd.Result] = gd.sweep(
        gd.LeastSquares(X, y), [gd.SGD(1e-3), gd.SGD(1e-4)], batch_size=8, steps=20, seed=0
    )
    settings: dict[str, object] = gd.show_config()
    include: str = gd.get_include()
    assert len(swept) == 2 and settings["fastgd"] == gd.__version__ and include


if __name__ == "__main__":
    main(Path())

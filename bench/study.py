"""What the default study of gd.compare costs, here and in torch: ``python -m bench.study``.

First the whole study with fastgd. Then runs of it, side by side with the same runs in torch: the
same problem, data, drawn rows, starting point and number of steps, one thread, float64, and the
same θ in the end, which is checked. Torch has its fastest optimizer for the CPU, and makes its
batches by indexing. What torch would take for all is its share of these times that of the study.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fastgd as gd
from fastgd.comparison import FIFTEEN, FOUR

REPEATS = 3
LR = 0.003
# Those of the fifteen that torch has with the same formula; fused where it has that on the CPU.
RULES: dict[str, tuple[gd.Optimizer, Callable[[Any, Any], Any]]] = {
    "sgd": (gd.SGD(LR), lambda o, p: o.SGD(p, lr=LR, fused=True)),
    "momentum": (
        gd.Momentum(LR, momentum=0.9, dampening=0.0),
        lambda o, p: o.SGD(p, lr=LR, momentum=0.9, fused=True),
    ),
    "adagrad": (gd.AdaGrad(LR), lambda o, p: o.Adagrad(p, lr=LR, fused=True)),
    "rmsprop": (
        gd.RMSProp(LR, decay=0.99, eps=1e-8, eps_root=0.0),
        lambda o, p: o.RMSprop(p, lr=LR, eps=1e-8),
    ),
    "adadelta": (gd.Adadelta(LR), lambda o, p: o.Adadelta(p, lr=LR, rho=0.9, eps=1e-6)),
    "adam": (
        gd.Adam(LR, eps=1e-8, eps_root=0.0),
        lambda o, p: o.Adam(p, lr=LR, eps=1e-8, fused=True),
    ),
    "amsgrad": (gd.AMSGrad(LR), lambda o, p: o.Adam(p, lr=LR, amsgrad=True, fused=True)),
    # Its ε is another, and as good as none here.
    "radam": (gd.RAdam(LR, eps=1e-30), lambda o, p: o.RAdam(p, lr=LR, eps=1e-30)),
}


def model_of(problem: gd.problems.Problem) -> tuple[Any, Any, Any, Any]:
    """The model, its loss and the data in torch; its parameters in order are our θ."""
    import torch

    nn = torch.nn
    X = torch.from_numpy(problem.train.X)
    y = torch.from_numpy(np.asarray(problem.train.y))
    d = X.shape[1]
    loss: Any = nn.MSELoss()
    if "softmax" in problem.name:
        y, loss, layers = y.long(), nn.CrossEntropyLoss(), [nn.Linear(d, int(y.max()) + 1)]
    elif "logistic" in problem.name:
        y, loss, layers = y.double(), nn.BCEWithLogitsLoss(), [nn.Linear(d, 1), nn.Flatten(0)]
    elif "network" in problem.name:
        hidden, layers = [d, *problem.train.hidden], []
        for width, next_one in itertools.pairwise(hidden):
            layers += [nn.Linear(width, next_one), nn.ReLU()]
        layers += [nn.Linear(hidden[-1], 1), nn.Flatten(0)]
    else:
        layers = [nn.Linear(d, 1, bias=False), nn.Flatten(0)]
    return nn.Sequential(*layers), loss, X, y


def torch_run(problem: gd.problems.Problem, make: Callable[[Any, Any], Any]) -> Callable[[], Any]:
    import torch

    model, loss, X, y = model_of(problem)
    convert = torch.nn.utils
    start = torch.from_numpy(start_of(problem))

    def run() -> Any:
        convert.vector_to_parameters(start.clone(), model.parameters())
        optimizer = make(torch.optim, model.parameters())
        generator = np.random.default_rng(0)
        draws = generator.integers(len(X), size=(problem.steps, problem.batch_size))
        for rows in torch.from_numpy(draws):
            optimizer.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            optimizer.step()
        return convert.parameters_to_vector(model.parameters()).detach().numpy()

    return run


def start_of(problem: gd.problems.Problem) -> Any:
    return problem.train.initial_point(0) if problem.theta0 is None else problem.theta0


def fastgd_run(problem: gd.problems.Problem, optimizer: gd.Optimizer) -> Callable[[], Any]:
    def run() -> Any:
        return gd.minimize(
            problem.train, optimizer, start_of(problem), batch_size=problem.batch_size,
            steps=problem.steps, seed=0, record_every=0,
        ).theta  # fmt: skip

    return run


def seconds(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    found: list[gd.Comparison] = []
    jobs = os.cpu_count() or 1
    whole = seconds(lambda: found.append(gd.compare()))
    runs = len(found[0].rows)
    print(
        f"the study: {len(FIFTEEN)} optimizers, {len(FOUR)} problems, 5 draws of 7 trials, 2 "
        f"schedules: {runs} runs\nfastgd, {jobs} threads: {whole:.1f} s, without the report"
    )
    try:
        import torch
    except ImportError:
        print("torch is not installed: nothing to compare with")
        return
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    ratios, theirs_all = [], []
    for name in FOUR:
        problem = gd.problems.get(name)
        times = np.zeros(2)
        for rule, (optimizer, make) in RULES.items():
            ours, theirs = fastgd_run(problem, optimizer), torch_run(problem, make)
            one, other = ours(), theirs()
            if not np.linalg.norm(one - other) <= 1e-6 * np.linalg.norm(other):
                raise SystemExit(f"{name}, {rule}: torch computes something else")
            pairs = [(seconds(ours), seconds(theirs)) for _ in range(REPEATS)]
            times += np.median(pairs, axis=0)
        ours_mean, theirs_mean = times / len(RULES)
        ratios.append(times)
        theirs_all.append(theirs_mean)
        print(
            f"{name:<24}a run: fastgd {ours_mean * 1e3:6.2f} ms, torch {theirs_mean * 1e3:6.1f} ms,"
            f" {theirs_mean / ours_mean:6.1f} times"
        )
    ours_total, theirs_total = np.sum(ratios, axis=0)
    print(
        f"the same {len(FOUR) * len(RULES)} runs, {', '.join(RULES)}: torch takes "
        f"{theirs_total / ours_total:.0f} times as long"
    )
    single = float(np.mean(theirs_all)) * runs
    print(
        f"so the study in torch: {single / 60:.0f} minutes on one thread, {single / 60 / jobs:.0f} "
        f"on {jobs} processes at best, {single / jobs / whole:.0f} times as long"
    )


if __name__ == "__main__":
    main()

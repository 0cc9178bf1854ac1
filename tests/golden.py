"""Runs whose bits are kept, to see what a change of the core changes: theta and the records.

    python tests/golden.py            which runs of the build at hand differ from golden.json
    python tests/golden.py --write    keep the bits of this build

Only the public API is used, so that any version of fastgd can be asked. Every build gives the same
bits, on every processor: gcc or another compiler, AVX-512, AVX2 or neither. Where a run goes
through BLAS, or through functions of NumPy or the C library that are not the same everywhere, its
bits are asked for only where these are as they were (`surroundings`). The final losses are kept as
numbers too, which hold to 1e-9 wherever the runs are made.
"""

import hashlib
import json
import platform
import random
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

import fastgd as gd

FILE = Path(__file__).with_name("golden.json")
AROUND = ("ExponentialAverage", "Lookahead", "PolyakAverage")
RULES = (
    "AMSBound", "AMSGrad", "AdaBelief", "AdaBound", "AdaGrad", "Adadelta", "Adam", "AdamW",
    "Adamax", "Adan", "LAMB", "Lion", "Momentum", "NAdam", "Nesterov", "RAdam", "RMSProp", "Rprop",
    "SGD", "ScheduleFreeAdamW", "ScheduleFreeSGD", "Yogi", *AROUND,
)  # fmt: skip
# Rules with ways of stepping of their own get more runs than the others.
RUNS = {"SGD": 40, "Momentum": 10, "Nesterov": 6, "Adam": 10, "AdaGrad": 8, "RMSProp": 6}
RATES = {"Adadelta": 1.0, "Lion": 0.01, "Rprop": 0.01, "LAMB": 0.01}
# No multiple of a batch, nor of a vector: the last batch is short, and blocks have ends.
N_SAMPLES = 203

CHOICES = {
    "objective": ["squares", "squares", "logistic", "logistic", "softmax", "network", "quadratic"],
    "storage": ["dense", "float32", "csr32", "csr64"],
    "width": [3, 12, 37],
    "sampling": ["replacement", "shuffle", "sequential"],
    "batch": [1, 7, 32, None],
    "l2": [0.0, 0.02],
    "intercept": [False, True],
    "weight_decay": [0.0, 0.0, 0.01],
    "schedule": ["constant", "step", "cosine", "warmup", "inverse_time"],
    "threads": [1, 1, 2],
    "record": [0, 1, 10, None],
}
NETWORKS = [  # storage, hidden layers, activation, loss
    ("dense", (5,), "tanh", "logistic"), ("dense", (5, 4), "relu", "softmax"),
    ("uint8", (6,), "relu", "softmax"), ("float32", (5,), "sigmoid", "squared"),
    ("uint8", (6, 5), "tanh", "logistic"),
]  # fmt: skip
PLAIN = {
    "rule": "SGD", "objective": "logistic", "storage": "dense", "samples": N_SAMPLES, "width": 12,
    "sampling": "replacement", "batch": None, "l2": 0.0, "intercept": False, "weight_decay": 0.0,
    "schedule": "constant", "threads": 1, "record": 10, "network": None,
}  # fmt: skip
# What no draw is sure to reach: threads on sparse data, wide rows, layers that BLAS multiplies.
SINGLED_OUT = [
    {"storage": "csr32", "samples": 9001, "threads": 2},
    {"storage": "csr64", "samples": 9001, "threads": 1, "objective": "softmax"},
    {"storage": "csr32", "width": 1500, "batch": 1, "l2": 0.02, "sampling": "shuffle"},
    {"storage": "csr32", "width": 1500, "batch": 32, "l2": 0.02, "intercept": True},
    {"storage": "csr64", "width": 1500, "batch": 7, "rule": "AdaGrad"},
    {"storage": "csr32", "width": 1500, "batch": 7, "rule": "Adam"},
    {"storage": "float32", "width": 784, "batch": 1},
    {"width": 784, "batch": 32, "objective": "softmax"},
    {"samples": 5000, "threads": 2, "rule": "Momentum", "objective": "squares"},
    {
        "objective": "network",
        "width": 64,
        "batch": None,
        "network": ("dense", (64, 64), "relu", "softmax"),
    },
    {
        "objective": "network",
        "width": 64,
        "batch": 32,
        "network": ("uint8", (64, 64), "tanh", "softmax"),
    },
]


def descriptions():
    """What each run is, by its name. Each is drawn for itself, so that a new one moves no other."""
    runs = [PLAIN | chosen for chosen in SINGLED_OUT]
    for rule in RULES:
        for number in range(RUNS.get(rule, 4)):
            draw = random.Random(f"{rule} {number}")
            run = PLAIN | {"rule": rule} | {key: draw.choice(CHOICES[key]) for key in CHOICES}
            if run["objective"] == "network":
                run["network"] = draw.choice(NETWORKS)
            if run["objective"] == "quadratic":
                run |= {
                    "storage": "dense",
                    "batch": None,
                    "l2": 0.0,
                    "intercept": False,
                    "threads": 1,
                }
            runs.append(run)
    for run in runs:
        if run["network"]:
            run["storage"], run["intercept"] = run["network"][0], False
        if run["batch"] is None:
            run["sampling"] = "replacement"
        if run["rule"] in AROUND:
            run["weight_decay"] = 0.0
    return {_name(run): run for run in runs}


def _name(run):
    words = [run["rule"], run["objective"], run["storage"], f"{run['samples']}x{run['width']}"]
    if run["network"]:
        _, hidden, activation, loss = run["network"]
        words.append(f"{'-'.join(map(str, hidden))} {activation} {loss}")
    words += [run["sampling"], f"batch {run['batch'] or 'full'}", run["schedule"]]
    words += [f"{key} {run[key]}" for key in ("l2", "weight_decay") if run[key]]
    words += ["intercept"] if run["intercept"] else []
    return ", ".join([*words, f"threads {run['threads']}", f"record {run['record']}"])


def _problem(run):
    draws = np.random.default_rng(run["width"])
    shape = run["samples"], run["width"]
    # Integers by a number: every NumPy draws the same, and every BLAS sums them to the same.
    whole = draws.integers(-999, 1000, shape)
    if run["storage"].startswith("csr"):
        whole[draws.integers(0, 100, shape) >= (30 if run["width"] < 100 else 2)] = 0
    X = whole / 700.0
    slope = draws.integers(-9, 10, (run["width"], 3))
    unit = 7.0 * np.sqrt(run["width"])
    margins, slope = whole @ slope / (700.0 * unit), slope / unit
    classes = np.argmax(margins + draws.integers(-99, 100, margins.shape) / 150.0, axis=1)
    targets = {
        "squares": margins[:, 0] + draws.integers(-99, 100, len(X)) / 300.0,
        "logistic": (classes == 0).astype(np.float64),
        "softmax": classes,
    }
    if run["objective"] == "quadratic":
        squares = whole.T @ whole / (490_000.0 * len(X))
        return gd.Quadratic(squares + 0.1 * np.eye(run["width"]), slope[:, 0])
    if run["objective"] == "network":
        storage, hidden, activation, loss = run["network"]
        if storage == "uint8":
            X = draws.integers(0, 256, shape).astype(np.uint8)
        X = X.astype(np.float32) if storage == "float32" else X
        y = targets[loss if loss in targets else "squares"]
        scale = 1 / 255 if storage == "uint8" else 1.0
        return gd.NeuralNetwork(
            X, y, hidden=hidden, activation=activation, loss=loss, l2=run["l2"], scale=scale
        )
    if run["storage"] == "float32":
        X = X.astype(np.float32)
    elif run["storage"] != "dense":
        X = sparse.csr_array(X)
        index = np.int32 if run["storage"] == "csr32" else np.int64
        X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    makers = {
        "squares": gd.LeastSquares, "logistic": gd.LogisticRegression,
        "softmax": gd.SoftmaxRegression,
    }  # fmt: skip
    y = targets[run["objective"]]
    return makers[run["objective"]](X, y, l2=run["l2"], fit_intercept=run["intercept"])


def _optimizer(run):
    rate = RATES.get(run["rule"], 0.02)
    if run["storage"] in ("dense", "float32") and run["width"] > 100:
        rate /= 10
    lr = {
        "constant": rate,
        "step": gd.schedules.step(rate, factor=0.5, every=20),
        "cosine": gd.schedules.cosine(rate),
        "warmup": gd.schedules.warmup(15, then=rate),
        "inverse_time": gd.schedules.inverse_time(rate, rate=0.02),
    }[run["schedule"]]
    if run["rule"] in AROUND:
        return getattr(gd, run["rule"])(gd.SGD(lr))
    return getattr(gd, run["rule"])(lr, weight_decay=run["weight_decay"])


def result(run):
    """Make the run: the bits of theta, those of the recorded losses, and the last loss."""
    done = gd.minimize(
        _problem(run), _optimizer(run), batch_size=run["batch"], steps=90, seed=5,
        sampling=run["sampling"], record_every=run["record"], n_threads=run["threads"],
    )  # fmt: skip
    losses = np.asarray(done.history["loss"], dtype=np.float64)
    return {"theta": _digest(done.theta), "losses": _digest(losses), "loss": float(done.loss)}


def _digest(numbers):
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:12]


def surroundings():
    """What the bits of some runs hang on besides fastgd, as far as it can be known."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:
        features = {}
    known = [name for name in ("FMA3", "AVX2", "AVX512F", "AVX512_SKX") if features.get(name)]
    return " ".join([platform.system(), platform.machine(), *platform.libc_ver(), *known])


def hangs_on_others(run):
    """The parts of a result that go through others' functions."""
    if run["network"] or run["schedule"] == "cosine":  # BLAS; NumPy's cosine
        return {"theta", "losses"}
    # The C library's logarithms, in the value alone.
    return {"losses"} if run["objective"] == "softmax" else set()


def compare(kept, names):
    """What changed, a line for each of the runs named: bits, and values on any machine."""
    lines, alike = [], kept["surroundings"] == surroundings()
    for name, run in descriptions().items():
        if name not in names:
            continue
        if name not in kept["runs"]:
            lines.append(f"{name}: not kept yet")
            continue
        old, new = kept["runs"][name], result(run)
        parts = {"theta", "losses"} - (set() if alike else hangs_on_others(run))
        other = sorted(part for part in parts if old[part] != new[part])
        if not np.isclose(new["loss"], old["loss"], rtol=1e-9, atol=0):
            lines.append(f"{name}: loss {old['loss']!r} became {new['loss']!r}")
        elif other:
            lines.append(f"{name}: other bits of {' and '.join(other)}")
    return lines


def write():
    """Keep the bits of the build at hand."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(result(run))}" for name, run in descriptions().items()
    ]
    text = ",\n".join(lines)
    FILE.write_text(
        f'{{"surroundings": {json.dumps(surroundings())},\n"runs": {{\n{text}\n}}}}\n', "utf-8"
    )


def load():
    """What is kept; nothing where the file is not there yet."""
    if not FILE.exists():
        return {"surroundings": "", "runs": {}}
    return json.loads(FILE.read_text("utf-8"))


def main():
    if "--write" in sys.argv[1:]:
        write()
        print(f"{FILE.name}: kept {len(descriptions())} runs")
        return 0
    kept = load()
    print(f"{Path(gd.__file__).parent}: {surroundings()}; kept: {kept['surroundings']}")
    lines = compare(kept, kept["runs"])
    print("\n".join([*lines, f"{len(lines)} of {len(kept['runs'])} runs changed"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

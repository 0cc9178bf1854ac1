"""Checkpoints: the whole state of a run as one file, written so that nothing is ever lost.

A file is an npz without pickle: the arrays, and a text in JSON that says what they are. It is
written under another name, flushed to the disk, and renamed; the one before is kept beside it.
What only a checkpoint needs is imported when one is written: `import fastgd` stays quick.
"""

import dataclasses
import functools
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from fastgd import optimizers, schedules
from fastgd.callbacks import Stop
from fastgd.files import replace_file
from fastgd.history import History
from fastgd.objectives import Objective

__all__ = ["compare", "fingerprint", "read", "replace_file", "restore", "state_of", "write"]

FORMAT = 1
# What of a run's setting is saved as it is.
SETTING = ("batch_size", "steps", "sampling", "clip_norm", "clip_value", "stationarity")
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
# Data up to so many bytes is read whole for its fingerprint; of more, as many in equal pieces.
HASHED_BYTES = 1 << 26
PIECES = 64
PROBED_ROWS = 1000


def write(path: Path, state: dict[str, Any], objective: dict[str, Any]) -> None:
    """Write the state of a run on that objective, given by its fingerprint.

    Raises
    ------
    OSError
        The file cannot be written; what was there before is still there.
    """
    import json

    arrays: dict[str, np.ndarray] = {}
    known = {"format": FORMAT, "objective": objective, "state": _packed(state, arrays)}
    text = json.dumps(known).encode()
    arrays["fastgd_checkpoint"] = np.frombuffer(text, dtype=np.uint8)
    replace_file(path, lambda file: np.savez(file, **arrays), keep=before)  # type: ignore[arg-type]


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state and the objective's fingerprint that `write` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file; no checkpoint, a damaged one, or one of another format.
    """
    import json

    kept = before(path)
    # Between its two renames, a process that is killed leaves only the one before.
    found = path if path.exists() or not kept.exists() else kept
    if not found.exists():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")
    try:
        # NumPy leaves a file open that it cannot read.
        with found.open("rb") as file, np.load(file, allow_pickle=False) as entries:
            arrays = {name: entries[name] for name in entries.files}
        known = json.loads(arrays["fastgd_checkpoint"].tobytes())
        version = known["format"]
        if version == FORMAT:
            return _unpacked(known["state"], arrays), dict(known["objective"])
    # What a damaged file raises is as varied as damage.
    except Exception as error:
        hint = f"; the one before is {str(kept)!r}" if found != kept and kept.exists() else ""
        raise ValueError(
            f"{str(found)!r} is damaged, or not a checkpoint: {type(error).__name__}, {error}{hint}"
        ) from None
    raise ValueError(f"{str(found)!r} is of format {version}, and this fastgd reads {FORMAT}")


def before(path: Path) -> Path:
    """Where the checkpoint before the last is kept."""
    return path.with_name(path.name + ".before")


def refuse_existing(path: Path) -> None:
    """Raise FileExistsError where a new run would write over another's checkpoint."""
    for known in (path, before(path)):
        if known.exists():
            raise FileExistsError(
                f"there is a checkpoint {str(known)!r} already: go on from it with gd.resume, or "
                "delete it"
            )


def generator(name: Any) -> "np.random.Generator":
    """A generator over the bit generator of that name, somewhere in its stream."""
    if name not in GENERATORS:
        raise ValueError(f"the run drew from a bit generator {name!r}, which NumPy does not have")
    return np.random.Generator(getattr(np.random, name)())


def check_alike(saved: Any, fresh: Any, name: str = "state") -> None:
    """Raise ValueError where what was saved is not made as what a new run would save.

    What the core copies into its memory has the right sizes then, whatever the file says.
    """
    if isinstance(fresh, dict):
        if not isinstance(saved, dict) or saved.keys() != fresh.keys():
            raise ValueError(f"the saved {name} is of another kind")
        for key in fresh:
            check_alike(saved[key], fresh[key], key)
    elif isinstance(fresh, np.ndarray):
        # Of the order of an epoch, only what is left of it is saved.
        shape = getattr(saved, "shape", None) if name == "order" else fresh.shape
        if not isinstance(saved, np.ndarray) or (saved.dtype, saved.shape) != (fresh.dtype, shape):
            raise ValueError(f"the saved {name} is of another size or kind")
    elif type(saved) is not type(fresh):
        raise ValueError(f"the saved {name} is {saved!r}, not a {type(fresh).__name__}")


def state_of(run: Any, solver: dict[str, Any] | None) -> dict[str, Any]:
    """Everything that a `Run` depends on, as one dict; what its solver saved is given."""
    seed = run.setting.seed
    return {
        **{name: getattr(run.setting, name) for name in SETTING},
        "n_params": run.objective.n_params,
        "optimizer": run.optimizer,
        "theta0": run.setting.theta0,
        "seed": "generator" if isinstance(seed, np.random.Generator) else seed,
        "record_every": run.record_every,
        "solver": solver,
        "history": run.history.snapshot(),
        "looked": run._looked,
        "seconds": run.time,
        "rescalings": [list(one) for one in run.rescalings],
        "stop": None if run.stop is None else [run.stop.message, run.stop.kind],
        "callbacks": [
            [type(callback).__name__, callback.save()]
            for callback in run.callbacks
            if hasattr(callback, "save") and hasattr(callback, "load")
        ],
        "note": run.note,
    }


def restore(run: Any, state: dict[str, Any]) -> None:
    """Put a run that was just made into that state."""
    check_alike(state["solver"], run._stretch.solver.save())
    step = state["solver"]["update"]["t"]
    if not 0 <= step <= run.total:
        raise ValueError(f"the saved run is at step {step} of {run.total}")
    # A file of before there were any has none.
    run.rescalings = [(int(at), float(factor)) for at, factor in state.get("rescalings", ())]
    run._stretch.scale = math.prod(factor for at, factor in run.rescalings if at < step)
    run._stretch.load(state["solver"])
    run._stretch.scale = math.prod(factor for _, factor in run.rescalings)
    history = state["history"]
    run.history.load(history.save() if isinstance(history, History) else history)
    steps = run.history["step"]
    if len(steps):
        if steps[0] < 0 or (np.diff(steps) <= 0).any() or steps[-1] > run.step:
            raise ValueError("the saved records are in no order")
        run._recorded, run._loss = int(steps[-1]), float(run.history["loss"][-1])
        run._norm = float(run.history["grad_norm"][-1])
    run._looked = int(state["looked"])
    run._started = time.perf_counter() - float(state["seconds"])
    if state["stop"] is not None:
        message, kind = state["stop"]
        run.stop = Stop(message, kind=kind)
    run.note = state.get("note")
    memories = list(state["callbacks"])
    for callback in run.callbacks:
        for i, (name, memory) in enumerate(memories):
            if name == type(callback).__name__ and hasattr(callback, "load"):
                callback.load(memory)
                del memories[i]
                break


def seed_of(state: dict[str, Any]) -> Any:
    """What a run in that state was seeded with; a new generator of its kind where it was one."""
    if state["seed"] != "generator":
        return state["seed"]
    known = state["solver"]["sampler"].get("bit_generator")
    return generator("PCG64" if known is None else known["bit_generator"])


# --- The state as JSON and arrays -----------------------------------------------------------------


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects cannot be kept in a file")
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, History):
        return _packed(value.save(), arrays)
    if isinstance(value, dict):
        return {"dict": [[str(key), _packed(part, arrays)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(part, arrays) for part in value]}
    if isinstance(value, (optimizers.Optimizer, schedules.Schedule)):
        try:
            return _packed_definition(value, arrays)
        except TypeError:
            if isinstance(value, schedules.Schedule):
                raise
            return type(value).__name__  # `load` asks for it
    raise TypeError(f"{value!r} cannot be kept in a file")


def _packed_definition(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """An optimizer or a schedule: its name and its parameters."""
    kind = "optimizer" if isinstance(value, optimizers.Optimizer) else "schedule"
    fields = {
        field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init
    }
    for inner in fields.values():
        if isinstance(inner, optimizers.Optimizer):
            _packed_definition(inner, {})  # raises where it cannot be kept
    return {kind: [type(value).__name__, _packed(fields, arrays)]}


def _unpacked(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: _unpacked(part, arrays) for key, part in content}
    if kind in ("list", "tuple"):
        parts = [_unpacked(part, arrays) for part in content]
        return parts if kind == "list" else tuple(parts)
    name, fields = content
    if kind == "optimizer":
        return optimizers.by_name[name.lower()](**_unpacked(fields, arrays))
    if kind == "schedule":
        return schedules.registry[name](**_unpacked(fields, arrays))
    raise ValueError(f"nothing is known of a {kind}")


# --- Which objective it was -----------------------------------------------------------------------


def fingerprint(objective: Objective, theta: np.ndarray) -> dict[str, Any]:
    """What an objective is known by: its parameters, a hash of its data, its loss at `theta`.

    The loss is taken over at most 1000 rows. It alone knows a function of the user's own.
    """
    found: dict[str, Any] = {"kind": type(objective).__name__}
    for name, value in sorted(vars(objective).items()):
        kept = getattr(type(objective), name, None)
        if name.startswith("_") or isinstance(kept, functools.cached_property):
            continue  # found out later, and perhaps
        text = _described(value)
        if text is not None:
            found[name] = text
    rows = objective.n_samples
    if rows is None or rows <= PROBED_ROWS:
        found["value"] = objective.value(theta)
    else:
        found["value"] = objective.value(theta, np.arange(0, rows, -(-rows // PROBED_ROWS)))
    return found


def _described(value: Any) -> str | None:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype} {_digest(value)}"
    if hasattr(value, "indptr"):
        parts = ", ".join(_digest(part) for part in (value.data, value.indices, value.indptr))
        return f"CSR {value.shape} {value.data.dtype} {parts}"
    if value is None or isinstance(value, (bool, int, float, str, tuple, np.generic)):
        return repr(value)
    if dataclasses.is_dataclass(value):
        return repr(value)
    return None


def _digest(array: np.ndarray) -> str:
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    flat = array.ravel(order="K")
    if flat.nbytes <= HASHED_BYTES:
        pieces = [flat]
    else:
        length = HASHED_BYTES // PIECES // flat.itemsize
        starts = np.linspace(0, len(flat) - length, PIECES).astype(np.int64)
        pieces = [flat[start : start + length] for start in starts]
    for piece in pieces:
        digest.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return digest.hexdigest()


def compare(path: Path, known: dict[str, Any], found: dict[str, Any]) -> None:
    """Raise ValueError, with the first difference, where two fingerprints are not of one objective.

    The loss may differ by rounding, which no two machines do alike.
    """
    for name in [*known, *(name for name in found if name not in known)]:
        one, other = known.get(name), found.get(name)
        if name == "value" and isinstance(one, float) and isinstance(other, float):
            if one == other or abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1e-300):
                continue
            if one != one and other != other:
                continue
        elif one == other:
            continue
        if isinstance(one, str) and isinstance(other, str) and max(len(one), len(other)) > 40:
            raise ValueError(f"{str(path)!r} is of a run on other data: {name} differs")
        raise ValueError(
            f"{str(path)!r} is of a run on another objective: its {name} was {one}, here it is "
            f"{other}"
        )

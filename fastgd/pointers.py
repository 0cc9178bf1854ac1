"""Compiled functions of the user's own: what a pointer points to, and how it wants to be called.

A numba cfunc, a function of ctypes, a Cython function or any other `scipy.LowLevelCallable` becomes
a capsule that the core calls without the GIL.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

__all__ = ["Pointer", "as_pointer"]

# Sizes of 32 and of 64 bits, as signatures name them.
NARROW = {"int"}
WIDE = {"int64_t", "intptr_t", "npy_intp", "ssize_t", "Py_ssize_t", "long long", "npy_int64"}
(WIDE if ctypes.sizeof(ctypes.c_long) == 8 else NARROW).add("long")

# What all functions of ctypes are.
OF_CTYPES = ctypes.CFUNCTYPE(None).__mro__[1]

FORMS = (
    "double (size, double *theta, double *gradient) or, with n_samples, "
    "double (int64_t, double *theta, int64_t count, int64_t *indices, double *gradient), each with "
    "or without a void * at the end"
)


@dataclass(frozen=True, eq=False)
class Pointer:
    """A function behind a pointer, and how it is called."""

    capsule: Any
    wide: bool
    data: bool
    owner: Any  # what must live as long as the pointer is used


def as_pointer(given: Any, batches: bool) -> Pointer | None:
    """The compiled function that `given` is, or None where it is Python's.

    Raises
    ------
    ValueError
        It is compiled, and is called in another way than a run calls it.
    """
    if type(given).__name__ == "PyCapsule" or isinstance(given, OF_CTYPES):
        found = given
    elif hasattr(given, "ctypes") and hasattr(given, "address"):  # numba's
        found = given.ctypes
    elif isinstance(given, tuple) and hasattr(given, "signature"):
        found = None
    else:
        return None
    if found is not None:
        from scipy import LowLevelCallable

        given = LowLevelCallable(found)
    wide, data = _form(str(given.signature), batches)
    return Pointer(tuple.__getitem__(given, 0), wide, data, given)


def _form(signature: str, batches: bool) -> tuple[bool, bool]:
    """Whether sizes have 64 bits, and whether the user's own data come last."""
    result, _, rest = signature.partition("(")
    if rest.startswith("*)"):  # as cffi writes it
        rest = rest[2:].strip().removeprefix("(")
    taken = [_plain(one) for one in rest.rpartition(")")[0].split(",")]
    data = taken[-1] == "void *"
    if data:
        taken.pop()
    size, vectors = taken[0], taken[1:]
    wide = size in WIDE
    wanted = ["double *", "double *"]
    if batches:
        wanted = ["double *", "64 bits", "64 bits *", "double *"]
        vectors = [_measured(one) for one in vectors]
    known = wide or (size in NARROW and not batches)
    if _plain(result) != "double" or vectors != wanted or not known:
        raise ValueError(f"value_and_gradient has the signature {signature!r}, but must be {FORMS}")
    return wide, data


def _plain(text: str) -> str:
    words = text.replace("*", " * ").split()
    return " ".join(word for word in words if word not in ("const", "noexcept", "nogil"))


def _measured(text: str) -> str:
    size = text.removesuffix(" *")
    return text if size not in WIDE else "64 bits" + text[len(size) :]

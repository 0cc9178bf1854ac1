# Arrays of other libraries as NumPy's, on the same memory: the one door by which a tensor comes in.

import numpy as np

# Kinds of devices whose memory the processor reads (the DLPack specification).
CPU = 1


def as_numpy(given, str name):
    """`given` as a NumPy array on the same memory.

    Parameters
    ----------
    given : array
        NumPy's own comes back as it is; anything else that speaks DLPack (torch, jax) is shared.
    name : str
        What an error calls it.

    Raises
    ------
    TypeError
        It is no array, or lies in the memory of another device.
    """
    if isinstance(given, np.ndarray):
        return given
    if not hasattr(given, "__dlpack_device__"):
        raise TypeError(f"{name} must be an array, not {type(given).__name__}")
    kind = int(given.__dlpack_device__()[0])
    if kind != CPU:
        device = getattr(given, "device", f"device {kind}")
        raise TypeError(f"{name} is on {device}, and fastgd computes on the CPU: bring it there "
                        f"first, by {name}.cpu() in torch or jax.device_get({name})")
    if getattr(given, "requires_grad", False):
        # The numbers alone: no gradient is to flow through a step.
        given = given.detach()
    try:
        return np.from_dlpack(given)
    except (BufferError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be shared with NumPy: {error}") from None

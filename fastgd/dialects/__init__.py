"""Optimizers and schedules of other libraries, by their names, arguments, defaults and numbers.

``gd.dialects.torch.Adam(lr=1e-3, weight_decay=0.1)`` returns the optimizer of fastgd that takes the
steps of ``torch.optim.Adam``: its repr is the call that it stands for. What fastgd has no rule for
is refused with the reason. None of these libraries is needed, or imported.
"""

from fastgd.dialects import keras, optax, sklearn, torch

__all__ = ["keras", "optax", "sklearn", "torch"]

"""What several test files make in the same way."""

import fastgd as gd


def optimizer(rule, **hyperparameters):
    """The optimizer of that name; one around another passes on what is not its own."""
    return gd.optimizers.registry[rule].make(**hyperparameters)

"""What several test files make in the same way."""

import dataclasses

import fastgd as gd
from fastgd.variants import Around


def optimizer(rule, **hyperparameters):
    """The optimizer of that name; one around another passes on what is not its own."""
    made = gd.optimizers.registry[rule]
    if not issubclass(made, Around):
        return made(**hyperparameters)
    own = {item.name for item in dataclasses.fields(made)}
    inside = {name: value for name, value in hyperparameters.items() if name not in own}
    outside = {name: value for name, value in hyperparameters.items() if name in own}
    return made(type(made().optimizer)(**inside), **outside)

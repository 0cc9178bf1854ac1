# The suite of problems: each can be sent to another process.
import pickle

import numpy as np
import pytest

import fastgd as gd


@pytest.mark.parametrize("name", gd.problems.names())
def test_a_problem_survives_pickling(name):
    problem = gd.problems.get(name)
    copy = pickle.loads(pickle.dumps(problem))
    theta = problem.train.initial_point(1) if problem.theta0 is None else problem.theta0
    assert copy.name == problem.name
    for part in ("train", "validation", "test"):
        assert getattr(copy, part).value(theta) == getattr(problem, part).value(theta)
        np.testing.assert_array_equal(
            getattr(copy, part).gradient(theta), getattr(problem, part).gradient(theta)
        )

# Inputs that random bytes made, replayed: those that were finds once, and some of each target.
# `ci/fuzz` looks for more.
import base64
import json

import fuzzing
import pytest

CASES = [json.loads(line) for line in fuzzing.CORPUS.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_the_corpus_is_read_or_refused(name):
    mine = [data for target, data in CASES if target == name]
    assert mine
    for data in mine:
        fuzzing.try_one(name, base64.b64decode(data))


def test_a_wrong_answer_is_a_find(monkeypatch):
    monkeypatch.setattr(fuzzing.gd.LeastSquares, "gradient", lambda f, theta: theta + 1e-9)
    with pytest.raises(AssertionError):
        for number in range(50):
            fuzzing.try_one("csr", bytes([number, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))

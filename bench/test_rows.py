"""The rows under pytest-benchmark: `pytest bench --benchmark-only -k S2`, a group for each case.

`python -m bench` is the better judge of a ratio, since there contenders take turns; this is for
pytest-benchmark's statistics and `--benchmark-compare`. Slow peers do fewer units of work in one
call: each name says how many. No time is asserted.
"""

from __future__ import annotations

import pytest

from bench.__main__ import cases
from bench.harness import Case, Missing

pytestmark = pytest.mark.filterwarnings("default")  # the peers' warnings are theirs


def _parameters() -> list:
    found = []
    for case in cases(quick=True):
        for name, contender in case.contenders.items():
            label = f"{case.row} {case.name} - {name}, {contender.units} {case.unit}s"
            found.append(pytest.param(case, name, id=label))
    return found


@pytest.mark.parametrize(("case", "name"), _parameters())
def test_row(case: Case, name: str, benchmark) -> None:
    contender = case.contenders[name]
    try:
        run = contender.build(contender.units)
        run()
    except Missing as reason:
        pytest.skip(f"{name}: {reason}")
    benchmark.group = f"{case.row} {case.name}"
    benchmark.extra_info["units"] = contender.units
    benchmark(run)

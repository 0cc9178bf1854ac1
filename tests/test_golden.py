# The bits of golden.json's runs on the SIMD level at hand, and anywhere their losses. What changes
# them on purpose says so in its commit, and writes the file anew: python tests/golden.py --write
import golden
import pytest

KEPT = golden.load()
LEVEL, COMPILER = golden.conditions()


def test_every_run_is_kept():
    assert list(KEPT["runs"]) == list(golden.descriptions())


def test_losses_are_those_kept():
    changed = golden.compare(KEPT, None, KEPT["runs"])
    assert not changed, "\n".join(changed)


def test_bits_are_those_kept():
    kept = KEPT["compilers"].get(LEVEL)
    if kept != COMPILER:
        pytest.skip(f"bits of {LEVEL} are kept for {kept}, this is {COMPILER}")
    changed = golden.compare(KEPT, LEVEL, KEPT["runs"])
    assert not changed, f"{len(changed)} of {len(KEPT['runs'])}:\n" + "\n".join(changed)


def test_a_changed_bit_is_named():
    name = next(iter(KEPT["runs"]))
    kept = {"runs": {name: KEPT["runs"][name] | {"here": ["0" * 12, "0" * 12]}}}
    assert golden.compare(kept, "here", [name]) == [f"{name}: other bits of theta and losses"]
    kept["runs"][name]["loss"] *= 1 + 1e-8
    (line,) = golden.compare(kept, "here", [name])
    assert line.startswith(f"{name}: loss ")

# The bits of golden.json's runs, which every build gives on every processor. What changes them on
# purpose says so in its commit and in the changelog, and writes the file anew:
# python tests/golden.py --write
import shutil
import subprocess
from pathlib import Path

import golden
import pytest

from fastgd.core import build

KEPT = golden.load()


def test_every_run_is_kept():
    assert list(KEPT["runs"]) == list(golden.descriptions())


def test_bits_are_those_kept():
    changed = golden.compare(KEPT, KEPT["runs"])
    assert not changed, f"{len(changed)} of {len(KEPT['runs'])}:\n" + "\n".join(changed)


def test_a_changed_bit_is_named():
    name = next(iter(KEPT["runs"]))
    kept = KEPT | {"runs": {name: KEPT["runs"][name] | {"theta": "0" * 12}}}
    assert golden.compare(kept, [name]) == [f"{name}: other bits of theta"]
    kept["runs"][name]["loss"] *= 1 + 1e-8
    (line,) = golden.compare(kept, [name])
    assert line.startswith(f"{name}: loss ")


def test_most_runs_hang_on_nothing_else():
    runs = golden.descriptions().values()
    free = [run for run in runs if "theta" not in golden.hangs_on_others(run)]
    assert len(free) >= 100
    assert {run["rule"] for run in free} == set(golden.RULES)
    assert {run["storage"] for run in free} == set(golden.CHOICES["storage"])
    assert {run["sampling"] for run in free} == set(golden.CHOICES["sampling"])


@pytest.mark.skipif(not shutil.which("objdump"), reason="needs objdump")
@pytest.mark.skipif("x86-64" not in build.simd_level(), reason="dispatch is on x86-64 only")
def test_no_copy_of_a_kernel_fuses_a_product_and_a_sum():
    # Of the copies for other machines too, which do not run here.
    folder = Path(build.__file__).parent
    for module in folder.glob("*.so"):
        text = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", module], capture_output=True, text=True
        ).stdout
        assert len(text) > 1000
        fused = [line for line in text.splitlines() if "\tvfm" in line or "\tvfnm" in line]
        assert not fused, f"{module.name}: {len(fused)}, the first {fused[0]}"

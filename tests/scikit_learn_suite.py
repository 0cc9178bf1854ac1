"""Runs scikit-learn's own tests of its SGD and MLP estimators with fastgd's in their place.

    python tests/scikit_learn_suite.py [sgd] [mlp] [pytest's own arguments]

The modules are those of the installed scikit-learn; its classes are replaced before they are
imported. Exits with 1 where a test fails that is not named in EXCEPTIONS, or one of those passes.
"""

import sys
import tempfile
from pathlib import Path

MODULES = {
    "sgd": "sklearn.linear_model.tests.test_sgd",
    "mlp": "sklearn.neural_network.tests.test_mlp",
}
# Tests that fail for a reason, by name. docs/coming-from-scikit-learn.md has the same list.
EXCEPTIONS = {
    "test_multi_thread_multi_class_and_early_stopping": (
        "scikit-learn judges a validation score by weights without their scale; by the weights as "
        "they are, this data and seed stop elsewhere"
    ),
}
# Tests that look into scikit-learn's private parts: neither counted nor named an exception.
PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs with tables of offsets that _fit_lbfgs leaves behind"
}


class Count:
    """What became of the tests."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report) -> None:
        name = report.nodeid.split("::")[-1]
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[name] = report.outcome


def replace() -> None:
    from sklearn import linear_model, neural_network

    import fastgd.sklearn as ours

    for name in ours.__all__:
        for package in (linear_model, neural_network):
            if hasattr(package, name):
                setattr(package, name, getattr(ours, name))


def run(which: str, arguments: list[str]) -> bool:
    import pytest

    count = Count()
    folder = Path(tempfile.mkdtemp())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = no_check_spmatrix: theirs\n")
    pytest.main(
        ["--pyargs", MODULES[which], "-q", "-p", "no:cacheprovider", "--tb=short", "--no-header",
         "--import-mode=importlib",
         "-c", str(folder / "pytest.ini"), f"--rootdir={folder}", *arguments],
        plugins=[count],
    )  # fmt: skip
    plain = {name: name.split("[")[0] for name in count.outcomes}
    counted = {
        n: o for n, o in count.outcomes.items() if plain[n] not in PRIVATE and o != "skipped"
    }
    passed = sum(outcome == "passed" for outcome in counted.values())
    failed = [name for name, outcome in counted.items() if outcome == "failed"]
    surprising = [name for name in failed if plain[name] not in EXCEPTIONS]
    print(
        f"{which}: {passed} of {len(counted)} pass ({passed / max(1, len(counted)):.1%}); "
        f"{len(failed) - len(surprising)} fail for a reason that is named"
    )
    for name in surprising:
        print(f"{which}: {name} fails for no reason that is named")
    return not surprising


def main(arguments: list[str]) -> int:
    chosen = [name for name in MODULES if name in arguments] or list(MODULES)
    rest = [argument for argument in arguments if argument not in MODULES]
    replace()
    outcomes = [run(name, rest) for name in chosen]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

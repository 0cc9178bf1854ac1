"""Trials of compare and sweep that joblib hands out: to processes, and to workers of Dask."""

import warnings

import numpy as np
import pytest

import fastgd as gd

joblib = pytest.importorskip("joblib")

X, Y = gd.datasets.load("breast-cancer")
STUDY = {"optimizers": ["sgd", "adam"], "budget": 3, "seeds": 2, "schedules": "constant"}


def rows(comparison):
    return {column: list(comparison.table[column]) for column in comparison.table}


def swept(**options):
    f = gd.LogisticRegression(X, Y, l2=0.01)
    optimizers = [gd.Adam(lr) for lr in (0.001, 0.01, 0.1)]
    return f, gd.sweep(f, optimizers, batch_size=32, epochs=3, seed=0, record_every=18, **options)


def test_jobs_of_processes_are_those_of_threads(tmp_path):
    f, expected = swept()
    with joblib.parallel_config("loky", n_jobs=2):
        g, found = swept(parallel="joblib")
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.theta, other.theta) and one.loss == other.loss
            assert np.array_equal(one.history["loss"], other.history["loss"])
            assert one.objective is g
        study = gd.compare("noisy-quadratic", parallel="joblib", path=tmp_path / "a", **STUDY)
    assert rows(study) == rows(gd.compare("noisy-quadratic", **STUDY))
    joblib.externals.loky.get_reusable_executor().shutdown()


def test_two_workers_of_dask(tmp_path):
    cluster = pytest.importorskip("distributed")
    threads = gd.compare("quadratic-1e2", **STUDY)
    path = tmp_path / "trials"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Dask warns of is not ours
        with (
            cluster.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as machines,
            cluster.Client(machines),
            joblib.parallel_config("dask"),
        ):
            found = gd.compare("quadratic-1e2", parallel="joblib", path=path, **STUDY)
            # What was done is taken from the file, as after an interrupt.
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(lines[:5]))
            again = gd.compare("quadratic-1e2", parallel="joblib", path=path, **STUDY)
            _, swept_there = swept(parallel="joblib")
    assert rows(found) == rows(again) == rows(threads)
    assert len(path.read_text().splitlines()) == len(lines)
    for one, other in zip(swept_there, swept()[1], strict=True):
        assert np.array_equal(one.theta, other.theta)


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="parallel must be 'threads' or 'joblib', not 'dask'"):
        swept(parallel="dask")
    with pytest.raises(ValueError, match="parallel must be"):
        gd.compare("quadratic-1e2", parallel=2)

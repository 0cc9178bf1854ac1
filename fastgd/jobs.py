"""Work for other processes and machines, which joblib hands out; it is imported in this file only.

Where it goes is joblib's affair: ``with joblib.parallel_config("dask"):`` around the call puts it
on a cluster of Dask, "ray" on one of Ray; by default it goes to processes of this machine.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__: list[str] = []


def check_parallel(parallel: Any) -> bool:
    """Whether joblib is asked for.

    Raises
    ------
    ValueError, ImportError
        Neither "threads" nor "joblib"; joblib is not installed.
    """
    if parallel not in ("threads", "joblib"):
        raise ValueError(f"parallel must be 'threads' or 'joblib', not {parallel!r}")
    if parallel == "joblib":
        _joblib()
    return bool(parallel == "joblib")


def handed_out(
    function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], n_jobs: int | None = None
) -> Iterator[tuple[int, Any]]:
    """The number of each job and what the function returns for it, in the order in which they end.

    Parameters
    ----------
    function : callable, and its arguments, which are pickled
    jobs : iterable of tuples
    n_jobs : int, optional
        How many at once; by default as many as joblib's configuration has.
    """
    joblib = _joblib()
    backend, _ = joblib.parallel.get_active_backend()
    # Those that cannot give back one by one give all at the end.
    streams = getattr(backend, "supports_return_generator", False)
    work = joblib.Parallel(n_jobs, return_as="generator_unordered" if streams else "list")
    numbered = (joblib.delayed(_numbered)(i, function, job) for i, job in enumerate(jobs))
    yield from work(numbered)


def _numbered(number: int, function: Callable[..., Any], job: tuple[Any, ...]) -> tuple[int, Any]:
    return number, function(*job)


def _joblib() -> Any:
    try:
        import joblib
    except ImportError:
        raise ImportError('parallel="joblib" needs joblib: pip install "fastgd[joblib]"') from None
    return joblib

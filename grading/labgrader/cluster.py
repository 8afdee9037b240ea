"""A Dask cluster in place of own processes; what crosses the network is a notebook, a lab, a result."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from labgrader.course import CourseError
from labgrader.crew import POLL_SECONDS, Workers
from labgrader.marker import ENGINE

_CONNECT_SECONDS = 10
_PATIENCE_SECONDS = 60.0  # how long a cluster may be without a worker before the run ends


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """Yield the workers of a Dask cluster, each thread of theirs one submission at a time.

    A worker that is lost has its submissions done by another; that is Dask's doing.

    Args:
        address: the scheduler's, such as tcp://host:8786; tls:// with Dask's own settings for certificates.

    Raises:
        CourseError: nothing answers there, it has no workers, or they run another version.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--cluster needs Dask: pip install distributed.") from None
    try:
        client: Any = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(
            f"No Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS --nthreads 1`."
        ) from None
    with client:
        _same_everywhere(client, address)
        executor = client.get_executor(pure=False)
        try:
            yield Workers(sum(client.nthreads().values()), executor, _watch(client))
        finally:
            executor.shutdown(wait=False)


def about() -> tuple[str, str]:
    """Return what decides on marks in this process: versions of the grader and of Python.

    Example:
        >>> about() == about()
        True
    """
    python = ".".join(platform.python_version_tuple()[:2])
    return f"labgrader {version('labkit')}, engine {ENGINE}", f"Python {python}"


def _same_everywhere(client: Any, address: str) -> None:
    """Refuse a cluster without workers, or one whose workers would not grade as this process would."""
    try:
        found: dict[str, Any] = client.run(about)
    except Exception as error:
        raise CourseError(
            f"The workers of {address} have no labgrader ({type(error).__name__}: {error}); "
            "start them in an environment like this one."
        ) from None
    if not found:
        raise CourseError(
            f"The cluster at {address} has no workers; start some with `dask worker {address} --nthreads 1`."
        )
    for worker, theirs in found.items():
        if tuple(theirs) != about():
            raise CourseError(
                f"The worker {worker} runs {', '.join(theirs)}; this is {', '.join(about())}: "
                "start the workers in an environment like this one."
            )


def _watch(client: Any) -> Callable[[], str]:
    """Return a function that says since when too long no worker is left, "" if there are some."""
    alone = 0.0

    def lost() -> str:
        nonlocal alone
        try:
            alive = bool(client.nthreads())
        except Exception:  # the scheduler does not answer
            alive = False
        alone = 0.0 if alive else alone + POLL_SECONDS
        return f"the cluster has had no worker for {alone:g} seconds" if alone >= _PATIENCE_SECONDS else ""

    return lost

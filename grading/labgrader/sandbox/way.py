"""Let a new user reach what it must read, though it lies in a closed home folder such as root's.

Nobody's permissions are changed. With the right to mount, root covers each closed folder, in a private
view of the file system, by an empty one that holds the needed trees only. Without that right (a
container), or where the trees themselves are closed, the sandbox keeps one capability, to read past
permissions; Landlock still holds it to the trees named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from labgrader.sandbox import capabilities
from labgrader.sandbox.system import PR_SET_DUMPABLE, bind_back, mount, prctl, unshare
from labgrader.sandbox.trees import within

NEW_MOUNTS = 0x20000
READERS = (capabilities.DAC_READ_SEARCH, capabilities.DAC_OVERRIDE)
RECURSIVE, PRIVATE, NOSUID, NODEV = 16384, 1 << 18, 2, 4


def closed(path: str) -> str | None:
    """Return the outermost folder on the way to `path` that a stranger may not enter; None for an open way.

    Example:
        >>> closed("/usr/lib")
    """
    at = "/"
    for part in os.path.abspath(path).strip("/").split("/")[:-1]:
        at = os.path.join(at, part)
        if not os.stat(at).st_mode & stat.S_IXOTH:
            return at
    return None


def legible(path: str) -> bool:
    """True when a stranger who can reach `path` may read it."""
    mode = os.stat(path).st_mode
    wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return mode & wanted == wanted


def open_way(trees: Sequence[str], *, base: str, samples: Sequence[str] = ()) -> int | None:
    """Make every tree reachable for another user; called as root, before `become`.

    Args:
        trees: what it must read; they keep their places.
        base: its own folder.
        samples: a few files inside them, whose permissions speak for the rest.

    Returns:
        The capability that the user has to keep, or None when the way is open without one.
    """
    one = next((number for number in READERS if capabilities.have(number)), None)
    if not all(legible(path) for path in [*trees, *samples]):
        return one
    covers: dict[str, list[str]] = {}
    for tree in [*trees, base]:
        if folder := closed(tree):
            covers.setdefault(folder, []).append(tree)
    if not covers:
        return None
    try:
        unshare(NEW_MOUNTS)
        mount(None, "/", None, RECURSIVE | PRIVATE)
        for folder, inside in covers.items():
            _cover(folder, inside)
    except OSError:
        return one
    return None if all(closed(tree) is None for tree in [*trees, base]) else one


def _cover(folder: str, trees: list[str]) -> None:
    """Mount an empty folder over `folder` and bind the trees back to their places in it."""
    handles = [(tree, os.open(tree, os.O_PATH | os.O_CLOEXEC)) for tree in trees]
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    try:
        for tree, handle in handles:
            if not within(tree, folder):
                raise OSError(f"{tree} is not in {folder}")
            bind_back(handle, tree)
    finally:
        for _, handle in handles:
            os.close(handle)


def become(uid: int, *, keep: int | None = None) -> None:
    """Turn root into another user for good, with at most one capability left.

    Args:
        uid: the user's number, and its only group's.
        keep: what `open_way` returned.
    """
    if keep is not None:
        capabilities.keep_over_setuid()
    capabilities.drop_bounding(keep=keep)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    capabilities.drop(keep=keep)
    prctl(
        PR_SET_DUMPABLE, 1
    )  # or the watchdog, the same user, may not look into /proc for what its child uses

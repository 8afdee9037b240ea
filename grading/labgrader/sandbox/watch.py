"""Measure a tree of processes and a folder: memory, processes, processor time, disk."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from labgrader.sandbox.syscalls import LINUX

PAGE = resource.getpagesize()
TICKS = os.sysconf("SC_CLK_TCK")
DEEPEST = 100
LONGEST_MAP = 1 << 21


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses now.

    Args:
        tasks: processes and threads.
        rss: bytes of anonymous and shared memory, counted once for every process that maps them.
        cpu: seconds, with those of children that ended.
    """

    tasks: int
    rss: int
    cpu: float


@dataclass(frozen=True)
class Disk:
    """What a folder holds; `trouble` says why it could not be measured, else ""."""

    bytes: int
    files: int
    trouble: str = ""


def usage(pids: Iterable[int]) -> Usage:
    """Add up what these processes use; those that are gone count nothing."""
    tasks = rss = 0
    cpu = 0.0
    for pid in pids:
        try:
            if not LINUX:
                one = _usage_elsewhere(pid)
                tasks, rss, cpu = tasks + one.tasks, rss + one.rss, cpu + one.cpu
                continue
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            tasks += int(fields[17])
            cpu += sum(map(int, fields[11:15])) / TICKS
            _, lines = memory_of(pid)
            rss += sum(int(line.split()[1]) for line in lines) << 10
        except (OSError, IndexError, ValueError):
            continue
    return Usage(tasks, rss, cpu)


def memory_of(pid: int) -> tuple[str, list[bytes]]:
    """Return the folder of /proc that shows a process's memory, and the lines of `status` that tell how much.

    A process lives on when its first thread ends, but its own folder then shows no memory, no mappings and no
    open files: those of another thread do.

    Raises:
        OSError: it is gone.
    """
    folder = f"/proc/{pid}"
    if lines := _memory_lines(folder):
        return folder, lines
    for task in os.listdir(f"{folder}/task"):
        if lines := _memory_lines(f"{folder}/task/{task}"):
            return f"{folder}/task/{task}", lines
    return folder, []


def _memory_lines(folder: str) -> list[bytes]:
    try:
        with open(f"{folder}/status", "rb") as file:
            return [line for line in file if line.startswith((b"RssAnon", b"RssShmem"))]
    except OSError:
        return []


def _usage_elsewhere(pid: int) -> Usage:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Usage(process.num_threads(), process.memory_info().rss, times.user + times.system)
    except psutil.Error:
        return Usage(0, 0, 0.0)


def proportional(pids: Iterable[int]) -> int:
    """Return the bytes of memory of these processes, pages that several map counted in parts (PSS); slow."""
    total = 0
    for pid in pids:
        try:
            with open(f"{memory_of(pid)[0]}/smaps_rollup", "rb") as file:
                lines = [line for line in file if line.startswith((b"Pss_Anon", b"Pss_Shmem"))]
            total += sum(int(line.split()[1]) for line in lines) << 10
        except (OSError, ValueError, IndexError):
            total += usage([pid]).rss
    return total


def disk(folder: str) -> Disk:
    """Measure a folder without following links."""
    total = count = 0
    todo = [(folder, 0)]
    while todo:
        path, depth = todo.pop()
        if depth > DEEPEST:
            return Disk(total, count, f"folders more than {DEEPEST} deep")
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    count += 1
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((entry.path, depth + 1))
        except FileNotFoundError:
            continue
        except OSError as error:
            return Disk(total, count, f"a folder that cannot be measured ({error.strerror})")
    return Disk(total, count)


@dataclass(frozen=True)
class Hidden:
    """What processes hold that is in no folder.

    Args:
        bytes: of files that have no name any more but are open or mapped.
        sockets: open sockets, whose buffers are nobody's memory.
        trouble: why this could not be measured, else "".
    """

    bytes: int
    sockets: int
    trouble: str = ""


def hidden(folder: str, pids: Iterable[int], *, unknown: int) -> Hidden:
    """Measure what processes keep where no folder shows it.

    Args:
        folder: any folder on the disk whose files count.
        pids: the processes.
        unknown: what a file counts that is only mapped, since nobody can ask its size.
    """
    device = os.stat(folder).st_dev
    sizes: dict[int, int] = {}
    sockets: set[int] = set()
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):  # a thread may have open files of its own
                _open_files(f"/proc/{pid}/task/{task}/fd", device, sizes, sockets)
            with open(f"{memory_of(pid)[0]}/maps", "rb") as file:
                text = file.read(LONGEST_MAP)
            if len(text) == LONGEST_MAP:
                return Hidden(0, 0, "more mappings than can be looked at")
            if b"(deleted)\n" in text:
                _mapped_files(text, device, sizes, unknown)
        except OSError:
            continue
    return Hidden(sum(sizes.values()), len(sockets))


def _open_files(folder: str, device: int, sizes: dict[int, int], sockets: set[int]) -> None:
    for name in os.listdir(folder):
        try:
            status = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        if stat.S_ISSOCK(status.st_mode):
            sockets.add(status.st_ino)
        elif status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
            sizes[status.st_ino] = status.st_blocks * 512


def _mapped_files(text: bytes, device: int, sizes: dict[int, int], unknown: int) -> None:
    for line in text.splitlines():
        if line.endswith(b"(deleted)"):
            _, _, _, where, inode, *_ = line.split()
            major, _, minor = where.partition(b":")
            if os.makedev(int(major, 16), int(minor, 16)) == device:
                sizes.setdefault(int(inode), unknown)

"""What the attacks are after: a course, a home, servers and a neighbour, all of it open to everybody."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
from labgrader.course import Course
from labgrader.lab import Lab
from labgrader.release import release

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "grading" / "nbgrader_config.py"
DATA = HERE.parent / "labgrader" / "data"
MASTERS = (DATA / "00_toy.py", DATA / "01_tensor.py")
MARK = "labkit-hostile"
KEY = 0x1AB417
PUBLIC = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
STUDENTS = ("amy", "eve", "mallory")
NEIGHBOURS: list[int] = []
PLACES = (
    *("environment", "canary", "master", "key", "gradebook", "other student", "own notebook", "home"),
    "neighbour",
)


@dataclass
class World:
    """The attacked machine.

    Args:
        root: the folder of it all.
        words: what must not be read, by where it is.
        labs: the labs by name, and `released` their notebooks as students get them.
    """

    root: Path
    words: dict[str, str]
    labs: dict[str, Lab] = field(default_factory=dict)
    released: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    sockets: dict[str, socket.socket] = field(default_factory=dict)
    sibling: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    pristine: dict[Path, bytes] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        """The course that is attacked."""
        return Course(self.root / "course")

    def leaked(self, text: str) -> list[str]:
        """Return the places whose word stands in a text."""
        return [place for place, word in self.words.items() if word in text]

    def harmed(self) -> list[str]:
        """Return what was reached or changed since `note` was called."""
        now, found = self._state(), []
        for path in sorted(now.keys() | self.before.keys()):
            if now.get(path) != self.before.get(path):
                found.append(f"changed: {path}")
        for name, sock in self.sockets.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    if sock.type == socket.SOCK_STREAM:
                        sock.accept()[0].close()
                    else:
                        sock.recv(10)
                    found.append(f"reached: {name}")
        return found

    def note(self) -> None:
        """Remember how everything is."""
        self.before = self._state()

    def mend(self) -> None:
        """Put the files back as they were."""
        for path in [path for path in self.root.rglob("*") if self.ours(path)]:
            if path.is_symlink() or (path.is_file() and path not in self.pristine):
                path.unlink()
        for path, content in self.pristine.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
        _open(self.root, skip="work")

    def ours(self, path: Path) -> bool:
        """Return whether a path is part of the world, and not of the work done beside it."""
        return path.relative_to(self.root).parts[:1] != ("work",)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        for path in [self.root, *self.root.rglob("*")]:
            if not self.ours(path):
                continue
            facts = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            times = () if path.is_dir() else (facts.st_size, facts.st_mtime_ns)
            state[str(path)] = (facts.st_mode, facts.st_uid, facts.st_nlink, *times, content)
        for pid in (self.sibling.pid, os.getpid()):
            process = psutil.Process(pid)
            status = process.status() if pid == self.sibling.pid else "running"
            state[f"process {pid}"] = (
                "alive" if status in ("sleeping", "running", "disk-sleep") else status,
                process.nice(),
                tuple(process.cpu_affinity()),
                resource.prlimit(pid, resource.RLIMIT_CORE),
            )
        return state


def left_outside() -> list[str]:
    """Return what attacks have left in the places where everybody may write."""
    found = [str(path) for place in PUBLIC for path in Path(place).glob(f"{MARK}*")]
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError), open(f"/proc/sysvipc/{kind}") as table:
            found += [f"{kind} {KEY:#x}" for line in table if line.split()[0] == str(KEY)]
    with contextlib.suppress(AttributeError, OSError):
        queue = ctypes.CDLL(None).mq_open(f"/{MARK}-queue".encode(), os.O_RDONLY)
        found += ["a message queue"] if queue >= 0 else []
    return found


@contextlib.contextmanager
def make_world() -> Iterator[World]:
    """Make the world, with the words in this process's environment too; remove it at the end."""
    words = {place: f"hostile-canary-{secrets.token_hex(12)}" for place in PLACES}
    root = Path(tempfile.mkdtemp(prefix="hostile-", dir="/tmp"))
    kept = {name: os.environ.get(name) for name in ("HOME", "XDG_CACHE_HOME", "LABGRADER_WORD")}
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        world = World(root, words)
        _course(world)
        _home(world)
        cache = kept["XDG_CACHE_HOME"] or os.path.expanduser("~/.cache")
        os.environ |= {"HOME": str(root / "home"), "XDG_CACHE_HOME": cache}
        os.environ["LABGRADER_WORD"] = words["environment"]
        stack.callback(_restore, kept)
        _servers(world, stack)
        code = f"word = {words['neighbour']!r}\nimport time\ntime.sleep(100000)"
        environment = os.environ | {"WORD": words["neighbour"]}
        world.sibling = subprocess.Popen([sys.executable, "-c", code], env=environment)
        NEIGHBOURS.append(world.sibling.pid)
        stack.callback(world.sibling.wait)
        stack.callback(world.sibling.kill)
        while psutil.Process(world.sibling.pid).status() != "sleeping":
            time.sleep(0.01)
        (root / "work").mkdir()
        _open(root)
        world.facts = _facts(world)
        world.note()
        world.pristine = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        yield world


def _course(world: World) -> None:
    course = world.course
    course.masters.mkdir(parents=True)
    for master in MASTERS:
        text = master.read_text(encoding="utf-8")
        (course.masters / master.name).write_text(text, encoding="utf-8")
    shutil.copy(CONFIG, course.root)
    release(course, repo="", out=world.root / "notebooks")
    for name in (master.stem for master in MASTERS):
        world.labs[name] = Lab.from_gradebook(course, name)
        world.released[name] = (world.root / "notebooks" / f"{name}.ipynb").read_bytes()
    for master in MASTERS:
        with (course.masters / master.name).open("a", encoding="utf-8") as file:
            file.write(f"\n# {world.words['master']}\n")
    (course.root / ".course_secret").write_text(world.words["key"])
    with contextlib.closing(sqlite3.connect(course.gradebook)) as base:
        for student in (*STUDENTS, world.words["gradebook"]):
            columns = "id, first_name, last_name, email"
            base.execute(f"insert into student ({columns}) values (?, ?, '', '')", (student, student))
        base.commit()
    for student, word in (("amy", "other student"), ("eve", "own notebook")):
        path = course.notebook("submitted", student, "00_toy")
        path.parent.mkdir(parents=True)
        node = json.loads(world.released["00_toy"])
        node["cells"].append({"cell_type": "markdown", "metadata": {}, "source": world.words[word]})
        path.write_text(json.dumps(node))
    (course.root / "autograded").mkdir()


def _home(world: World) -> None:
    for name in (".ssh/id_ed25519", ".netrc", ".bashrc", ".profile", ".aws/credentials"):
        path = world.root / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(world.words["home"] + "\n")
    (world.root / "canary").write_text(world.words["canary"])


def _servers(world: World, stack: contextlib.ExitStack) -> None:
    path = str(world.root / "socket")
    inet, unix, stream, datagram = socket.AF_INET, socket.AF_UNIX, socket.SOCK_STREAM, socket.SOCK_DGRAM
    for name, family, kind, address in (
        ("tcp", inet, stream, ("127.0.0.1", 0)),
        ("udp", inet, datagram, ("127.0.0.1", 0)),
        ("unix", unix, stream, path),
        ("unix_datagram", unix, datagram, path + "-datagram"),
        ("abstract", unix, stream, "\0hostile-" + secrets.token_hex(6)),
    ):
        sock = stack.enter_context(socket.socket(family, kind))
        sock.bind(address)
        if kind == stream:
            sock.listen(64)
        sock.setblocking(False)
        world.sockets[name] = sock


def _open(root: Path, *, skip: str = "") -> None:
    """Let everybody read and write, so that only a sandbox protects."""
    for path in [root, *root.rglob("*")]:
        if path.relative_to(root).parts[:1] != (skip,):
            path.chmod(0o666 if path.is_file() else 0o777)


def _facts(world: World) -> dict[str, Any]:
    """Return what the attacks are told: where everything is."""
    course = world.course
    address = {name: sock.getsockname() for name, sock in world.sockets.items()}
    abstract = address["abstract"]
    return {
        "course": str(course.root),
        "gradebook": str(course.gradebook),
        "secret_file": str(course.root / ".course_secret"),
        "master": str(course.masters / "00_toy.py"),
        "notebook": str(course.notebook("submitted", "eve", "00_toy")),
        "other": str(course.notebook("submitted", "amy", "00_toy")),
        "home": str(world.root / "home"),
        "canary": str(world.root / "canary"),
        "pid": os.getpid(),
        "sibling": world.sibling.pid,
        "tcp": address["tcp"][1],
        "udp": address["udp"][1],
        "unix": address["unix"],
        "unix_datagram": address["unix_datagram"],
        "abstract": abstract.decode() if isinstance(abstract, bytes) else abstract,
    }


def _restore(kept: dict[str, str | None]) -> None:
    for name, value in kept.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def outputs_of(notebook: str) -> str:
    """Return all outputs of a notebook as one text."""
    parts = []
    for cell in nbformat.reads(notebook, as_version=4).cells:
        for output in cell.get("outputs", ()):
            parts.append("".join(output.get("text", "")))
            parts += map(str, output.get("traceback", ()))
            parts += [str(value) for value in output.get("data", {}).values()]
    return "\n".join(parts)

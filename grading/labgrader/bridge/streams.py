"""What a cell prints and shows, collected within bounds: streams, file descriptors, displays."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
from typing import Any

from .limits import Limits

CUT = "\n… (output cut here: too much was printed)\n"
NAMES = {1: "stdout", 2: "stderr"}


class Collector:
    """Outputs in nbformat form, at most so many and so large.

    Args:
        limits: how many outputs and characters to keep.

    Example:
        >>> c = Collector(Limits())
        >>> c.stream("stdout", "a"); c.stream("stdout", "b"); c.take()
        [{'output_type': 'stream', 'name': 'stdout', 'text': 'ab'}]
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lock = threading.RLock()
        self.outputs: list[dict[str, Any]] = []
        self.parts: list[str] = []
        self.left = limits.output_bytes
        self.cut = False
        self.clear_next = False

    def take(self) -> list[dict[str, Any]]:
        """Return the outputs so far and start anew."""
        with self.lock:
            self._close_stream()
            taken = self.outputs
            self.outputs, self.left, self.cut, self.clear_next = [], self.limits.output_bytes, False, False
            for output in taken:
                output.pop("display_id", None)
            return taken

    def stream(self, name: str, text: str) -> None:
        """Add printed text."""
        with self.lock:
            if not text or self.cut:
                return
            self._clear_if_asked()
            last = self.outputs[-1] if self.outputs else None
            if not self.parts or last is None or last.get("name") != name:
                self._close_stream()
                if not self._room():
                    return
                self.outputs.append({"output_type": "stream", "name": name, "text": ""})
            if len(text) > self.left:
                text, self.cut = text[: self.left] + CUT, True
            self.left -= min(len(text), self.left)
            self.parts.append(text)

    def show(self, output: dict[str, Any], display_id: str | None = None, *, update: bool = False) -> None:
        """Add a display, result or error, or replace the displays of one id."""
        with self.lock:
            self._clear_if_asked()
            self._close_stream()
            size = sum(len(v) for v in output.get("data", {}).values() if isinstance(v, str))
            if size > min(self.limits.image_bytes, self.left):
                output = output | {
                    "data": {"text/plain": f"(an output of {size} characters is too large to keep)"},
                    "metadata": {},
                }
            self.left -= min(size, self.left)
            if display_id is not None:
                output = output | {"display_id": display_id}
                if update:
                    same = [o for o in self.outputs if o.get("display_id") == display_id]
                    for old in same:
                        old.update(data=output["data"], metadata=output["metadata"])
                    return
            if self._room():
                self.outputs.append(output)

    def clear(self, wait: bool) -> None:
        """Forget the outputs, now or when the next one comes."""
        with self.lock:
            self.clear_next = True
            if not wait:
                self._clear_if_asked()

    def _clear_if_asked(self) -> None:
        if self.clear_next:
            self.outputs, self.parts, self.clear_next = [], [], False

    def _close_stream(self) -> None:
        if self.parts:
            self.outputs[-1]["text"] = "".join(self.parts)
            self.parts = []

    def _room(self) -> bool:
        if len(self.outputs) < self.limits.outputs:
            return True
        if not self.cut:
            self.cut = True
            self.outputs.append({"output_type": "stream", "name": "stderr", "text": CUT})
        return False


class CellStream(io.TextIOBase):
    """A text stream that writes into a collector."""

    def __init__(self, collector: Collector, captured: Captured, fd: int) -> None:
        self.collector, self.captured, self.fd = collector, captured, fd

    encoding = "utf-8"
    errors = "replace"

    @property
    def name(self) -> str:
        """The stream's name."""
        return f"<{NAMES[self.fd]}>"

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor, which is collected too."""
        return self.fd

    def write(self, text: str) -> int:
        """Add text to the cell's output."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes a string, got {type(text).__name__}")
        self.captured.drain()
        self.collector.stream(NAMES[self.fd], text)
        return len(text)


class Captured:
    """Points file descriptors 1 and 2 at files and moves what lands there into a collector."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.files: dict[int, int] = {}
        self.seen = {1: 0, 2: 0}

    def start(self) -> None:
        """Redirect the descriptors for the rest of the process."""
        for fd, name in NAMES.items():
            try:
                made = os.memfd_create(name)
            except (AttributeError, OSError):
                with tempfile.TemporaryFile() as file:
                    made = os.dup(file.fileno())
            os.dup2(made, fd)
            os.set_inheritable(fd, True)
            self.files[fd] = made

    def drain(self) -> None:
        """Collect what was written since the last time."""
        for fd, file in self.files.items():
            with contextlib.suppress(OSError):
                size = os.fstat(file).st_size
                if size > self.seen[fd]:
                    raw = os.pread(file, min(size - self.seen[fd], self.collector.left + 1), self.seen[fd])
                    self.seen[fd] = size
                    self.collector.stream(NAMES[fd], raw.decode("utf-8", "replace"))
                if size > self.collector.limits.output_bytes:
                    os.ftruncate(file, 0)
                    os.lseek(file, 0, os.SEEK_SET)
                    self.seen[fd] = 0

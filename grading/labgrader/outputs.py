"""Collect what a kernel sends while one cell runs, within bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Output = dict[str, Any]
_NOTE = "... more output was cut off ...\n"
_OVERTYPED = re.compile(r"[^\n]*\r(?!\n)")


class Outputs:
    """The outputs of one cell.

    The last value and the error are kept whatever else was sent; the rest is cut off at `limit` characters.

    Args:
        limit: characters of output that are kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.cut = False
        self.value: str | None = None
        self.error: tuple[str, str] | None = None
        self._items: list[Output] = []
        self._displays: dict[str, Output] = {}
        self._clear_next = False

    def add(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take one message of the kernel's output channel; what is not an output is ignored."""
        if kind == "clear_output":
            self._clear_next = True
            if not content.get("wait"):
                self._clear()
        elif kind == "stream":
            self._stream(str(content.get("name")), str(content.get("text", "")))
        elif kind in ("execute_result", "display_data"):
            self._display(kind, content)
        elif kind == "update_display_data":
            known = self._displays.get(_display_id(content))
            if known is not None and self._fits(content.get("data")):
                known["data"] = _texts(content.get("data"))
        elif kind == "error":
            name, text = str(content.get("ename"))[:200], str(content.get("evalue"))[:2000]
            self.error = (name, text)
            lines = [str(line)[:4000] for line in list(content.get("traceback") or [])[:60]]
            self._append({"output_type": "error", "ename": name, "evalue": text, "traceback": lines})

    def items(self) -> tuple[Output, ...]:
        """Return the outputs as nbformat has them, with a note where something was cut off."""
        note = [{"output_type": "stream", "name": "stdout", "text": _NOTE}] if self.cut else []
        return tuple(_typed_over(item) for item in [*self._items, *note])

    def printed(self) -> list[str]:
        """Return the lines printed to stdout that are not blank."""
        texts = [item["text"] for item in map(_typed_over, self._items) if item.get("name") == "stdout"]
        return [line.strip() for text in texts for line in text.splitlines() if line.strip()]

    def _stream(self, name: str, text: str) -> None:
        name = name if name in ("stdout", "stderr") else "stdout"
        room = max(self.limit - self.size, 0)
        if len(text) > room:
            self.cut, text = True, text[:room]
        self.size += len(text)
        last = self._items[-1] if self._items and not self._clear_next else None
        if last is not None and last.get("name") == name:
            last["text"] += text
        elif text:
            self._append({"output_type": "stream", "name": name, "text": text})

    def _display(self, kind: str, content: Mapping[str, Any]) -> None:
        data = _texts(content.get("data"))
        if kind == "execute_result":
            self.value = data.get("text/plain", "")[:10_000]
            data["text/plain"] = self.value
        if not self._fits(data):
            if kind != "execute_result":
                return
            data = {"text/plain": (self.value or "")[:200]}
        metadata = content.get("metadata")
        item: Output = {
            "output_type": kind,
            "data": data,
            "metadata": dict(metadata) if isinstance(metadata, Mapping) else {},
        }
        if kind == "execute_result":
            item["execution_count"] = None
        self._append(item)
        id = _display_id(content)
        if id:
            self._displays[id] = item

    def _fits(self, data: Any) -> bool:
        """Count the size of a display; say whether it is still within the limit."""
        size = sum(len(text) for text in _texts(data).values())
        if self.size + size > self.limit:
            self.cut = True
            return False
        self.size += size
        return True

    def _append(self, item: Output) -> None:
        if self._clear_next:
            self._clear()
        self._items.append(item)

    def _clear(self) -> None:
        self._clear_next = False
        self._items.clear()
        self._displays.clear()


def _display_id(content: Mapping[str, Any]) -> str:
    """Return a display's id, "" if it has none."""
    transient = content.get("transient")
    id = transient.get("display_id") if isinstance(transient, Mapping) else None
    return id if isinstance(id, str) else ""


def _texts(data: Any) -> dict[str, str]:
    """Return a display's data as texts by MIME type."""
    if not isinstance(data, Mapping):
        return {}
    joined = {
        k: "".join(v) if isinstance(v, list) and all(isinstance(p, str) for p in v) else v
        for k, v in data.items()
    }
    return {str(key): value for key, value in joined.items() if isinstance(value, str)}


def _typed_over(item: Output) -> Output:
    """Return an output whose progress bars show their last state only."""
    if item.get("output_type") != "stream" or "\r" not in item["text"]:
        return item
    return {**item, "text": _OVERTYPED.sub("", item["text"].replace("\r\n", "\n"))}

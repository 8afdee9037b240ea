"""A cell's outputs, as the student's side sent them, made safe to store: known fields, bounded text."""

from __future__ import annotations

import re
from typing import Any

from .errors import WireError, tidy
from .limits import Limits
from .streams import CUT

_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*+={0,2}\s*")
_BAD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_KINDS = ("stream", "display_data", "execute_result", "error")


class _Budget:
    def __init__(self, limits: Limits) -> None:
        self.one, self.left = limits.image_bytes, limits.output_bytes

    def text(self, x: object, most: int | None = None) -> str:
        """Return text without control characters, cut to what is left."""
        if type(x) is not str:
            return ""
        room = min(self.left, self.one if most is None else most)
        clean = _BAD.sub("\ufffd", x[: room + 1])
        if len(clean) > room:
            clean = clean[:room] + CUT
        self.left = max(0, self.left - len(clean))
        return clean


def clean(raw: object, limits: Limits) -> list[dict[str, Any]]:
    """Return outputs in nbformat form from what the student's side sent.

    Args:
        raw: a list of output dictionaries, untrusted.
        limits: how many outputs and characters to keep.

    Raises:
        WireError: it is not a list of dictionaries.

    Example:
        >>> clean([{"output_type": "stream", "name": "stdout", "text": "hi", "more": 1}], Limits())
        [{'output_type': 'stream', 'name': 'stdout', 'text': 'hi'}]
    """
    if type(raw) is not list or not all(type(o) is dict for o in raw):
        raise WireError("A cell's outputs have the wrong form.")
    budget = _Budget(limits)
    made = [_one(o, budget) for o in raw[: limits.outputs + 1]]
    return [o for o in made if o is not None]


def _one(output: dict[Any, Any], budget: _Budget) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if type(kind) is not str or kind not in _KINDS or budget.left <= 0:
        return None
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": budget.text(output.get("text"))}
    if kind == "error":
        lines = output.get("traceback")
        kept = [budget.text(line, 10_000) for line in lines[:60]] if type(lines) is list else []
        name, value = tidy(output.get("ename"), 100), tidy(output.get("evalue"), 2000)
        return {"output_type": kind, "ename": name or "Error", "evalue": value, "traceback": kept}
    data = _bundle(output.get("data"), budget)
    made: dict[str, Any] = {
        "output_type": kind,
        "data": data,
        "metadata": _metadata(output.get("metadata"), data),
    }
    if kind == "execute_result":
        count = output.get("execution_count")
        made["execution_count"] = count if type(count) is int and 0 <= count < 1_000_000 else None
    return made


def _bundle(data: object, budget: _Budget) -> dict[str, str]:
    out: dict[str, str] = {}
    for mime, value in list(data.items())[:20] if type(data) is dict else []:
        if type(mime) is not str or type(value) is not str or not _MIME.fullmatch(mime):
            continue
        binary = mime.startswith("image/") and mime != "image/svg+xml"
        if binary and (len(value) > min(budget.one, budget.left) or not _BASE64.fullmatch(value)):
            out["text/plain"] = "(an image that is too large or damaged was left out)"
            continue
        out.setdefault(mime, budget.text(value))
    return out


def _metadata(raw: object, data: dict[str, str]) -> dict[str, Any]:
    """Keep alternative text and sizes of the parts that are there."""
    out: dict[str, Any] = {}
    for mime, fields in raw.items() if type(raw) is dict else []:
        if type(mime) is not str or mime not in data or type(fields) is not dict:
            continue
        kept: dict[str, Any] = {}
        for key in ("width", "height"):
            if type(fields.get(key)) in (int, float) and 0 < fields[key] < 20_000:
                kept[key] = fields[key]
        if type(fields.get("alt")) is str:
            kept["alt"] = tidy(fields["alt"], 4000)
        if kept:
            out[mime] = kept
    return out

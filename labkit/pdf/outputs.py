"""Outputs of code cells to Typst: the richest form that paper can hold, or a line saying what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from labkit.pdf.ansi import terminal
from labkit.pdf.assets import decode
from labkit.pdf.charts import chart_of
from labkit.pdf.errors import PictureError
from labkit.pdf.fold import MAX_LINES, folded
from labkit.pdf.html import Html
from labkit.pdf.latex import latex_html
from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import Cell, Json, as_dict, text_of
from labkit.pdf.typ import block, call, clean, code, cost, lit, note
from labkit.pdf.widgets import Widgets

MAX_HTML = 5_000_000
MAX_TAGS = 25_000
MAX_OUTPUTS = 300  # of one cell
MAX_WRITTEN = 1_000_000  # as `cost` counts, of one cell's outputs
MAX_MARKDOWN = 100_000  # characters of one cell
MAX_MARKDOWN_LINES = 4_000
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
WIDGET = "application/vnd.jupyter.widget-view+json"
FRAME = re.compile(r'frames\[\d+\]\s*=\s*"(data:image/\w+;base64,[^"]+)"')


@dataclass(frozen=True)
class Outputs:
    """Turns the outputs of cells into Typst expressions."""

    html: Html
    widgets: Widgets
    fold: int = MAX_LINES

    def of(self, cell: Cell) -> list[str]:
        """Return one expression an output; neighbouring streams of one name are put together."""
        shown: list[str] = []
        written = 0
        outputs = coalesced(cell.outputs)
        for number, output in enumerate(outputs):
            if number >= MAX_OUTPUTS or written > MAX_WRITTEN:
                shown.append(note(f"[{len(outputs) - number:,} more outputs of this cell not shown]"))
                break
            body = self.one(output, cell.count, 0)
            if body:
                count = "none"
                if output.get("output_type") == "execute_result":
                    count = str(cell.count) if cell.count is not None else "none"
                more = "true" if number + 1 < len(outputs) and _short(output) else "false"
                shown.append(call("result", count, block([body]), more))
                written += cost(body)
        return shown

    def one(self, output: Json, count: int | None, depth: int) -> str:
        """Return the expression of one output, "" when it is empty."""
        kind = output.get("output_type")
        if kind == "stream":
            text = folded(text_of(output.get("text")), self.fold, terminal=True)
            if not text.strip():
                return ""
            return (
                call("errors", block([terminal(text)])) if output.get("name") == "stderr" else terminal(text)
            )
        if kind == "error":
            return self._error(output)
        data = as_dict(output.get("data"))
        if kind not in ("display_data", "execute_result", "update_display_data"):
            return note(f"[output of unknown kind {kind!r} not shown]")
        return self._rich(data, as_dict(output.get("metadata")), count, depth)

    def _error(self, output: Json) -> str:
        lines = output.get("traceback")
        text = "\n".join(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ""
        if not text.strip():
            text = f"{text_of(output.get('ename'))}: {text_of(output.get('evalue'))}"
        return call("errors", block([terminal(folded(text, self.fold, terminal=True))]))

    def _rich(self, data: Json, metadata: Json, count: int | None, depth: int) -> str:
        """Return the richest form of a display that can be shown."""
        chart = chart_of(data)
        if chart:
            data = {mime: value for mime, value in data.items() if mime in PICTURES}
            if not data:
                return note(chart)
        problems: list[str] = []
        for form in self._forms(data, metadata, count, depth):
            try:
                body = form()
            except PictureError as error:
                problems.append(str(error))
                continue
            if body:
                return body
        self_text = text_of(data.get("text/plain"))
        seen = [call("missing-picture", lit(f"output of cell [{count}]"), lit(""), lit(p)) for p in problems]
        if self_text.strip():
            return block([*seen, terminal(folded(self_text, self.fold, terminal=True))])
        if seen:
            return block(seen)
        kinds = ", ".join(sorted(data)) or "nothing"
        return note(f"[output that cannot be printed: {kinds}]") if any(data.values()) else ""

    def _forms(self, data: Json, metadata: Json, count: int | None, depth: int) -> list[Callable[[], str]]:
        """Return the ways to show a display, richest first."""
        forms: list[Callable[[], str]] = []
        if WIDGET in data:
            forms.append(partial(self._widget, data, count, depth))
        if "text/html" in data:
            forms.append(partial(self._html, text_of(data["text/html"]), text_of(data.get("text/plain"))))
        if "text/markdown" in data:
            forms.append(partial(self._markdown, text_of(data["text/markdown"])))
        forms += [
            partial(self._picture, text_of(data[mime]), mime, as_dict(metadata.get(mime)), count)
            for mime in PICTURES
            if mime in data
        ]
        if "text/latex" in data:
            forms.append(partial(self._latex, text_of(data["text/latex"]).strip()))
        plain = text_of(data.get("text/plain")).strip()
        if "application/json" in data and (not plain or plain.startswith("<IPython.core.display.JSON ")):
            forms.append(partial(self._json, data["application/json"]))
        return forms

    def _widget(self, data: Json, count: int | None, depth: int) -> str:
        view = as_dict(data[WIDGET])
        if depth > 4:
            return note("[widget inside too many widgets not shown]")
        model = text_of(view.get("model_id"))
        outputs, text = self.widgets.describe(model)
        parts = [call("lead-note", lit(f"[interactive: {text}]"))] if text else []
        parts += [body for output in coalesced(outputs) if (body := self.one(output, count, depth + 1))]
        if parts:
            return block(parts)
        if any(mime in data for mime in PICTURES) or "text/html" in data:
            return ""
        return note(f"[{self.widgets.lack(model)}]")

    def _html(self, text: str, plain: str) -> str:
        frames = FRAME.findall(text) if "frames[" in text else []
        if not frames and (len(text) > MAX_HTML or text.count("<") > MAX_TAGS):
            said = note(f"[HTML output of {len(text):,} characters not shown, only its plain text]")
            return block([said, terminal(folded(plain, self.fold, terminal=True)) if plain.strip() else ""])
        if frames:
            last = re.sub(r"\\\s", "", frames[-1].split(",", 1)[1])
            path = self.html.pictures.add(decode(last, "image/png"))
            shown = call("figure-picture", lit(path), lit("last frame of an animation"), "auto")
            return block([shown, note(f"[animation of {len(frames)} frames; the last one is shown]")])
        self.html.attachments, self.html.math = {}, False
        return self.html.convert(text)

    def _markdown(self, text: str) -> str:
        if too_long(text):
            return call("source-text", code(folded(text, self.fold)))
        self.html.attachments, self.html.math = {}, True
        return self.html.convert(to_html(text))

    def _picture(self, text: str, mime: str, meta: Json, count: int | None) -> str:
        alt = (
            " ".join(clean(text_of(meta.get("alt"))).split())[:2000]
            or f"Figure, output of cell [{count or 0}]"
        )
        path = self.html.pictures.add(decode(text, mime))
        width = meta.get("width")
        known = 0.0
        if isinstance(width, int | float) and not isinstance(width, bool) and 0 < width < 1e5:
            known = width * 0.75
        shown = call("figure-picture", lit(path), lit(alt), f"{known:.1f}pt" if known else "auto")
        return block([shown, *map(note, self.html.pictures.lacking.get(path, ()))])

    def _latex(self, tex: str) -> str:
        self.html.attachments, self.html.math = {}, True
        return self.html.convert(latex_html(tex))

    def _json(self, value: object) -> str:
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
        return call("output-text", code(folded(text, self.fold)))


def _short(output: Json) -> bool:
    """Say whether an output is a few lines of text, which stay on the page of the next."""
    data = as_dict(output.get("data"))
    html = text_of(data.get("text/html"))  # as that of a check, which is text all the same
    plain = text_of(data.get("text/plain")) if html.startswith("<pre") and len(html) <= 1000 else ""
    text = text_of(output.get("text")) or plain
    return 0 < len(text) <= 400 and text.count("\n") <= 6


def too_long(markdown: str) -> bool:
    """Say whether Markdown is so long that it is shown as its source."""
    return len(markdown) > MAX_MARKDOWN or markdown.count("\n") > MAX_MARKDOWN_LINES


def coalesced(outputs: tuple[Json, ...]) -> list[Json]:
    """Return outputs with neighbouring streams of the same name put together."""
    merged: list[Json] = []
    for (kind, name), group in groupby(outputs, key=_stream_name):
        if kind == "stream":
            text = "".join(text_of(output.get("text")) for output in group)
            merged.append({"output_type": "stream", "name": name, "text": text})
        else:
            merged.extend(group)
    return merged


def _stream_name(output: Json) -> tuple[str, str]:
    return text_of(output.get("output_type")), text_of(output.get("name"))

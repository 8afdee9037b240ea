"""A notebook with one of everything, and a way to read a PDF's text as a reader shows it."""

import base64
import io
import json
import re
from dataclasses import dataclass

import pypdfium2
import pytest
from PIL import Image

from labkit.pdf import guard

MATHS = r"""# Stress 測試 of the *exporter*

Inline $x_i^2$ and display

$$o = \left\lfloor \frac{i + 2p - k}{s} \right\rfloor + 1 \tag{7}$$

\begin{align}
a &= \sum_{u=0}^{h-1} x_{i+u} \\
\hat{b} &= \operatorname*{arg\,min}_\theta \mathcal{L}(\theta)
\end{align}

After the formulas. A bad one: $\undefinedcommand{x}$ endbad. Dollars: $5 and $10 stay.
"""
MARKS = """## Second level

- list one
- list two
    1. inner one

Text with `inline code`, **bold**, *slanted*, ~~struck~~, [a link](https://example.org/a?b=c#d), @name #hash.

| left | right |
|:-----|------:|
| cell a | cell b |

> quoted words

```python
listing = "in a fence"
```

<details><summary>A hint</summary>

Hidden hint text.

</details>

<script>alert(1)</script><b>unclosed bold

#### Fourth level without third

- [x] ticked
- [ ] unticked
"""
MORE = """שלום RTL words.

<div class="alert alert-info">An alert box.</div>

A footnote[^1] and <kbd>Ctrl</kbd>.

[^1]: Footnote as text.

> [!WARNING]
> An alert of GitHub.

Flag 🇹🇼, family 👩\u200d🔬, key 1\ufe0f\u20e3, ❤\ufe0f ✅ done. <progress value="3" max="5"></progress>
"""
WIDE = (
    '<table class="dataframe"><thead><tr><th></th>'
    + "".join(f"<th>column_{i}</th>" for i in range(30))
    + "</tr></thead><tbody><tr><th>first</th>"
    + "".join(f"<td>{i}.123456</td>" for i in range(30))
    + "</tr></tbody></table>"
)
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><circle cx="9" cy="9" r="8"/></svg>'
CJK = "中文段落 **粗體字** 日本語のテキスト 한국어 emoji 😀 and a party 🎉 and \u202eturned\u202c text."


def png(width=40, height=30, colour=(30, 90, 140)):
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(data, metadata=None, kind="display_data", count=None):
    output = {"output_type": kind, "data": data, "metadata": metadata or {}}
    return {**output, "execution_count": count} if kind == "execute_result" else output


def markdown(source, **extra):
    return {"cell_type": "markdown", "metadata": {}, "source": source, **extra}


def code(source, outputs=(), count=1, **metadata):
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
    }


def notebook(*cells, **metadata):
    node = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": list(cells)}
    return json.dumps(node).encode()


FRAME = (
    '<table class="dataframe"><thead><tr><th></th><th>layer</th><th>params</th></tr></thead>'
    "<tbody><tr><th>0</th><td>conv1 &lt;first&gt;</td><td>156</td></tr></tbody></table>"
)
TRACEBACK = [
    "\x1b[0;31mZeroDivisionError\x1b[0m   Traceback",
    "\x1b[0;32m----> 1\x1b[0m 1/0",
    "division by zero here",
]
FRAMES = "; ".join(f'frames[{i}] = "data:image/png;base64,{png()}"' for i in range(2))
ANIMATION = f"<script>{FRAMES}</script>"
SLIDER = {
    "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_s", "IPY_MODEL_o"]}},
    "s": {"model_name": "IntSliderModel", "state": {"description": "stride", "value": 2}},
    "o": {"model_name": "OutputModel", "state": {"outputs": [stream("text in the widget\n")]}},
}
VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Stress:
    """The notebook's bytes, and texts that its pages must show in this order."""

    data: bytes
    expected: tuple[str, ...]


def make_stress():
    steps = [
        (
            markdown(MATHS),
            ("Stress 測試 of the exporter", "Inline", "(7)", "After the formulas", "undefinedcommand"),
        ),
        (None, ("endbad", "Dollars: $5 and $10 stay.")),
        (
            markdown(MARKS),
            ("Second level", "list one", "inner one", "inline code", "bold", "struck", "a link"),
        ),
        (None, ("@name #hash", "cell a", "cell b", "quoted words", 'listing = "in a fence"', "A hint")),
        (None, ("Hidden hint text.", "[script not shown]", "unclosed bold", "Fourth level", "☑", "ticked")),
        (
            markdown(CJK),
            ("中文段落粗體字日本語のテキスト한국어", "😀", "🎉", "[U+202E]turned[U+202C]"),
        ),
        (code("x = 1  # 註解\nprint(x)", [stream("1\n")], 1), ("x = 1  # 註解", "print(x)", "1")),
        (
            code("long = '" + "y" * 300 + "'", [stream("z" * 300 + " end of z\n")], 2),
            ("y" * 300, "z" * 300, "end of z"),
        ),
        (code("progress()", [stream("10%\r50%\r"), stream("100% done\n")], 3), ("progress()", "100% done")),
        (code("warn()", [stream("a warning on stderr\n", "stderr")], 4), ("warn()", "a warning on stderr")),
        (
            code("1/0", [{"output_type": "error", "ename": "E", "evalue": "v", "traceback": TRACEBACK}], 5),
            ("1/0", "ZeroDivisionError", "----> 1", "division by zero here"),
        ),
        (code("colour", [stream("\x1b[1;38;5;208morange bold\x1b[0m plain\n")], 6), ("orange bold plain",)),
        (
            code("frame", [display({"text/html": FRAME, "text/plain": "no"}, None, "execute_result", 7)], 7),
            ("[7]",),
        ),
        (None, ("layer", "params", "conv1 <first>", "156")),
        (
            code("figure", [display({"image/png": png()}, {"image/png": {"alt": "Nine windows"}})], 8),
            ("figure",),
        ),
        (
            code("broken", [display({"image/png": "aGVsbG8=", "text/plain": "<Figure>"})], 9),
            ("broken", "not shown"),
        ),
        (
            code("widget", [display({VIEW: {"model_id": "box"}, "text/plain": "VBox()"})], 10),
            ("[interactive: stride: 2]",),
        ),
        (None, ("text in the widget",)),
        (
            code("lost", [display({VIEW: {"model_id": "gone"}, "text/plain": "Box()"})], 11),
            ("was not saved",),
        ),
        (code("anim", [display({"text/html": ANIMATION})], 12), ("animation of 2 frames",)),
        (code("tex", [display({"text/latex": "$\\frac{1}{2}$", "text/plain": "1/2"})], 13), ("tex",)),
        (code("said", [display({"text/latex": "the slope $a$ of it"})], 13), ("said", "the slope", "of it")),
        (code("json", [display({"application/json": {"key": ["v1"]}})], 14), ('"key"', '"v1"')),
        (code("odd", [display({"application/x-odd": "?"})], 15), ("cannot be printed: application/x-odd",)),
        (
            code("many", [stream("\n".join(f"row {i}" for i in range(900)))], 16),
            ("row 28", "842 lines not shown", "row 899"),
        ),
        (
            markdown("![a plan](attachment:p.png) pasted", attachments={"p.png": {"image/png": png()}}),
            ("pasted",),
        ),
        (
            markdown("![web](https://example.org/x.png) ![up](../secret.png) ![no](no.png)"),
            ("on the web", "outside"),
        ),
        (None, ("the file is missing",)),
        ({"cell_type": "raw", "metadata": {}, "source": "raw #cell $text$"}, ("raw #cell $text$",)),
        (
            markdown("An answer.", metadata={"nbgrader": {"grade_id": "q-slips", "points": 3, "task": True}}),
            ("q-slips",),
        ),
        (None, ("3 points", "An answer.")),
        (markdown(MORE), ("RTL words", "An alert box.", "A footnote[^1]", "[^1]: Footnote as text.", "TW")),
        (None, ("done. 60 %",)),
        (
            code("wide", [display({"text/html": WIDE})], 17),
            ("[columns 1 to", "column_0", "first", "[columns"),
        ),
        (None, ("column_29", "first", "29.123456")),
        (code("drawing", [display({"image/svg+xml": DRAWING})], 18), ("drawing",)),
        (code("the_last_cell()", (), None), ("[ ]", "the_last_cell()")),
    ]
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": SLIDER}}
    labkit = {"lab": "01_convolution", "student": {"id": "s123", "name": "王小明"}}
    cells = [cell for cell, _ in steps if cell is not None]
    return Stress(
        notebook(*cells, widgets=widgets, labkit=labkit),
        tuple(text for _, texts in steps for text in texts),
    )


@pytest.fixture(autouse=True, scope="module")
def _panics_are_forgotten():
    """A panic seen here must not make a later test of the command line end the whole process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "_seen", [])
        yield


@pytest.fixture(scope="session")
def stress():
    return make_stress()


@pytest.fixture(scope="session")
def make():
    """The small builders, for tests that make their own notebooks."""

    class Builders:
        pass

    for function in (png, stream, display, markdown, code, notebook, squeezed, page_text):
        setattr(Builders, function.__name__, staticmethod(function))
    return Builders


def squeezed(text):
    """Text without spaces, line ends, and the invisible marks of line breaks."""
    return re.sub(r"[\s\u200b\u00ad\ufffe\ufeff\x02]+", "", text)


def page_text(pdf):
    """The text of a PDF's pages as PDFium reads it, without running header and footer."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        texts = []
        for page in document:
            width, height = page.get_size()
            texts.append(page.get_textpage().get_text_bounded(0, 50, width, height - 55))
        return "\n".join(texts)
    finally:
        document.close()

"""Text that looks like Typst markup stays text, wherever it stands in a notebook."""

import html
import json
import re

import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.pdf.compiler import make_pdf
from labkit.pdf.fonts import find_fonts
from labkit.pdf.notebook import read
from labkit.pdf.typ import clean, lit

PIECES = [
    "canary",
    "#panic(1)",
    "#[x]",
    '#"',
    '"',
    "\\",
    "\\u{41}",
    "]",
    "[",
    "{",
    "}",
    "$",
    "$x$",
    "`",
    "```",
]
PIECES += [
    "*",
    "_",
    "//",
    "/*",
    "*/",
    "<a>",
    "@ref",
    "= H",
    '#import "x": *',
    '#read("/etc/passwd")',
    "\n",
    " ",
]
PIECES += [
    "~",
    "--",
    "'",
    ";",
    "#let f = 1",
    "#show: x",
    "<b>",
    "</b>",
    "&lt;",
    "|",
    "中",
    "🎉",
    "\u202e",
    "\x00",
]
PIECES += ["\x1b[31m", "\r", "\t"]
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join)


@given(TEXT)
@settings(max_examples=60, deadline=None)
def test_text_stays_text(make, text):
    data = make.notebook(
        make.markdown(f"# {text}\n\nStart {text} end"),
        make.code(
            text, [make.stream(text), make.display({"text/html": text}), make.display({"text/latex": text})]
        ),
        make.code(
            "last()",
            [
                {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
                make.display({"image/png": make.png()}, {"image/png": {"alt": text}}),
                make.display({"text/html": f'<img src="{html.escape(text)}" alt="{html.escape(text)}">'}),
            ],
            nbgrader={"grade_id": text, "points": 1, "solution": True},
        ),
        make.markdown(f"![{text}](attachment:{text})", attachments={text: {"image/png": text}}),
        labkit={"student": {"id": text, "name": text}},
        language_info={"name": text},
    )
    pdf, warnings = make_pdf(read(data), data, name=f"{text.replace('/', '')}.ipynb")
    assert not [warning for warning in warnings if "made as" in warning]
    shown = make.squeezed(make.page_text(pdf))
    # The code cell shows its source as it is; characters that cannot be shown are named.
    source = re.sub(r"\r\n?", "\n", text).replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    source = source.replace("\u202e", "[U+202E]")
    for line in source.strip("\n").split("\n"):
        assert make.squeezed(line).replace("\ufffd", "") in shown.replace("\ufffd", "")


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_a_literal_holds_exactly_its_text(text):
    source = f"#metadata({lit(text)}) <t>"
    compiler = typst.Compiler(source.encode(), font_paths=find_fonts().handle)
    assert json.loads(compiler.query("<t>", field="value")) == [clean(text)]

"""Pictures that a student pasted into a text are shown, or what stands there says why not."""

import base64
import io
import json
import re
import time
import zlib

import nbformat
import pytest
from bs4 import BeautifulSoup
from labgrader.config import configure
from labgrader.feedback import page
from labgrader.grade import executed_notebook
from labgrader.lab import Lab
from labgrader.pictures import MOST_PICTURES, MOST_TOTAL, taken_out
from labgrader.policy import Policy
from labgrader.sanitise import read, rebuild
from nbconvert.exporters import HTMLExporter
from PIL import Image
from traitlets.config import Config

POLICY = Policy()
LAB = Lab("00_toy", ())


def picture(kind="PNG", size=(30, 20), **options):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


PNG = picture()


def shown(source, attachments=None):
    """Return the cell of the executed notebook that a hand-in with one text gives, and the flags."""
    cell = {"cell_type": "markdown", "source": source, "metadata": {}, "attachments": attachments or {}}
    cells = read(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode(), POLICY
    )
    cells, _ = rebuild(cells, LAB)
    text, flags = executed_notebook(cells, {}, [], LAB, POLICY)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook, notebook.cells[0], flags


def formgrader(notebook):
    config = Config()
    configure(config)
    return HTMLExporter(template_name="basic", config=config).from_notebook_node(notebook)[0]


def images(html):
    return [tag["src"] for tag in BeautifulSoup(html, "html.parser").find_all("img")]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("inline", [False, True])
def test_a_pasted_picture_is_on_both_pages(kind, html, inline):
    text, mime = picture(kind), f"image/{kind.lower()}"
    address = f"data:{mime};base64,{text}" if inline else "attachment:my%20sketch.png"
    source = f"See <b onclick='f()'>it</b> <img alt='a' src='{address}'>" if html else f"See ![a]({address})"
    notebook, cell, flags = shown(source, {} if inline else {"my sketch.png": {mime: text}})
    assert flags == ()
    assert list(cell.attachments.values()) == [{mime: text}]
    assert len(cell.source) < 100
    facts = {"student": "amy", "notebook": "00_toy", "score": 0, "max_score": 1}
    for pages in (formgrader(notebook), page(notebook, facts)):
        assert images(pages) == [f"data:{mime};base64,{text}"]


def test_markdown_with_a_sound_picture_stays_markdown():
    _, cell, _ = shown(
        "*a* ![x](attachment:image.png) $x_1$", {"image.png": {"image/png": [PNG[:9], PNG[9:]]}}
    )
    assert cell.source == "*a* ![x](attachment:image.png) $x_1$"
    assert cell.attachments == {"image.png": {"image/png": PNG}}


BOMB = base64.b64encode(
    base64.b64decode(PNG)[:16] + b"\0\0\xff\xff\0\0\xff\xff" + base64.b64decode(PNG)[24:]
).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "it says it has 65535 by 65535 pixels"),
        (base64.b64encode(b"<svg onload='alert(1)'></svg>").decode(), "it is no PNG, JPEG, GIF or WebP"),
        (picture("TIFF"), "it is no PNG, JPEG, GIF or WebP"),
        (PNG[:-20], "its data is damaged"),
        (PNG[:41], "its data is damaged"),
        ("!" + PNG, "its data is damaged"),
        (picture("JPEG")[:300], "its data is damaged"),
        ("A" * 12_000_000, "it is larger than 8 MB"),
        ("", "it is no PNG, JPEG, GIF or WebP"),
    ],
)
def test_what_cannot_be_shown_says_why_and_is_flagged(text, why):
    _, cell, flags = shown("![a *dog*](attachment:x.png)", {"x.png": {"image/png": text}})
    assert cell.source == f"<p>a dog [picture not shown: {why}]</p>"
    assert flags == (f"cell 1: a picture is not shown: {why}",)
    assert "attachments" not in cell


@pytest.mark.parametrize(
    ("source", "said", "flagged"),
    [
        ("![a](gone.png)", "a [picture not shown: it is not in the notebook]", True),
        ("![](attachment:gone.png)", "[picture not shown: it is not in the cell]", True),
        ("![](data:image/svg+xml;utf8,<svg/>)", "[picture not shown: it is no PNG, JPEG, GIF or WebP]", True),
        ("<img src='https://a.org/x.png' alt='a'>", "a [picture not loaded: https://a.org/x.png]", False),
    ],
)
def test_pictures_from_elsewhere_are_words_on_both_pages(source, said, flagged):
    notebook, cell, flags = shown(source)
    facts = {"student": "amy", "notebook": "00_toy", "score": 0, "max_score": 1}
    for text in (cell.source, formgrader(notebook), page(notebook, facts)):
        assert said in " ".join(BeautifulSoup(text, "html.parser").get_text().split())
        assert images(text) == []
    assert bool(flags) is flagged


def test_a_text_with_a_picture_from_the_web_stays_markdown():
    badge = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://a.org)"
    for source, said in (
        (f"# $x_1$\n{badge}", "# $x_1$\n[Open in Colab](https://a.org)"),
        ("![](https://a.org/x_1_y.png) $a$", r"[picture not loaded: https://a.org/x\_1\_y.png] $a$"),
        ("```\n![](https://a.org/x.png)\n```", "```\n![](https://a.org/x.png)\n```"),
    ):
        notebook, cell, flags = shown(source)
        assert (cell.source, flags) == (said, ())
        assert images(formgrader(notebook)) == []


def test_the_limits_of_a_notebook_hold():
    start = time.process_time()
    few = "".join(f"![x](data:image/png;base64,{picture(size=(1, n + 1))})\n" for n in range(150))
    _, cell, (flag,) = shown(few)
    assert len(cell.attachments) == MOST_PICTURES
    assert cell.source.count("too many, or too big together]") == 50
    assert flag.startswith("cell 1: 50 pictures are not shown: the notebook's pictures are too many")
    many = "".join(f"![x](data:image/png;base64,{PNG[:-4]}{n:04})\n" for n in range(10_000))
    _, cell, (flag,) = shown(many)
    assert "attachments" not in cell
    assert flag == "cell 1: a picture is not shown: its text is too long or too odd"
    raw, note = base64.b64decode(PNG), b"teXt" + bytes(3_000_000)
    note = (len(note) - 4).to_bytes(4, "big") + note + zlib.crc32(note).to_bytes(4, "big")
    large = base64.b64encode(raw[:-12] + note + raw[-12:]).decode()
    _, cell, (flag,) = shown("![x](attachment:a) " * 90, {"a": {"image/png": large}})
    assert list(cell.attachments) == ["a"]
    assert cell.source.count("<img ") == MOST_TOTAL // len(large) < 8
    assert time.process_time() - start < 10


def test_hostile_names_and_bundles():
    names = ["../../x", 'a" onerror="f()', "<script>", "", "__proto__", "a" * 5000]
    for name in names:
        _, cell, _ = shown(
            f"<img src='attachment:{name}'>", {name: {"image/png": PNG}, "n": {"image/svg+xml": "<svg>"}}
        )
        assert all(re.fullmatch(r"[\w.-]{1,100}", each) for each in cell.get("attachments", {}))
        assert 'onerror="' not in cell.source
    for odd in (
        None,
        [],
        "x",
        {"a": None},
        {"a": {"image/png": 3}},
        {"a": {"image/png": [None, 3]}},
        {"a": []},
    ):
        assert set(taken_out("x", odd)[1].values()) <= {""}

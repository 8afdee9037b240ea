"""What would take for ever, or the whole memory: bounded, and said on the page."""

import base64
import io
import json
import re
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from labkit.pdf import child, compiler, document, guard, outputs, svg
from labkit.pdf.compiler import make_pdf
from labkit.pdf.errors import PdfError, PictureError
from labkit.pdf.notebook import read

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">{}</svg>'


def draw(data):
    pdf, _ = make_pdf(read(data), data, name="n.ipynb")
    return pdf


def test_a_long_output_is_folded_and_counted(make):
    text = make.page_text(draw(make.notebook(make.code("x", [make.stream("a line of text\n" * 700_000)]))))
    assert "699,942 lines not shown here" in text
    line = make.page_text(draw(make.notebook(make.code("x", [make.stream("z" * 10_000_000)]))))
    assert "9,996,000 characters not shown here" in " ".join(line.split())


def test_a_hundred_thousand_cells_and_outputs_are_counted(make, monkeypatch):
    monkeypatch.setattr(document, "MAX_CELLS", 40)  # 2,000 take their time
    monkeypatch.setattr(outputs, "MAX_OUTPUTS", 30)
    many = make.notebook(*[make.code("more")] * 20_040)
    text = " ".join(make.page_text(draw(many)).split())
    assert "[20,000 more cells not shown: there are too many pages; the attached notebook has them]" in text
    values = [make.display({"text/plain": "v"})] * 100_000
    text = make.page_text(draw(make.notebook(make.code("x", values))))
    assert "[99,970 more outputs of this cell not shown]" in text


def test_a_huge_picture_is_made_smaller_or_named(make):
    def png(width, height):
        out = io.BytesIO()
        Image.new("L", (width, height), 90).save(out, "PNG")
        return base64.b64encode(out.getvalue()).decode()

    pdf = draw(make.notebook(make.code("x", [make.display({"image/png": png(50_000, 400)})])))
    assert b"/Width 2400" in pdf
    text = make.page_text(
        draw(make.notebook(make.code("x", [make.display({"image/png": png(50_000, 5_000)})])))
    )
    assert "(it has too many pixels)" in text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('<g id="a"><use href="#a"/></g>', "the SVG refers to itself"),
        ("<g>" * 5000 + "</g>" * 5000, "the SVG is nested too deeply"),
        ('<filter id="f"/>', "the SVG uses filters"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "the SVG holds another SVG"),
        ("<!ENTITY a 'b'>", "the SVG declares entities"),
        (
            '<g id="a0"><rect/></g>'
            + "".join(f'<g id="a{i + 1}">' + f'<use href="#a{i}"/>' * 10 + "</g>" for i in range(9)),
            "the SVG would draw too many shapes",
        ),
    ],
)
def test_svg_that_grows_is_refused(body, why):
    with pytest.raises(PictureError, match=why):
        svg.checked(SVG.format(body).encode())


def test_an_ordinary_svg_with_uses_and_patterns_is_shown():
    body = (
        '<defs><path id="m" d="M0 0"/><pattern id="p"/></defs><rect fill="url(#p)"/>'
        + '<use href="#m"/>' * 900
    )
    assert svg.checked(SVG.format(body).encode()).startswith(b"<svg")
    outside = svg.checked(SVG.format('<image href="/etc/passwd"/>').encode())
    assert b"passwd" not in outside


def test_deep_nesting_everywhere(make):
    data = make.notebook(
        make.markdown("> " * 500 + "quoted"),
        make.markdown("<div>" * 3000 + "inside"),
        make.markdown("$" + "{" * 2000 + "x" + "}" * 2000 + "$ after"),
        make.markdown("$$" + "\\frac{1}{" * 500 + "x" + "}" * 500 + "$$ end"),
    )
    text = make.page_text(draw(data))
    for word in ("quoted", "inside", "after", "end"):
        assert word in text


def test_the_child_makes_the_same_bytes_and_is_bounded(make, tmp_path):
    data = make.notebook(make.markdown("# T\n\ntext"))
    assert child.make_pdf(data, name="n.ipynb") == (draw(data), [])
    with pytest.raises(PdfError, match="not a notebook"):
        child.make_pdf(b"[]", name="n.ipynb")
    with pytest.raises(PdfError, match=r"took more than 0\.01 seconds and was stopped"):
        child.make_pdf(data, name="n.ipynb", seconds=0.01)
    big = json.dumps({"cells": [], "pad": "x" * 50_000_000}).encode()
    with pytest.raises(PdfError, match="asks for too much"):
        child.make_pdf(big, name="n.ipynb", memory=180 << 20)


def test_what_is_kept_together_does_not_nest(make):
    """A summary that holds summaries that hold summaries, over many pages, once took 20 GB."""
    piece = "<details><summary>s " + "words to fill the page " * 40 + "<svg></svg><tr><td>1 "
    pdf, _ = child.make_pdf(make.notebook(make.markdown(piece * 40 + "end")), name="n.ipynb", memory=2 << 30)
    assert make.squeezed(make.page_text(pdf)).endswith("end")
    nested = "<table class='dataframe'><tr><td>" * 30 + "inside"
    pdf, _ = child.make_pdf(make.notebook(make.markdown(nested)), name="n.ipynb", memory=2 << 30)
    assert "inside" in make.page_text(pdf)


def test_a_fault_of_the_compiler_is_survived(make, monkeypatch):
    """Typst 0.15 panics on some mixtures of old scripts; its exception is no `Exception`."""
    panic = type("PanicException", (BaseException,), {})
    made = compiler.typst.Compiler
    calls = []

    class Faulty:
        def __init__(self, *args, **options):
            self.real, self.main = made(*args, **options), args

        def compile(self, *args, **options):
            return self.real.compile(*args, **options)

        def compile_with_warnings(self, **options):
            calls.append(Path(self.main[0]).read_text(encoding="utf-8"))
            if "ש" in calls[-1]:
                raise panic("end byte index 21 is out of bounds")
            return self.real.compile_with_warnings(**options)

    monkeypatch.setattr(compiler.typst, "Compiler", Faulty)
    data = make.notebook(make.markdown("word ש 中"))
    pdf, warnings = make_pdf(read(data), data, name="n.ipynb")
    assert "word [hebrew letter shin] 中" in make.page_text(pdf)
    assert warnings == ["letters that join or run from right to left are given by name or number"]
    assert len(calls) == 2
    assert guard.panicked()


def test_few_long_lines_go_on_over_pages(make):
    """A block that is kept whole because it has few lines must not run off the page when they wrap."""
    rows = ["x = '" + " ".join(f"w{100 * n + i}w" for i in range(90)) + "'" for n in range(10)]
    for parts in ([make.code("\n".join(rows))], [make.code("x", [make.stream("\n".join(rows))])]):
        text = make.page_text(draw(make.notebook(*parts)))
        assert [word for word in re.findall(r"w\d+w", " ".join(rows)) if word not in text] == []


def test_long_titles_captions_and_table_headers_are_not_lost(make):
    words = [f"w{i}w" for i in range(900)]
    head = "<table><thead><tr><th>" + " ".join(words) + "</th></tr></thead><tr><td>1</td></tr></table>"
    for source in (head, "# " + " ".join(words[:60]) + "\n\ntext"):
        text = make.page_text(draw(make.notebook(make.markdown(source))))
        assert [word for word in words if word in source and word not in text] == []
    caption = f"<table><caption>{' '.join(words)}</caption><tr><td>1</td></tr></table>"
    text = " ".join(make.page_text(draw(make.notebook(make.markdown(caption)))).split())
    assert "more characters not shown]" in text


def test_what_html_leaves_open_is_shown(make):
    source = (
        "<dl><dt>one<dd>two<dt>three<dd>four</dl><ul><li>five<li>six <ul><li>seven</ul></ul>"
        "<table><tr><td>eight<td>nine<tr><td>ten<td>eleven</table>"
    )
    text = make.page_text(draw(make.notebook(make.markdown(source))))
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
    assert [word for word in words if word in text.split()] == words


def test_json_and_foreign_objects_are_told(make):
    plain = "<IPython.core.display.JSON object>"
    svg = SVG.format(
        "<foreignObject width='9' height='9'><p xmlns='http://www.w3.org/1999/xhtml'>hi</p></foreignObject>"
    )
    shown = [
        make.display({"application/json": {"accuracy": 0.93}, "text/plain": plain}),
        make.display({"image/svg+xml": svg}),
    ]
    text = make.page_text(draw(make.notebook(make.code("x", shown))))
    assert "0.93" in text
    assert plain not in text
    assert "[text inside this SVG (foreignObject) not shown]" in text


@pytest.mark.parametrize("body", [b"no deflate", zlib.compress(b"\0" * 50)])
def test_a_picture_with_good_checksums_and_bad_pixels_is_named(make, body):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    data = make.notebook(make.code("f()", [make.display({"image/png": base64.b64encode(picture).decode()})]))
    assert "it cannot be decoded" in make.page_text(draw(data))

"""Paper, fold, tags, cover, language, engine: as flags and as traits."""

import io
import json
import re
import shutil

import nbformat
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from traitlets.config import Config

from labkit.pdf import engines, render
from labkit.pdf.errors import PdfError
from labkit.pdf.exporter import LabPDFExporter
from labkit.pdf.fold import folded
from labkit.pdf.options import Options, OptionsError, parse


@pytest.fixture(scope="module")
def data(make):
    return make.notebook(
        make.markdown("# Lab\n\nWords."),
        make.code("rows()", [make.stream("\n".join(f"row {i}" for i in range(50)))]),
        make.code("secret()", tags=["solution", "x"]),
    )


def pages(pdf):
    document = pypdfium2.PdfDocument(pdf)
    sizes = [tuple(round(side) for side in page.get_size()) for page in document]
    texts = [" ".join(page.get_textpage().get_text_range().split()) for page in document]
    document.close()
    return sizes, texts


def test_paper_cover_fold_and_language(data):
    chosen = Options(paper="letter", cover=True, fold=5, language="fr")
    pdf = render(data, name="n.ipynb", options=chosen)
    sizes, texts = pages(pdf)
    assert sizes == [(612, 792), (612, 792)]
    assert "Words." not in texts[0]
    assert "… 46 lines not shown here" in texts[1]
    assert PdfReader(io.BytesIO(pdf)).root_object["/Lang"] == "fr"
    assert pages(render(data, name="n.ipynb"))[0] == [(595, 842)]


def test_a_language_with_its_country(make):
    for asked, said in {"zh-TW": "zh-TW", "zh-hant": "zh-TW", "EN-gb": "en-GB"}.items():
        pdf = render(make.notebook(make.markdown("# 實驗")), name="n.ipynb", options=Options(language=asked))
        assert PdfReader(io.BytesIO(pdf)).root_object["/Lang"] == said


@pytest.mark.parametrize(
    "wrong", [{"paper": "a3"}, {"fold": 0}, {"leave_out": ("a b",)}, {"language": "English"}]
)
def test_options_that_cannot_be(wrong):
    with pytest.raises(OptionsError, match="expected"):
        Options(**wrong)


@pytest.mark.parametrize(
    "options", [Options(), Options("letter", 9, ("a", "b.c"), True, "zh"), Options(leave_out=("solution",))]
)
def test_options_travel_in_words(options):
    assert parse(options.words()) == options


def test_forged_options_are_refused():
    with pytest.raises(OptionsError):
        parse("fold=x")


def test_the_traits_are_the_flags(data):
    config = Config({"LabPDFExporter": {"paper": "letter", "leave_out": ["solution"]}})
    node = nbformat.from_dict(json.loads(data))
    pdf, _ = LabPDFExporter(config=config).from_notebook_node(node)
    sizes, texts = pages(pdf)
    assert set(sizes) == {(612, 792)}
    assert "secret()" not in " ".join(texts)


def test_an_engine_that_is_not_there_says_what_to_do(data, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(PdfError) as caught:
        engines.make_pdf(data, engine="latex", name="n.ipynb", root=tmp_path, options=Options())
    assert str(caught.value) == (
        "The engine latex needs pandoc and xelatex; install Pandoc and TeX Live, "
        "or leave out --engine, which needs neither."
    )
    monkeypatch.setattr(engines, "_has_own_browser", lambda: False)
    assert engines.available("webpdf").startswith("The engine webpdf needs Chromium; run: playwright install")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert engines.available("webpdf").startswith(
        "The engine webpdf needs Playwright; run: pip install playwright;"
    )
    with pytest.raises(PdfError, match="needs Playwright"):
        LabPDFExporter(engine="webpdf").from_notebook_node(nbformat.from_dict(json.loads(data)))


def test_a_long_output_fills_about_a_page_and_says_what_is_left_out(make):
    text = "\n".join(f"line {number} of a long output" for number in range(400))
    pages = PdfReader(
        io.BytesIO(render(make.notebook(make.code("f()", [make.stream(text)])), name="n.ipynb"))
    ).pages
    assert len(pages) == 2
    assert "342 lines not shown here; the attached notebook has them" in pages[0].extract_text()


@given(st.lists(st.integers(0, 900), min_size=1, max_size=60), st.integers(3, 40))
def test_lines_are_shown_or_counted(lengths, limit):
    lines = [f"{number}:" + "x" * length for number, length in enumerate(lengths)]
    shown = folded("\n".join(lines), limit).split("\n")
    said = [int(found[1]) for line in shown if (found := re.match(r"… (\d+) lines? not shown", line))]
    assert len(shown) - len(said) + sum(said) == len(lines)
    assert [line for line in shown if line in lines] == [line for line in lines if line in shown]
    assert sum(1 + len(line) // 100 for line in shown) <= limit + 1 + 2 * 10  # one long line at each end

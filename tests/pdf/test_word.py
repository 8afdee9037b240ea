"""The Word file: everything that the PDF shows is in it, or a line that says what is not."""

import io
import re
import zipfile

import docx
import pytest

from labkit.pdf.notebook import read
from labkit.pdf.word import make_docx

# Said in other words, or in another order, than in the PDF.
OTHER = {
    "(7)",
    "undefinedcommand",
    "[7]",
    "[columns 1 to",
    "[columns",
    "first",
    "TW",
    "3 points",
    "q-slips",
    "the file is missing",
}


def text_of(data, make):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read("word/document.xml").decode()
    return make.squeezed("".join(re.findall(r"<(?:w|m):t(?: [^>]*)?>([^<]*)<", xml)))


def shown(make, *cells, **metadata):
    data = make_docx(read(make.notebook(*cells, **metadata)), name="n.ipynb", root=None)
    docx.Document(io.BytesIO(data))  # python-docx can read what was written
    return text_of(data, make)


def test_all_of_the_stress_notebook_is_in_it(stress, make):
    from html import escape

    text = text_of(make_docx(read(stress.data), name="stress.ipynb", root=None), make)
    lost = [
        one
        for one in stress.expected
        if one not in OTHER and escape(make.squeezed(one), quote=False) not in text
    ]
    assert lost == []


VIEW = "application/vnd.jupyter.widget-view+json"
TABULAR = r"\begin{tabular}{ll} a & b \\ c & d \end{tabular}"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"text/markdown": "**bold** words", "text/plain": "<Markdown object>"}, "boldwords"),
        ({"text/html": "<b>bold</b> words", "text/plain": "<HTML object>"}, "boldwords"),
        ({"text/html": "<table><caption>Top three</caption><tr><td>1</td></tr></table>"}, "Topthree1"),
        ({"text/html": "<figure><img src=x.png><figcaption>A cat</figcaption></figure>"}, "Acat"),
        ({"text/html": "<video src=a.mp4></video>"}, "[videonotshown]"),
        ({"text/latex": TABULAR, "text/plain": "<Latex object>"}, "tabular"),
        ({"text/latex": "$x^2$"}, "x2"),
        ({"text/latex": "The value $x$, then."}, "Thevaluex,then."),
        ({"text/latex": r"$x \rule{1em}{1pt} y$"}, r"x\rule{1em}{1pt}y"),
        ({"text/html": "<progress value=3 max=5></progress>"}, "60%"),
        ({"text/html": "<ul>a<li>b</ul><table>c<tr><td>d</tr>e</table>"}, "abced"),
        (
            {"application/json": {"key": "v1"}, "text/plain": "<IPython.core.display.JSON object>"},
            '"key":"v1"',
        ),
        ({VIEW: {"model_id": "s"}, "text/plain": "IntSlider()"}, "[interactive:stride:2]"),
        ({VIEW: {"model_id": "gone"}, "text/plain": "IntSlider()"}, "wasnotsaved"),
        ({"image/png": "aGVsbG8=", "text/plain": "<Figure>"}, "picturenotshown"),
        ({"application/x-odd": "?"}, "cannotbeprinted:application/x-odd"),
    ],
)
def test_no_output_is_lost_in_silence(make, data, words):
    slider = {"s": {"model_name": "IntSliderModel", "state": {"description": "stride", "value": 2}}}
    state = {"application/vnd.jupyter.widget-state+json": {"state": slider}}
    assert words in shown(make, make.code("show()", [make.display(data)]), widgets=state)


def test_an_error_without_traceback_is_named(make):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no such size", "traceback": []}
    assert "ValueError:nosuchsize" in shown(make, make.code("f()", [error]))


def test_drawings_are_pictures_and_links_are_links(make):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><circle cx="9" cy="9" r="8"/></svg>'
    cells = (
        make.markdown("See [the docs](https://example.org/a?b=c)."),
        make.code("f()", [make.display({"image/svg+xml": svg})]),
    )
    data = make_docx(read(make.notebook(*cells)), name="n.ipynb", root=None)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert any(name.endswith(".png") for name in archive.namelist() if name.startswith("word/media/"))
        assert b"https://example.org/a?b=c" in archive.read("word/_rels/document.xml.rels")
    assert "Seethedocs." in text_of(data, make)


def test_what_is_cut_is_counted(make):
    rows = "".join(f"<tr><td>{i}</td></tr>" for i in range(250))
    many = [make.display({"text/plain": str(i)}) for i in range(310)]
    text = shown(
        make,
        make.code("f()", [make.display({"text/html": f"<table>{rows}</table>"})]),
        make.code("g()", many),
    )
    assert "[50morerowsnotshown]" in text
    assert "[10moreoutputsofthiscellnotshown]" in text


def test_a_formula_that_the_converter_would_cut_stands_as_source(make, monkeypatch):
    # the opening bracket is an attribute
    formula = make.markdown(r"So $\big(x + y\big)^2$ is")
    assert "Sox+y)2is" in shown(make, formula)
    monkeypatch.setattr(
        "labkit.pdf.wordhtml.to_office", lambda _: "<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>"
    )
    assert r"So\big(x+y\big)^2is" in shown(make, formula)

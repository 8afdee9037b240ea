"""What does not fit, or cannot be set, is still there to read; and one bad part takes no other with it."""

import pypdfium2
import pytest

from labkit.pdf import document
from labkit.pdf.compiler import make_pdf
from labkit.pdf.notebook import read


def draw(data):
    return make_pdf(read(data), data, name="n.ipynb")


def boxes(pdf, *letters):
    """Where letters stand on the first page, and the page's width."""
    page = pypdfium2.PdfDocument(pdf)[0]
    text = page.get_textpage()
    codes = [pypdfium2.raw.FPDFText_GetUnicode(text, i) for i in range(text.count_chars())]
    found = [text.get_charbox(i) for i, code in enumerate(codes) if code in letters]
    return [box for box in found if box[3] > box[1]], page.get_size()[0]


def table_of(make, html):
    return make.notebook(make.code("x", [make.display({"text/html": html})]))


def test_cells_that_overlap_are_laid_out_side_by_side(make):
    html = (
        "<table><tr><td>a</td><td rowspan=2>b</td></tr><tr><td colspan=2>c</td><td>d</td></tr></table>"
        "<table><tr><td rowspan=9 colspan=9>e</td></tr><tr><td colspan=3 rowspan=2>f</td></tr></table>"
    )
    pdf, warnings = draw(table_of(make, html))
    assert warnings == []
    assert sorted(make.page_text(pdf).split("[1]")[1].split()) == sorted("xabcdef")


def test_a_part_that_cannot_be_set_takes_no_other_with_it(make, monkeypatch):
    def broken(cell, *rest, usual=document._code):
        return ["panic()"] if "fatal" in cell.source else usual(cell, *rest)

    monkeypatch.setattr(document, "_code", broken)
    cells = [make.code(f"cell{i}" + " fatal" * (i in (2, 5))) for i in range(7)]
    pdf, warnings = draw(make.notebook(make.markdown("[to](#H) it\n\n## H"), *cells))
    text = make.page_text(pdf)
    assert [i for i in range(7) if f"cell{i}" in text] == [0, 1, 3, 4, 6]
    assert text.count("this part could not be set on paper") == 2
    assert warnings[-1].startswith("a part of the notebook could not be set")


@pytest.mark.parametrize("label", ["0", "a label of many words " * 6])
def test_long_text_in_tables_wraps_and_stays_legible(make, label):
    row = f"<tr><th>{label}</th><td>" + "quick brown fox " * 70 + "</td><td>" + "t_" * 900 + "</td></tr>"
    pdf, _ = draw(table_of(make, f'<table class="dataframe">{row * 4}</table>'))
    found, width = boxes(pdf, ord("q"), 0x1D45E)
    assert len(found) > 50
    assert min(top - bottom for _, bottom, _, top in found) > 3.5  # of a letter in 6 pt
    assert max(right for _, _, right, _ in found) < width - 55
    assert make.squeezed(make.page_text(pdf)).count("foxquick") >= 4 * 60


def test_wide_formulas_are_broken_or_stand_as_source(make):
    terms = "+".join(f"w_{{{i}}} q" for i in range(40))
    data = make.notebook(
        make.markdown(rf"$$q = {terms}$$"),
        make.markdown(rf"$$q = {terms} \tag{{8}}$$"),
        make.markdown(rf"$$\frac{{q + {terms}}}{{2}}$$"),
    )
    pdf, _ = draw(data)
    found, width = boxes(pdf, ord("q"), 0x1D45E)
    assert len(found) > 40
    assert min(top - bottom for _, bottom, _, top in found) > 4
    assert max(right for _, _, right, _ in found) < width - 55
    text = make.squeezed(make.page_text(pdf))
    assert text.count("[aformulatoowideforthepage,asLaTeXsource]") == 1
    assert r"\frac{q+w_{0}" in text
    assert "(8)" in text

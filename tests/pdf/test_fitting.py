"""A figure gets a little smaller where it then stands on the page before, and only there."""

import pypdfium2
import pytest

from labkit.pdf.compare import compare
from labkit.pdf.compiler import make_pdf
from labkit.pdf.notebook import read

HIGH = 300.0  # points


def draw(make, *heights, lines=0, after="words after it"):
    """Draw figures below a few lines of text; return the PDF, the notebook, page and height of each."""
    cells = [make.markdown("\n\n".join(["Filler."] * lines) or "Begin.")]
    for number, high in enumerate(heights):
        picture = make.png(400, round(high / 0.75), (number, 90, 140))
        size = {"image/png": {"alt": f"figure {number}", "width": 400, "height": round(high / 0.75)}}
        cells += [make.code("draw()", [make.display({"image/png": picture}, size)]), make.markdown(after)]
    data = make.notebook(*cells)
    pdf, warnings = make_pdf(read(data), data, name="n.ipynb")
    assert warnings == []
    return pdf, data, figures(pdf)


def figures(pdf):
    """Return page and height of each picture, in order."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(pdf)):
        for item in page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]):
            _, bottom, _, top = item.get_bounds()
            found.append((number, top - bottom))
    return found


def test_it_shrinks_just_enough_to_fit_the_page_and_no_more_than_stays_legible(make):
    shown = [draw(make, HIGH, lines=lines)[2][0] for lines in range(8, 26)]
    assert {page for page, _ in shown} == {0, 1}
    for page, high in shown:  # whole where it fits, whole on the next page where it would become too small
        assert high == pytest.approx(HIGH, abs=1) if page else 0.72 * HIGH - 1 <= high <= HIGH + 1
    smaller = [high for page, high in shown if page == 0 and high < HIGH - 1]
    assert len(smaller) > 2
    assert smaller == sorted(smaller, reverse=True)
    assert len(set(smaller)) == len(smaller)


def test_the_proof_knows_of_it_and_the_bytes_are_the_same_again(make):
    sizes = (HIGH, 380.0, 120.0, 360.0, 340.0)
    pdf, data, shown = draw(make, *sizes, lines=21)
    assert [page for page, _ in shown] == sorted(page for page, _ in shown)
    assert sum(high < whole - 1 for (_, high), whole in zip(shown, sizes, strict=True)) >= 2
    proven, reason, pages = compare(pdf, data, rerender=True)
    assert proven, reason
    assert "byte for byte" in reason
    assert pages == "same"


def test_a_picture_that_stands_twice_keeps_its_size(make):
    picture = make.display({"image/png": make.png(400, 400)}, {"image/png": {"width": 400, "height": 400}})
    cells = [
        make.markdown("\n\n".join(["Filler."] * 15)),
        make.code("a", [picture]),
        make.code("b", [picture]),
    ]
    data = make.notebook(*cells)
    pdf, _ = make_pdf(read(data), data, name="n.ipynb")
    assert [high for _, high in figures(pdf)] == pytest.approx([HIGH, HIGH], abs=1)

"""Each lab with its solutions: everything is on the pages, in order, and the standards are kept."""

import io
import re
from pathlib import Path

import bs4
import nbformat
import pytest
from labgrader.masters import read_master, solution_notebook
from pypdf import PdfReader

from labkit.pdf.compare import compare
from labkit.pdf.compiler import make_pdf
from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import read
from labkit.pdf.typ import clean

MASTERS = sorted((Path(__file__).parents[2] / "grading/masters").glob("0*.py"))


def words_of(cell):
    """The pieces of text that must be on the pages: lines of code, text between formulas."""
    if cell.kind == "code":
        return cell.source.split("\n")
    soup = bs4.BeautifulSoup(to_html(cell.source), "html.parser")
    for node in soup(["tex", "script", "style"]):
        node.replace_with("\x01")
    strings = [text for text in soup.find_all(string=True) if type(text) is bs4.NavigableString]
    return [piece for text in strings for piece in text.split("\x01")]


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_every_word_of_a_lab_is_on_its_pages_in_order(master, make):
    raw = nbformat.writes(solution_notebook(read_master(master))).encode()
    notebook = read(raw)
    pdf, warnings = make_pdf(notebook, raw, name="lab.ipynb", root=Path("notebooks"))
    assert [warning for warning in warnings if "made as" in warning or "formula" in warning] == []

    def plain(text):  # PDFium drops the hyphen at the end of a line
        return re.sub("[-\u2010]", "", clean(make.squeezed(text)))

    shown, at = plain(make.page_text(pdf)), 0
    for number, cell in enumerate(notebook.cells):
        for words in map(plain, words_of(cell)):
            if len(words) > 2:
                found = shown.find(words, 0 if number == 0 else at)  # the title stands first
                assert found >= 0, f"cell {number}: {words!r} is not in {shown[at : at + 200]!r}"
                at = found + len(words) if number else at
    reader = PdfReader(io.BytesIO(pdf))
    xmp = reader.root_object["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert reader.attachments["lab.ipynb"] == [raw]
    proven, reason, *_ = compare(pdf, raw, rerender=False)
    assert proven, reason

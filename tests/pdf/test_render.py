"""One notebook with everything in it, drawn, and read back with a real PDF reader."""

import hashlib
import io
import json
import subprocess
import sys

import nbformat
import pypdfium2
import pytest
from pypdf import PdfReader

from labkit.pdf import render
from labkit.pdf.compiler import make_pdf
from labkit.pdf.exporter import LabPDFExporter
from labkit.pdf.notebook import NotebookError, content_hash, read


@pytest.fixture(scope="module")
def made(stress, tmp_path_factory):
    root = tmp_path_factory.mktemp("stress")
    return make_pdf(read(stress.data), stress.data, name="01_convolution_s123.ipynb", root=root)


def test_every_text_is_on_the_pages_in_order(made, stress, make):
    text, at = make.squeezed(make.page_text(made[0])), 0
    for expected in stress.expected:
        found = text.find(make.squeezed(expected), at)
        assert found >= 0, f"{expected!r} is not in {text[at : at + 400]!r}"
        at = found + len(make.squeezed(expected))


def test_what_could_not_be_shown_is_reported(made):
    assert [warning for warning in made[1] if "picture" not in warning] == [
        "1 formula could not be set and stand as LaTeX source",
        "emoji that no font here draws in one piece: joined ones side by side (👩+🔬); keys as [1]; "
        "flags as letters (TW)",
    ]
    assert sum("picture not shown" in warning for warning in made[1]) == 3


def test_running_lines_name_student_file_and_hash(made, stress):
    document = pypdfium2.PdfDocument(made[0])
    second = document[1].get_textpage().get_text_range()
    document.close()
    digest = hashlib.sha256(stress.data).hexdigest()
    for part in ("王小明", "s123", "01_convolution_s123.ipynb", digest[:12], "2 /"):
        assert part in second


def test_it_is_archivable_accessible_and_tagged(made):
    reader = PdfReader(io.BytesIO(made[0]))
    xmp = reader.root_object["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert reader.metadata.title == "Stress 測試 of the exporter"
    assert reader.metadata.author == "王小明"
    assert b"Nine windows" in made[0] or "Nine windows" in str(_alternatives(reader))


def _alternatives(reader):
    found = []
    for number in range(1, len(reader.xref[0]) + 1):
        try:
            thing = reader.get_object(number)
        except Exception:
            continue
        if isinstance(thing, dict) and "/Alt" in thing:
            found.append(str(thing["/Alt"]))
    return found


def test_the_outline_has_the_headings(made):
    document = pypdfium2.PdfDocument(made[0])
    titles = [(item.level, item.get_title()) for item in document.get_toc()]
    document.close()
    assert titles == [
        (0, "Stress 測試 of the exporter"),
        (1, "Second level"),
        (2, "Fourth level without third"),
    ]


def test_the_exact_notebook_is_attached(made, stress):
    attachments = PdfReader(io.BytesIO(made[0])).attachments
    assert attachments == {"01_convolution_s123.ipynb": [stress.data]}


def test_the_keywords_carry_both_hashes(made, stress):
    keywords = PdfReader(io.BytesIO(made[0])).metadata["/Keywords"]
    assert f"ipynb-sha256:{hashlib.sha256(stress.data).hexdigest()}" in keywords
    assert f"content-sha256:{content_hash(read(stress.data))}" in keywords


def test_the_same_notebook_gives_the_same_bytes_in_another_process(stress, tmp_path):
    (tmp_path / "n.ipynb").write_bytes(stress.data)
    program = (
        "import sys, hashlib, pathlib; from labkit.pdf import render;"
        "print(hashlib.sha256(render(pathlib.Path('n.ipynb').read_bytes(), name='n.ipynb')).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == hashlib.sha256(render(stress.data, name="n.ipynb")).hexdigest()


def test_the_rest_of_nbconvert_is_not_loaded_and_not_harmed():
    program = (
        "import sys; from labkit.pdf.markdown import to_html; a = to_html('*b*');"
        "assert not [n for n in sys.modules if n.startswith(('nbconvert', 'nbclient', 'nbformat'))];"
        "import nbconvert; from nbconvert.filters.strings import add_anchor; assert add_anchor;"
        "del sys.modules['labkit.pdf.markdown']; from labkit.pdf.markdown import to_html, IPythonRenderer;"
        "assert IPythonRenderer is nbconvert.filters.markdown_mistune.IPythonRenderer;"
        "print(a == to_html('*b*'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


def test_pictures_below_the_folder_are_shown_and_attached(make, tmp_path):
    import base64

    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "地圖 1.png").write_bytes(base64.b64decode(make.png()))
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    data = make.notebook(make.markdown("![map](images/地圖%201.png) ![sneaky](link.png) ![text](notes.txt)"))
    (tmp_path / "notes.txt").write_text("no picture")
    pdf, warnings = make_pdf(read(data), data, name="n.ipynb", root=tmp_path)
    attachments = [embedded.alternative_name for embedded in PdfReader(io.BytesIO(pdf)).attachment_list]
    assert set(attachments) == {"n.ipynb", "images/地圖 1.png"}
    assert [warning.split(":")[0] for warning in warnings] == [
        "picture not shown (the file is missing, damaged, too big or a link out of the folder)",
        "picture not shown (the file is missing, damaged, too big or a link out of the folder)",
    ]


def test_an_empty_notebook_has_a_page(make):
    assert "the notebook is empty" in make.page_text(render(make.notebook(), name="empty.ipynb"))


def test_old_formats_and_missing_fields(make):
    old = b"""{"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 1, "source": "Old title"},
        {"cell_type": "code", "input": "print(3)", "language": "python", "outputs": [],
         "prompt_number": 4}]}]}"""
    text = make.page_text(render(old, name="old.ipynb"))
    assert "Old title" in text
    assert "print(3)" in text
    odd = b"""{"cells": [{"source": ["no ", "type"]}, {"cell_type": "code"}, 7, null,
        {"cell_type": "code", "source": "a", "outputs": [{"output_type": "stream"}, {"output_type": "new"}, 3,
         {"output_type": "display_data", "data": {"image/png": null, "text/html": 5}},
         {"output_type": "error", "traceback": 8}], "execution_count": "x"}]}"""
    text = make.page_text(render(odd, name="odd.ipynb"))
    assert "no type" in text
    assert "output of unknown kind 'new' not shown" in text


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"not json", b"[]", b'{"a": 1}', b'{"cells": 3}', b"[" * 200_000]
)
def test_what_is_no_notebook_is_said_to_be_none(data):
    with pytest.raises(NotebookError, match="not a notebook"):
        render(data, name="x.ipynb")


def test_a_missing_letter_costs_no_standard(make):
    text = "private \ue123 use, old \U00010480 script, flag \U0001f1fa\U0001f1f8, family 👨\u200d👩\u200d👧"
    data = make.notebook(make.markdown(f"# T\n\n{text} $x \ue123$"), make.code(f"s = '{text}'"))
    pdf, warnings = make_pdf(read(data), data, name="n.ipynb")
    assert not [warning for warning in warnings if "made as" in warning]
    assert "[osmanya letter alef]" in make.page_text(pdf)
    assert "[U+E123]" in make.page_text(pdf)


def test_nbconvert_finds_the_exporter(stress, tmp_path, make):
    from nbconvert.exporters import get_exporter

    assert get_exporter("labpdf") is LabPDFExporter
    file = tmp_path / "lab one.ipynb"
    file.write_bytes(stress.data)
    pdf, resources = LabPDFExporter().from_filename(str(file))
    assert resources["output_extension"] == ".pdf"
    assert PdfReader(io.BytesIO(pdf)).attachments == {"lab one.ipynb": [stress.data]}


def test_an_open_notebook_attaches_the_saved_file_when_it_is_the_same(tmp_path, make):
    file = tmp_path / "n.ipynb"
    file.write_bytes(make.notebook(make.markdown("# T\n\nsaved")))
    node = nbformat.from_dict(json.loads(file.read_text()))
    where = {"metadata": {"name": "n", "path": str(tmp_path)}}
    pdf, _ = LabPDFExporter().from_notebook_node(node, where)
    assert PdfReader(io.BytesIO(pdf)).attachments["n.ipynb"] == [file.read_bytes()]
    node.cells[0].source = "# T\n\nchanged since"
    pdf, _ = LabPDFExporter().from_notebook_node(node, where)
    attached = PdfReader(io.BytesIO(pdf)).attachments["n.ipynb"][0]
    assert attached != file.read_bytes()
    assert b"changed since" in attached


def test_the_title_is_the_first_top_heading_and_stands_once(make):
    first = make.notebook(make.markdown("```\n# no title\n```\n# The `out_size` *lab*\n\nText"))
    pdf = render(first, name="a.ipynb")
    assert PdfReader(io.BytesIO(pdf)).metadata.title == "The out_size lab"
    assert make.page_text(pdf).count("The out_size lab") == 1
    later = make.notebook(make.markdown("Words first."), make.markdown("# Later"))
    text = make.page_text(render(later, name="b.ipynb"))
    assert text.index("Later") < text.index("Words first.") < text.rindex("Later")
    assert make.page_text(render(make.notebook(make.markdown("text")), name="c d.ipynb")).startswith("c d")


def test_wide_things_stay_on_the_page(make):
    wide = "$$" + "+".join(f"x_{{{i}}}" for i in range(60)) + "$$"
    columns = "".join(f"<td>column{i}</td>" for i in range(30))
    table = f'<table class="dataframe"><tr>{columns}</tr></table>'
    data = make.notebook(make.markdown(wide), make.code("w", [make.display({"text/html": table})]))
    document = pypdfium2.PdfDocument(render(data, name="w.ipynb"))
    page = document[0]
    width = page.get_size()[0]
    boxes = [page.get_textpage().get_charbox(i) for i in range(page.get_textpage().count_chars())]
    document.close()
    assert max(box[2] for box in boxes) < width - 40


def test_the_title_of_a_table_stands_on_its_page(make):
    def pages(lines):
        filler = "\n\n".join(["Filler."] * lines)
        data = make.notebook(
            make.markdown(f"{filler}\n\n**Title of it**\n\n| Left | Right |\n|--|--|\n| 1 | 2 |")
        )
        document = pypdfium2.PdfDocument(render(data, name="t.ipynb"))
        texts = [page.get_textpage().get_text_bounded() for page in document]
        document.close()
        return [next(i for i, text in enumerate(texts) if words in text) for words in ("Title of it", "Left")]

    found = [pages(lines) for lines in range(33, 39)]
    assert {place for _, place in found} == {0, 1}  # the table moved to the next page on the way
    assert all(title == table for title, table in found)


def test_the_points_of_a_check_stand_below_its_message(make):
    def pages(lines):
        said = {"text/html": "<pre style='margin: 0'>all cases agree</pre>", "text/plain": "all cases agree"}
        points = make.display({"text/plain": "4.25"}, None, "execute_result", 2)
        data = make.notebook(
            make.code("\n".join(["x = 1"] * lines)), make.code("y", [make.display(said), points])
        )
        document = pypdfium2.PdfDocument(render(data, name="t.ipynb"))
        texts = [page.get_textpage().get_text_bounded() for page in document]
        document.close()
        return [next(i for i, text in enumerate(texts) if words in text) for words in ("agree", "4.25")]

    found = [pages(lines) for lines in range(42, 52)]
    assert {place for _, place in found} == {0, 1}
    assert all(said == points for said, points in found)


def test_links_go_to_headings_and_to_safe_addresses_only(make):
    text = (
        "[in](#The-end) [gone](#nowhere) [js](javascript:alert(1)) [file](file:///etc/passwd)\n\n## The end"
    )
    reader = PdfReader(io.BytesIO(render(make.notebook(make.markdown(text)), name="l.ipynb")))
    links = [note.get_object() for note in reader.pages[0].get("/Annots", [])]
    assert len(links) == 1
    assert "/URI" not in str(links[0])

"""What verify proves, refutes and survives."""

import importlib.util
import io
import json
import re
import shutil
import subprocess
import zlib

import pypdfium2
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from labkit.pdf import render
from labkit.pdf.compare import compare
from labkit.pdf.options import Options
from labkit.pdf.verify import Verdict, verify


@pytest.fixture(scope="module")
def pair(make):
    data = make.notebook(
        make.markdown("# Lab\n\nThe answer is **forty-two**."), make.code("print(42)", [make.stream("42\n")])
    )
    return render(data, name="lab_s1.ipynb"), data


def judge(pdf, notebook):
    """As `verify` with its pages drawn again, but in this process, which is quicker."""
    proven, reason, *pages = compare(pdf, notebook, rerender=True)
    return Verdict(proven, reason, "".join(pages))


def changed(pdf, change):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_true_pair_is_proven(pair):
    quick = verify(*pair)
    assert quick.proven
    assert re.fullmatch(
        r"The PDF carries this notebook, byte for byte \(SHA-256 \w{12}\); its pages were not compared\.",
        quick.reason,
    )
    whole = verify(*pair, rerender=True)
    assert whole.proven
    assert whole.reason.endswith("and drawing it again gives the same PDF, byte for byte.")
    assert (quick.pages, whole.pages) == ("", "same")


def test_pictures_of_the_folder_do_not_break_the_proof(make, tmp_path):
    import base64

    (tmp_path / "a.png").write_bytes(base64.b64decode(make.png()))
    data = make.notebook(make.markdown("![a](a.png)"))
    verdict = verify(render(data, name="n.ipynb", root=tmp_path), data, rerender=True)
    assert verdict.proven
    assert "with the 1 picture files attached to it" in verdict.reason


@pytest.mark.parametrize("source", ["gone.png", "text.png", "folder", "<img src=''>", "link.png"])
def test_pictures_that_cannot_be_shown_do_not_break_the_proof(make, tmp_path, source):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    data = make.notebook(make.markdown(source if source[0] == "<" else f"![my photo]({source})"))
    verdict = verify(render(data, name="n.ipynb", root=tmp_path), data, rerender=True)
    assert verdict.proven, verdict


def test_another_notebook_is_refuted(pair, make):
    verdict = verify(pair[0], make.notebook(make.markdown("# Lab\n\nAnother.")))
    assert not verdict.proven
    assert verdict.reason.startswith("Refuted: the PDF carries another notebook")


def test_the_same_content_saved_again_is_told_apart(pair):
    node = json.loads(pair[1])
    for again, said in (
        (
            pair[1] + b"\n",
            "not this file: they differ only in white space at the end of the file, 1 byte (SHA",
        ),
        (
            json.dumps(node, indent=3).encode(),
            "not this file: they differ only in how the same JSON is written",
        ),
        (json.dumps({**node, "metadata": {"a": 1}}).encode(), "same cells and outputs, but other metadata"),
    ):
        verdict = verify(pair[0], again)
        assert not verdict.proven
        assert said in verdict.reason
        assert "name the .ipynb that was handed in with the PDF" in verdict.reason


def test_a_page_that_shows_something_else_is_refuted(pair, make):
    other = render(
        make.notebook(make.markdown("# Lab\n\nThe answer is **forty-three**.")), name="lab_s1.ipynb"
    )
    true = PdfReader(io.BytesIO(pair[0]))

    def swap(writer):
        forged = PdfReader(io.BytesIO(other)).pages[0]
        writer.remove_page(0)
        writer.add_page(forged)

    forged = changed(pair[0], swap)
    assert PdfReader(io.BytesIO(forged)).attachments == true.attachments
    assert verify(forged, pair[1]).proven  # the notebook does travel in it; the reason says that this is all
    verdict = verify(forged, pair[1], rerender=True)
    assert not verdict.proven
    assert verdict.reason.startswith("Refuted:")
    assert "drawing it again gives another PDF: page 1 shows" in verdict.reason


def test_nobody_is_accused_when_another_python_drew_the_pages(make):
    record = {"student": {"id": "s1"}, "record": {"python": "3.99.1"}}
    data = make.notebook(make.markdown("# Lab\n\nForty-two."), labkit=record)
    other = make.notebook(make.markdown("# Lab\n\nForty-three."), labkit=record)
    pages = PdfReader(io.BytesIO(render(other, name="n.ipynb"))).pages

    def swap(writer):
        writer.remove_page(0)
        writer.insert_page(pages[0], 0)

    verdict = judge(changed(render(data, name="n.ipynb"), swap), data)
    assert not verdict.proven
    assert verdict.reason.startswith("Not proven:")
    assert "It was made with Python 3.99," in verdict.reason


def test_a_change_that_leaves_the_text_is_refuted_too(pair):
    verdict = judge(changed(pair[0], lambda writer: writer.pages[0].rotate(90)), pair[1])
    assert not verdict.proven
    assert "the text is the same" in verdict.reason


def test_other_versions_are_compared_by_text_and_say_so(pair, make):
    def claim(writer):
        words = PdfReader(io.BytesIO(pair[0])).metadata["/Keywords"]
        writer.add_metadata({"/Keywords": re.sub("engine:.*", "engine:labkit-0.0.1", words)})

    older = changed(pair[0], claim)
    verdict = judge(older, pair[1])
    assert verdict.proven
    assert "made by other versions, so the pages were compared by their text alone" in verdict.reason
    assert verdict.pages == "text"


def test_a_false_stamp_is_refuted(pair):
    forged = changed(pair[0], lambda w: w.add_metadata({"/Keywords": "ipynb-sha256:" + "0" * 64}))
    verdict = verify(forged, pair[1])
    assert not verdict.proven
    assert "stamped with another hash (000000000000)" in verdict.reason


def test_two_notebooks_inside_are_refuted(pair):
    verdict = verify(changed(pair[0], lambda w: w.add_attachment("b.ipynb", b"{}")), pair[1])
    assert not verdict.proven
    assert "carries 2 notebooks" in verdict.reason


def test_a_pdf_without_notebook_is_not_proven(pair):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    out = io.BytesIO()
    writer.write(out)
    verdict = verify(out.getvalue(), pair[1])
    assert verdict == type(verdict)(
        False,
        "Cannot prove: the PDF has no notebook inside, as when a viewer prints it to a file, "
        "and its pages hold no text to compare.",
    )


def printed(pdf, name="printed.pdf"):
    """The same pages without what was attached, as a viewer's "Print to file" leaves them."""
    out = io.BytesIO()
    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(pdf)).pages:
        writer.add_page(page)
    writer.write(out)
    return out.getvalue()


def test_a_printed_pdf_is_compared_by_its_text(pair, make):
    verdict = verify(printed(pair[0]), pair[1])
    assert not verdict.proven
    assert verdict.reason == (
        "Cannot prove: the PDF has no notebook inside, as when a viewer prints it to a file. The text of "
        "its pages is that of the notebook; its first page bears this notebook's hash; pictures could not be "
        "compared."
    )
    other = verify(printed(pair[0]), make.notebook(make.markdown("# Lab\n\nAnother.")))
    assert other.reason.startswith(
        "Refuted: the PDF has no notebook inside, and its first page says that it was"
    )


def test_a_pdf_that_a_viewer_saved_again_is_proven(pair):
    again = changed(pair[0], lambda writer: None)
    assert again != pair[0]
    verdict = judge(again, pair[1])
    assert verdict.proven, verdict.reason
    assert verdict.reason.endswith(
        "another program has saved the PDF again, but its 1 page is drawn by the same commands as when the "
        "notebook is drawn again, and outline, titles, tags and alternative texts are the same."
    )


def _appended(pdf, end):
    """A PDF whose page is a red box to programs that find its second version, behind the first's end."""
    number = int(re.search(rb"/Contents (\d+) 0 R", pdf)[1])
    begin = int(pdf.split(b"startxref")[-1].split()[0])
    root = re.search(rb"/Root \d+ 0 R", pdf)[0]
    box = b"1 0 0 rg 50 400 400 300 re f"
    body = b"\n%d 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\n" % (number, len(box), box)
    table = b"xref\n%d 1\n%010d 00000 n\r\ntrailer\n<<%s/Prev %d>>\n" % (number, len(pdf) + 1, root, begin)
    return pdf + body + table + end % (len(pdf) + len(body))


@pytest.mark.parametrize("trick", ["no end", "too far an end", "two contents", "two versions", "ahead"])
def test_a_pdf_that_other_programs_show_in_another_way_is_not_proven(pair, trick):
    pdf, notebook = pair
    twice = re.sub(rb"/Contents \d+ 0 R", rb"\g<0>/Contents 1 0 R", pdf, count=1)
    other = {
        "no end": _appended(pdf, b"startxref\n%d\n"),
        "too far an end": _appended(pdf, b"startxref\n%d\n%%%%EOF\n%%" + b"x" * 3000),
        "two contents": twice,
        "two versions": _appended(pdf, b"startxref\n%d\n%%%%EOF\n"),
        "ahead": b"x\n" + pdf,
    }[trick]
    verdict = verify(other, notebook, rerender=True)
    assert not verdict.proven, verdict.reason


def test_a_note_put_on_a_page_is_not_proven(pair):
    from pypdf.annotations import FreeText

    def put(writer):
        writer.add_annotation(0, FreeText(text="forty-three", rect=(90, 600, 200, 640)))

    verdict = judge(changed(pair[0], put), pair[1])
    assert not verdict.proven
    assert "pages are drawn in another way" in verdict.reason


def test_chosen_options_are_drawn_again(make):
    data = make.notebook(make.markdown("# Lab"), make.code("hidden()", tags=["solution"]))
    pdf = render(data, name="n.ipynb", options=Options(paper="letter", cover=True, leave_out=("solution",)))
    verdict = judge(pdf, data)
    assert verdict.proven, verdict.reason
    text = make.page_text(pdf)
    assert "hidden()" not in text
    assert "1 cell tagged solution left out here" in " ".join(text.split())


@pytest.mark.parametrize(
    "garbage", [b"", b"hello", b"\x00" * 5000, b"PK\x03\x04", b"<html>%PDF-", "中文".encode() * 100]
)
def test_what_is_no_pdf_is_said_to_be_none(garbage, pair):
    assert verify(garbage, pair[1]).reason == "The file is not a PDF."


@pytest.mark.parametrize("cut", [9, 400, 5000, -1])
def test_a_damaged_pdf_is_not_proven(pair, cut):
    damaged = pair[0][:cut] if cut > 0 else pair[0].replace(b"/EmbeddedFiles", b"/EmbeddedFilez")
    verdict = verify(damaged, pair[1])
    assert not verdict.proven
    assert verdict.reason.startswith(("Not proven:", "Cannot prove:"))


def _pdf_with_stream(head, data):
    """A small PDF whose attachment is a raw stream, written by hand."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a.ipynb) 4 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        b"<< /Type /Filespec /F (a.ipynb) /UF (a.ipynb) /EF << /F 5 0 R >> >>",
        b"<< /Type /EmbeddedFile " + head + b" /Length %d >>\nstream\n" % len(data) + data + b"\nendstream",
    ]
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, 2)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def test_the_hand_made_pdf_is_readable():
    assert "another notebook" in verify(_pdf_with_stream(b"", b'{"cells": []}'), b"{}").reason


def test_a_decompression_bomb_is_bounded():
    packer = zlib.compressobj(9)
    once = b"".join([packer.compress(b"\0" * 10_000_000) for _ in range(40)] + [packer.flush()])
    bomb = _pdf_with_stream(b"/Filter [/FlateDecode /FlateDecode]", zlib.compress(once, 9))
    verdict = verify(bomb, b"{}", seconds=30)
    assert not verdict.proven
    assert verdict.reason.startswith(("Not proven:", "Refuted:"))


def test_endless_references_are_bounded():
    loop = _pdf_with_stream(b"", b"x").replace(b"/Names [(a.ipynb) 4 0 R]", b"/Kids [1 0 R 2 0 R 2 0 R]")
    assert not verify(loop, b"{}", seconds=20).proven


def test_time_is_limited(pair):
    verdict = verify(*pair, rerender=True, seconds=0.01)
    assert verdict.reason == "Not proven: comparing took more than 0.01 seconds and was stopped."


def test_processor_time_is_limited(pair, monkeypatch):
    def change(writer):
        stream = DecodedStreamObject()
        stream.set_data(b"BT /F1 9 Tf " + b"(x) Tj 1 0 0 1 3 3 Tm " * 200_000 + b"ET")
        writer.pages[0][NameObject("/Contents")] = stream

    slow = changed(pair[0], change)
    monkeypatch.setattr("labkit.pdf.verify.CPU", 1)
    assert verify(slow, pair[1], rerender=True).reason == (
        "Not proven: comparing took more than 1 seconds of processor time and was stopped."
    )


def test_a_full_disk_is_told(pair, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert verify(*pair).reason == (
        "Not compared: No space left on device in the folder for temporary files; free some space, or set "
        "TMPDIR to a folder that can be written to."
    )


def test_a_missing_package_is_named(pair, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pypdf" else find(name))
    assert verify(*pair).reason == "Not compared: pypdf is missing; run: pip install 'labkit[pdf]'"


@pytest.mark.parametrize("trick", ["script", "attachment", "opens"])
def test_what_acts_when_the_pdf_is_opened_is_not_proven(pair, trick):
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    def put(writer):
        if trick == "script":
            code = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("f()")}
            writer.root_object["/Names"][NameObject("/JavaScript")] = DictionaryObject(code)
        elif trick == "attachment":
            writer.add_attachment("better.pdf", b"%PDF-1.4 forty-three")
        else:
            action = {NameObject("/S"): NameObject("/GoToE"), NameObject("/T"): TextStringObject("b.pdf")}
            writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)

    assert not judge(changed(pair[0], put), pair[1]).proven


def _first_elements(root, count=9):
    """The first elements of a PDF's tags, from the top."""
    found, waiting = [], [root["/StructTreeRoot"]]
    while waiting and len(found) < count:
        one = waiting.pop(0).get_object()
        found += [one] if "/S" in one else []
        kids = one.get("/K")
        kids = kids.get_object() if kids is not None else []
        waiting += [
            kid for kid in (kids if isinstance(kids, list) else [kids]) if isinstance(kid.get_object(), dict)
        ]
    return found


def _put_unseen(writer, part):
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

    root = writer.root_object
    if part in ("/ActualText", "/Alt"):
        _first_elements(root)[-1][NameObject(part)] = TextStringObject("The answer is forty-three.")
    elif part == "order":
        top = _first_elements(root)[0]
        top[NameObject("/K")] = ArrayObject(list(top["/K"])[::-1])
    elif part == "outline":
        writer.add_outline_item(title="An answer", page_number=0)
    elif part == "outline title":
        root["/Outlines"]["/First"].get_object()[NameObject("/Title")] = TextStringObject("Another")
    elif part == "xmp":
        stream = root["/Metadata"].get_object()
        stream.set_data(
            stream.get_data().replace(b"<dc:format>", b"<dc:source>A book</dc:source><dc:format>")
        )
    elif part == "labels":
        style = DictionaryObject({NameObject("/S"): NameObject("/D"), NameObject("/St"): NumberObject(40)})
        labels = ArrayObject([NumberObject(0), style])
        root[NameObject("/PageLabels")] = DictionaryObject({NameObject("/Nums"): labels})
    elif part == "language":
        root[NameObject("/Lang")] = TextStringObject("fr")
    else:
        writer.add_metadata({part: "Somebody"})


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("/ActualText", "tags and alternative texts"),
        ("/Alt", "tags and alternative texts"),
        ("order", "tags and alternative texts"),
        ("outline", "outline"),
        ("outline title", "outline"),
        ("xmp", "metadata (XMP)"),
        ("labels", "page labels"),
        ("language", "language"),
        ("/Title", "title, author and keywords"),
        ("/Author", "title, author and keywords"),
        ("/Odd", "title, author and keywords"),
    ],
)
def test_what_is_said_beside_the_pages_is_compared(pair, part, named):
    verdict = judge(changed(pair[0], lambda writer: _put_unseen(writer, part)), pair[1])
    assert not verdict.proven
    assert verdict.reason.startswith("Not proven:")
    assert verdict.reason.endswith(f"but something beside them was changed: {named}.")


def test_the_date_and_program_of_a_save_are_no_change(pair):
    def save(writer):
        writer.add_metadata({"/Producer": "A viewer", "/ModDate": "D:20261120"})
        stream = writer.root_object["/Metadata"].get_object()
        said = b"<xmp:MetadataDate>2026-11-20</xmp:MetadataDate><pdf:Producer>A viewer</pdf:Producer>"
        stream.set_data(stream.get_data().replace(b"<dc:format>", said + b"<dc:format>"))

    verdict = judge(changed(pair[0], save), pair[1])
    assert verdict.proven, verdict.reason


@pytest.mark.skipif(shutil.which("gs") is None, reason="needs Ghostscript")
def test_a_pdf_that_ghostscript_has_rewritten_is_not_called_a_forgery(pair, tmp_path):
    (tmp_path / "in.pdf").write_bytes(pair[0])
    command = ["gs", "-q", "-sDEVICE=pdfwrite", "-o", "out.pdf", "in.pdf"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    verdict = judge((tmp_path / "out.pdf").read_bytes(), pair[1])
    assert not verdict.proven
    assert verdict.reason.startswith("Cannot prove:")


def test_a_pdf_that_chrome_has_saved_is_proven(pair):
    out = io.BytesIO()
    document = pypdfium2.PdfDocument(pair[0])
    document.save(out)
    document.close()
    verdict = judge(out.getvalue(), pair[1])
    assert verdict.proven, verdict.reason

"""The hand-in: exactly two files, plain warnings, clear errors."""

import base64
import errno
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

import labkit
from labkit.handin import HandinError, checked_id, find_notebook, make
from labkit.lookover import look_over, unanswered
from labkit.pdf.notebook import read
from labkit.pdf.verify import verify

_out = io.BytesIO()
Image.new("RGB", (40, 30), (30, 90, 140)).save(_out, "PNG")
PNG = base64.b64encode(_out.getvalue()).decode()
STUB = "def corr2d(x, k):\n    # your code\n    raise NotImplementedError\n"


AGAIN = "choose Kernel > Restart Kernel and Run All Cells, then save"


def cell(kind, source, *, count=None, outputs=(), **grading):
    made = {"cell_type": kind, "metadata": {"nbgrader": grading} if grading else {}, "source": source}
    return {**made, "execution_count": count, "outputs": list(outputs)} if kind == "code" else made


def lab(*cells, **extra):
    metadata = {"labkit": {"lab": "01_convolution", "title": "Lab"}, **extra}
    node = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}
    return json.dumps(node, ensure_ascii=False).encode()


@pytest.fixture
def done(tmp_path):
    """A notebook that was run from top to bottom."""
    file = tmp_path / "01_convolution.ipynb"
    file.write_bytes(
        lab(cell("markdown", "# Lab 1"), cell("code", "1 + 1", count=1), cell("code", "2", count=2))
    )
    return file


def test_the_zip_holds_exactly_the_pair(done, tmp_path, capsys):
    path = labkit.handin(done, student="s123", name=" 王小明 ", out=tmp_path / "new folder")
    assert path == tmp_path / "new folder" / "01_convolution_s123.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["01_convolution_s123.ipynb", "01_convolution_s123.pdf"]
        notebook, pdf = (archive.read(name) for name in archive.namelist())
    metadata = json.loads(notebook)["metadata"]["labkit"]
    record = metadata.pop("record")
    assert metadata == {"lab": "01_convolution", "title": "Lab", "student": {"id": "s123", "name": "王小明"}}
    assert set(record) >= {"python", "torch", "labkit", "device", "system", "where", "saved", "made"}
    assert verify(pdf, notebook, rerender=True).proven
    assert json.loads(notebook)["cells"] == json.loads(done.read_bytes())["cells"]
    assert capsys.readouterr().out == (
        f"Written: {path}. It holds the notebook as it was saved just now, and its PDF.\n"
    )
    assert os.listdir(path.parent) == [path.name]  # nothing temporary is left


def test_the_same_notebook_gives_the_same_zip(done, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    first, second = (make(done, student="s1", out=tmp_path / name).path.read_bytes() for name in "ab")
    assert first == second


def test_the_hand_in_of_another_notebook_is_kept(done, capsys):
    copy = done.with_name("作業 (2).ipynb")
    copy.write_bytes(done.read_bytes())
    first = labkit.handin(copy, student="s1", name="A").read_bytes()
    capsys.readouterr()
    path = labkit.handin(done, student="s1", name="A")
    said = capsys.readouterr().out.splitlines()[-1]
    (kept,) = (file for file in path.parent.glob("*.zip") if file != path)
    assert kept.read_bytes() == first != path.read_bytes()
    assert re.fullmatch(
        r"A hand-in made \S+ \S+ from 作業 \(2\)\.ipynb had this name: it is kept as (.*);.*", said
    )
    assert kept.name in said
    labkit.handin(done, student="s1", name="A")
    assert capsys.readouterr().out.splitlines()[-1].startswith("It takes the place of the one made ")
    assert len(list(path.parent.glob("*.zip"))) == 2


def test_the_notebook_itself_is_not_touched(done):
    before = done.read_bytes()
    make(done, student="s1")
    assert done.read_bytes() == before


def test_everything_is_said_and_the_pair_is_made_anyway(tmp_path):
    file = tmp_path / "lab.ipynb"
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}
    file.write_bytes(
        lab(
            cell("markdown", "# Lab"),
            cell("code", "a = 1", count=5),
            cell("code", STUB, count=2, grade_id="corr2d", solution=True),
            cell("code", "corr2d(1, 2)", count=3, outputs=[error]),
            cell("code", "never()"),
            cell("code", "  "),
            cell("markdown", "YOUR ANSWER HERE", grade_id="q-dropped", solution=True, grade=True, points=3),
            cell(
                "markdown", "Because of the floor.", grade_id="q-slips", solution=True, grade=True, points=3
            ),
        )
    )
    made = make(file, student="s1")
    assert made.path.is_file()
    assert made.warnings == (
        f"the cell 'never()' was not run, so the PDF has no output there: {AGAIN}.",
        f"the cell [3] ended with an error: mend it, {AGAIN}.",
        f"the cells were not run from top to bottom: {AGAIN}.",
        "still to be written: corr2d.",
        "still to be answered: q-dropped.",
    )


def test_a_notebook_that_was_never_run_is_told_once():
    data = lab(cell("code", "a"), cell("code", "b"))
    assert look_over(read(data)) == ["no code cell has been run: run all cells and save the notebook."]


MEND = "open the lab as it was released once more, put your answers into its cells and hand that in."


@pytest.mark.parametrize(
    ("cells", "told", "said"),
    [
        (["a", "b"], {"answers": ["a", "b"]}, ""),
        (["b"], {"answers": ["a", "b", "q"]}, f"answer cells of this lab are missing: a, q; {MEND}"),
        ([], {"answers": ["a"]}, f"answer cells of this lab are missing: a; {MEND}"),
        ([], {}, f"the notebook has no cells; {MEND}"),
        (["", "a"], {"version": "0.1"}, ""),
        ([""], {"version": "0.1"}, f"all answer cells of this lab are missing; {MEND}"),
        ([""], {}, ""),
    ],
)
def test_answer_cells_that_were_deleted_are_missed(cells, told, said):
    made = [cell("code", "1", count=1, **({"grade_id": name} if name else {})) for name in cells]
    assert look_over(read(lab(*made, labkit=told))) == ([said] if said else [])


def test_cells_are_named_as_jupyter_shows_them():
    error = [{"output_type": "error"}]
    cells = [cell("code", f"f({n})", count=n, outputs=error) for n in (1, 2, 2)]
    assert look_over(read(lab(*cells))) == [
        f"the cells [1], 'f(2)', 'f(2)' ended with an error: mend them, {AGAIN}."
    ]


def test_the_cell_that_hands_in_is_left_out():
    data = lab(cell("code", "1", count=1), cell("code", "labkit.handin(student='s1')"))
    assert look_over(read(data)) == []


def test_a_comment_about_the_stub_is_no_stub():
    data = lab(cell("code", 'x = "raise NotImplementedError"  # done', count=1, grade_id="a", solution=True))
    assert look_over(read(data)) == []


@pytest.mark.parametrize(
    "text", ["", "  \n", "YOUR ANSWER HERE", "**Your answer here.**", "<!-- write -->\n### Question\n…"]
)
def test_empty_answers(text):
    assert unanswered(text)


@pytest.mark.parametrize("text", ["x", "Your answer here: the floor", "因為"])
def test_written_answers(text):
    assert not unanswered(text)


@pytest.mark.parametrize("student", ["s123", "B12-345_x.y", " 7 ", "a\n", "ｓ１２３"])
def test_good_ids(student):
    assert checked_id(student).isascii()


@pytest.mark.parametrize("student", ["", "王小明", "a/b", "../x", "a b", "-x", ".x", "x.", "a" * 41, "é"])
def test_bad_ids_are_told_what_to_do(student, done):
    with pytest.raises(HandinError) as caught:
        make(done, student=student)
    assert str(caught.value) == (
        f"The student id is {student!r}; expected 1 to 40 letters A-Z, digits, '.', '_' or '-', starting "
        "with a letter or digit. A name in any script goes into `name`."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.ipynb: The file is empty: it is not a notebook any more; take an earlier copy, as from"),
        (
            b'{"cells": [',
            "The file is not a notebook or is damaged: it is not JSON; take an earlier copy, as",
        ),
        (b"\x1f\x8b\x08", "not a notebook but a compressed file (gzip); unpack it and name the .ipynb file"),
        (b"PK\x03\x04", "not a notebook but a zip; unpack it"),
        (b"%PDF-1.7", "not a notebook but a PDF; name the .ipynb file that it was made from"),
        (b"\n<!DOCTYPE html>", "not a notebook but a web page (HTML); download the .ipynb file itself"),
        ("{}".encode("utf-16"), "not a notebook but text in UTF-16; save it as UTF-8"),
        (b"{\n<<<<<<< HEAD\n=======\n", "holds git's marks of a merge conflict (<<<<<<<), so it is not JSON"),
        (b"<<<<<<< HEAD\n=======\n", "holds git's marks of a merge conflict (<<<<<<<), so it is not JSON"),
        (
            '{"cells": "é"}'.encode("latin-1"),
            "The file is not in UTF-8 (byte 12 is 0xe9): a program has saved it",
        ),
        (b"{}", "x.ipynb: The file is not a notebook: it is JSON, but has no cells"),
        (None, "There is no file"),
    ],
)
def test_files_that_are_no_notebook(tmp_path, content, message):
    file = tmp_path / "x.ipynb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HandinError) as caught:
        make(file, student="s1")
    assert message in str(caught.value)
    assert not list(tmp_path.glob("*.zip"))


def test_a_folder_is_no_notebook(tmp_path):
    with pytest.raises(HandinError, match="is a folder; name the file in it"):
        make(tmp_path, student="s1")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.ipynb")
    with pytest.raises(HandinError, match="is no plain file but a pipe or a device; name the file itself"):
        make(tmp_path / "a.ipynb", student="s1")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "a.ipynb").write_text("{}")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(HandinError, match="Permission denied; give yourself the right to read it"):
        make(tmp_path / "a.ipynb", student="s1")


@pytest.mark.parametrize("student", ["con", "CON", "nul.txt", "com1"])
def test_names_that_windows_keeps_for_devices(student):
    with pytest.raises(HandinError, match=f"'{student}', a name that Windows keeps for a device"):
        checked_id(student)


def test_what_is_too_big_to_be_graded_is_told(done, tmp_path, monkeypatch):
    from labkit.handin import pair

    assert not any("too big" in said for said in pair.make(done, student="s1", out=tmp_path).warnings)
    monkeypatch.setattr(pair, "MOST_READ", 1000)
    assert "too big to be graded" in pair.make(done, student="s1", out=tmp_path).warnings[0]


def test_a_notebook_of_no_lab_keeps_its_own_name(tmp_path):
    file = tmp_path / "my notes 筆記 v2.ipynb"
    file.write_bytes(b'{"cells": [], "nbformat": 4}')
    assert make(file, student="s1").path.name == "my_notes_v2_s1.zip"


def test_an_old_notebook_is_handed_in_as_a_new_one(tmp_path):
    file = tmp_path / "old.ipynb"
    code = {"cell_type": "code", "input": "1", "language": "python", "outputs": [], "prompt_number": 1}
    file.write_text(
        json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [code]}]})
    )
    with zipfile.ZipFile(make(file, student="s1").path) as archive:
        assert json.loads(archive.read("old_s1.ipynb"))["nbformat"] == 4


def test_the_notebook_is_found_by_what_jupyter_says(done, monkeypatch):
    monkeypatch.chdir(done.parent)
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/else/01_convolution.ipynb")
    assert find_notebook() == done
    monkeypatch.setenv("JPY_SESSION_NAME", str(done))
    assert find_notebook() == done


def test_the_only_lab_in_the_folder_is_found(done, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    (done.parent / "notes.ipynb").write_text('{"cells": []}')
    (done.parent / "broken.ipynb").write_text("{")
    assert find_notebook(done.parent) == done


def test_two_labs_in_the_folder_ask_for_the_path(done, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    (done.parent / "02.ipynb").write_bytes(done.read_bytes())
    with pytest.raises(
        HandinError, match=r"2 lab notebooks are in .*; pass the path, as in labkit\.handin\("
    ):
        find_notebook(done.parent)


def test_the_record_is_on_the_last_page(tmp_path):
    file = tmp_path / "lab.ipynb"
    times = {"iopub.execute_input": "2026-03-01T10:00:00Z", "shell.execute_reply": "2026-03-01T10:01:12.5Z"}
    slow = {**cell("code", "train(model)", count=2), "metadata": {"execution": times}}
    file.write_bytes(lab(cell("markdown", "# Lab"), slow))
    with zipfile.ZipFile(make(file, student="s1", name="王小明").path) as archive:
        pages = pypdfium2.PdfDocument(archive.read("01_convolution_s1.pdf"))
    first, last = (pages[i].get_textpage().get_text_range() for i in (0, len(pages) - 1))
    assert len(pages) == 2
    assert "王小明 · s1" in first
    assert re.search(r"^20\d\d-\d\d-\d\d \d\d:\d\d", first, re.MULTILINE)
    for words in ("How this was made", "PyTorch", "Device", "CPU", "the command line", "[2]", "train(model)"):
        assert words in last
    assert "1 cell took 1 min 12 s in all" in last


def test_long_names_of_files_stay_short(tmp_path):
    file = tmp_path / ("a very long name of a notebook, copied and copied again " + "x" * 150 + ".ipynb")
    file.write_bytes(b'{"cells": [], "nbformat": 4}')
    name = make(file, student="s" * 40, name="王" * 300).path.name
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,110}\.zip", name)


def test_a_word_file_on_request(tmp_path):
    file = tmp_path / "lab.ipynb"
    picture = {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {}}
    text = "# Lab *one*\n\nWords, `code`, $\\frac{1}{2}$ and 中文.\n\n- a point\n\n|a|b|\n|-|-|\n|1|2|"
    file.write_bytes(lab(cell("markdown", text), cell("code", "x = 1\x0b", count=3, outputs=[picture])))
    made = make(file, student="s1", docx=True)
    with zipfile.ZipFile(made.docx) as archive:
        document = archive.read("word/document.xml").decode()
        assert any(name.startswith("word/media/") for name in archive.namelist())
    for words in ("Lab ", "Words, ", "中文", "a point", "x = 1", "[3]", "<m:f>"):
        assert words in document
    with zipfile.ZipFile(made.path) as archive:
        assert len(archive.namelist()) == 2


def full_disk(*_args, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_sentence_and_the_notebook_is_there(done, monkeypatch):
    before = done.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(HandinError) as caught:
        make(done, student="s1")
    assert str(caught.value) == (
        "01_convolution.ipynb: The PDF cannot be made: No space left on device in the folder for temporary "
        "files; free some space, or set TMPDIR to a folder that can be written to."
    )
    monkeypatch.undo()
    monkeypatch.setattr("zipfile.ZipFile.writestr", full_disk)
    with pytest.raises(HandinError) as caught:
        make(done, student="s1")
    assert str(caught.value) == (
        f"{done.parent / '01_convolution_s1.zip'} cannot be written: No space left on device; free some "
        "space or name another folder: -o FOLDER. "
        "Your notebook is as it was."
    )
    assert [file.name for file in done.parent.iterdir()] == [done.name]
    assert done.read_bytes() == before


def test_a_read_only_folder_is_one_sentence(done, monkeypatch):
    made = tempfile.mkstemp

    def read_only(*args, dir=None, **options):
        if dir == done.parent:
            raise OSError(errno.EROFS, "Read-only file system")
        return made(*args, dir=dir, **options)

    monkeypatch.setattr(tempfile, "mkstemp", read_only)
    with pytest.raises(HandinError, match=r"cannot be written: Read-only file system; name an"):
        make(done, student="s1")
    assert make(done, student="s1", out=done.parent / "elsewhere").path.is_file()


def test_a_notebook_shows_the_sentence_without_the_lines_of_the_package(tmp_path, capsys):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.run_cell(f"import labkit\nlabkit.handin({str(tmp_path / 'none.ipynb')!r}, student='s1')")
    InteractiveShell.clear_instance()
    assert capsys.readouterr().out == (
        f"HandinError: There is no file {tmp_path / 'none.ipynb'}; check the name, or go to its folder.\n"
    )


def test_without_fonts_is_one_sentence(done, monkeypatch):
    from labkit.pdf import fonts

    fonts.find_fonts.cache_clear()
    monkeypatch.setattr(fonts, "_package_folder", lambda *_: [])
    with pytest.raises(HandinError) as caught:
        make(done, student="s1")
    fonts.find_fonts.cache_clear()
    assert str(caught.value) == (
        "01_convolution.ipynb: The PDF cannot be made: matplotlib's fonts (DejaVu) are missing; "
        "run: pip install --force-reinstall matplotlib"
    )


def test_import_is_light_and_handin_is_callable_however_it_was_imported():
    program = (
        "import sys, time; t = time.perf_counter(); import labkit; took = time.perf_counter() - t;"
        "heavy = [m for m in ('torch', 'matplotlib', 'numpy', 'nbconvert', 'typst') if m in sys.modules];"
        "import labkit.handin; from labkit import handin; from labkit.handin import handin as plain;"
        "print(took < 0.05, heavy, callable(labkit.handin), callable(handin), callable(plain))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "True [] True True True"


def test_unknown_names_of_labkit_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'labkit' has no attribute 'nothing'"):
        _ = labkit.nothing

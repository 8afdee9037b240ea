"""What of a student's files is taken in."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labgrader.intake import Facts, crowded, look, pick, student_in
from labgrader.policy import Policy
from labgrader.sanitise import read
from labgrader.untrusted import NotPlainError, open_plain, plain_files, read_plain

LAB = "01_convolution"


def write(folder: Path, *names: str, text: str = "{}") -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in names]


def notebook(lab: str = LAB, student: str = "amy") -> str:
    own = {"lab": lab, "student": {"id": student, "name": "Amy"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"labkit": own}, "cells": []})


def test_only_plain_files_are_listed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.ipynb",
        "sub/b.pdf",
        ".DS_Store",
        "__MACOSX/._a.ipynb",
        "sub/.ipynb_checkpoints/a.ipynb",
        "twin",
    )
    (tmp_path / "link").symlink_to("a.ipynb")
    (tmp_path / "out").symlink_to("/etc")
    os.link(tmp_path / "twin", tmp_path / "sub" / "twin")
    os.mkfifo(tmp_path / "pipe")
    found, refused = plain_files(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.ipynb", "sub/b.pdf"]
    assert sorted(map(str, refused)) == [
        "link: a link",
        "out: a link",
        "pipe: not a plain file",
        "sub/twin: a hard link: the file has another name elsewhere",
        "twin: a hard link: the file has another name elsewhere",
    ]


def test_too_many_files_and_too_deep_folders(tmp_path: Path) -> None:
    write(tmp_path, *(f"{n:03d}" for n in range(30)))
    found, refused = plain_files(tmp_path, files=20)
    assert len(found) == 20
    assert str(refused[0]) == "020: more than 20 files; the rest was left out"
    write(tmp_path / "deep", "a/b/c/d.txt")
    assert [str(item) for item in plain_files(tmp_path / "deep", depth=3)[1]] == [
        "a/b/c: a folder more than 3 deep"
    ]


def test_reading_refuses_what_is_not_plain(tmp_path: Path) -> None:
    write(tmp_path, "big", text="x" * 100)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("big")
    cases = {
        "big": "100 bytes, the most is 99",
        "pipe": "not a plain file",
        "link": "a link",
        "none": "cannot be read: No such file or directory",
        "": "not a plain file",
    }
    for name, message in cases.items():
        with pytest.raises(NotPlainError, match=f"^{message}$"):
            read_plain(tmp_path / name, most=99)
    assert read_plain(tmp_path / "big") == b"x" * 100
    with open_plain(tmp_path / "big") as file:
        assert file.read(3) == b"xxx"


@pytest.mark.parametrize(
    ("stem", "student"),
    [
        ("01_convolution_amy", "amy"),
        ("01_convolution_amy_lee", "amy_lee"),
        ("01_convolution_amy (2)", "amy"),
        ("01_convolution_amy(12)", "amy"),
        ("01_convolution_zoe\u0301", "zo\u00e9"),
        ("01_convolution", None),
        ("02_pooling_amy", None),
        ("01_convolutionamy", None),
    ],
)
def test_student_in_a_file_name(stem: str, student: str | None) -> None:
    assert student_in(stem, LAB) == student


def test_the_pair_is_picked_by_name(tmp_path: Path) -> None:
    files = write(tmp_path, f"{LAB}_amy.ipynb", f"{LAB}_amy.pdf", "other.ipynb", "photo.jpg")
    parts = pick(files, lab=LAB, student="amy")
    assert parts.notebook == files[0]
    assert parts.pdf == files[1]
    assert parts.odd == ("1 other file left out (photo.jpg)",)


def test_the_plain_name_and_a_lone_pdf_will_do(tmp_path: Path) -> None:
    files = write(tmp_path, f"{LAB}.ipynb", "report.pdf")
    parts = pick(files, lab=LAB, student="amy")
    assert (parts.notebook, parts.pdf) == (files[0], files[1])
    assert parts.odd == ("its PDF is named report.pdf",)


def test_the_students_name_wins_over_the_plain_one(tmp_path: Path) -> None:
    files = write(tmp_path, f"{LAB}.ipynb", f"{LAB}.pdf", f"{LAB}_amy.ipynb")
    parts = pick(files, lab=LAB, student="amy")
    assert parts.notebook == files[2]
    assert parts.odd == ("also holds 01_convolution.ipynb, left out", "its PDF is named 01_convolution.pdf")


def test_a_renamed_notebook_is_known_by_its_hint(tmp_path: Path) -> None:
    files = write(tmp_path, "homework.ipynb", "homework.pdf", text=notebook())
    other = write(tmp_path, "old.ipynb", text=notebook(lab="02_pooling"))
    parts = pick(files + other, lab=LAB, student="amy")
    assert (parts.notebook, parts.pdf) == (files[0], files[1])
    assert parts.odd == ("its notebook is named homework.ipynb",)


def test_two_hinted_notebooks_are_not_guessed_between(tmp_path: Path) -> None:
    files = write(tmp_path, "a.ipynb", "b.ipynb", text=notebook())
    parts = pick(files, lab=LAB, student="amy")
    assert parts.notebook is None
    assert parts.odd == ("2 notebooks say they are 01_convolution, none is named 01_convolution.ipynb",)


def test_the_notebook_highest_up_is_taken_unless_there_are_several(tmp_path: Path) -> None:
    files = write(tmp_path, f"{LAB}.ipynb", f"backup/{LAB}.ipynb", f"older/{LAB}.ipynb")
    parts = pick(files, lab=LAB, student="amy")
    assert parts.notebook == files[0]
    assert parts.odd == ("also holds 01_convolution.ipynb, left out",) * 2
    parts = pick(files[1:], lab=LAB, student="amy")
    assert parts.notebook is None
    assert parts.odd == ("2 notebooks named 01_convolution.ipynb; hand in one",)


def test_two_pdfs_are_not_guessed_between(tmp_path: Path) -> None:
    parts = pick(write(tmp_path, f"{LAB}.ipynb", "a.pdf", "b.pdf"), lab=LAB, student="amy")
    assert parts.pdf is None
    assert parts.odd == ("2 PDFs, none named like the notebook",)


def test_what_a_notebook_says_of_itself() -> None:
    assert look(notebook(LAB, "amy").encode()) == Facts("", LAB, "amy")
    assert look(b"\xef\xbb\xbf" + notebook().encode()).lab == LAB
    assert look(b'{"nbformat": 4, "cells": [], "metadata": {"labkit": 7}}') == Facts("")
    assert look(b"\xff\xfe").fault == "not a notebook: its bytes are not UTF-8 text"
    assert look(b'{"nbformat": 4, "cells": [').fault == "not a notebook: its text is not JSON"
    assert look(b"[" * 100_000).fault == "not a notebook: its text is not JSON"
    assert look(b"[1]").fault == "not a notebook: it has no list of cells"
    assert look(b'{"nbformat": 3, "worksheets": 7}').fault.startswith("the notebook's old format cannot be")


def test_an_old_notebook_is_one_to_collect_as_to_the_grader() -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"labkit": {"lab": LAB}}, "worksheets": []}
    old["worksheets"] = [
        {"cells": [{"cell_type": "code", "input": "x = 1", "outputs": [], "language": "python"}]}
    ]
    data = json.dumps(old).encode()
    assert look(data) == Facts("", LAB)
    assert [cell.source for cell in read(data, Policy())] == ["x = 1"]


def test_only_what_stands_outside_of_strings_is_counted_as_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labgrader.intake.MAX_VALUES", 100)
    assert not crowded(json.dumps({"text": [str(list(range(1000))), '\\",[{"' * 200, ",\\"]}).encode())
    for data in (
        b"[" + b"0," * 101,
        b"[" * 101,
        b'"",' * 101,
        b'"\\\\",' * 101,
        b'"a\\"",[{' * 34,
    ):
        assert crowded(data), data
    assert not crowded(b'"\\",' * 101)  # one string without an end
    assert not crowded(b'"' + b"," * 101 + b"\\")


def test_counting_values_takes_time_by_the_size_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labgrader.intake.MAX_VALUES", 100)
    start = time.process_time()
    for piece in (b'"', b'\\"', b'",\\"', b'",,"', b"\\", b'"\\\\"'):
        crowded(b"," * 101 + b'"' + piece * 200_000)
        crowded(b'"' + b"," * 101 + b'"' + piece * 200_000)
    assert time.process_time() - start < 3


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr).map(str.encode),
    )
)
def test_any_bytes_are_looked_at_without_raising(data: bytes) -> None:
    assert look(data).fault

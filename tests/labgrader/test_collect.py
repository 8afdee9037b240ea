"""Hand-ins in every shape a folder may take, and what nobody should be able to do with them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader import collect as collecting
from labgrader.collect import Collected, collect
from labgrader.collect_report import summary, table
from labgrader.course import Course
from labgrader.sources import CollectError
from labgrader.submitted import read_stamp, sweep
from typer.testing import Result

LAB = "01_convolution"
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "course" / "release" / LAB).mkdir(parents=True)
    return Course(tmp_path / "course")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def notebook(student: str = "", text: str = "", lab: str = LAB) -> bytes:
    own = {"lab": lab, "student": {"id": student, "name": ""}}
    cell = {
        "id": "a",
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"labkit": own}, "cells": [cell]}
    ).encode()


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return data.getvalue()


def pair(student: str, text: str = "") -> bytes:
    return zipped(
        **{f"{LAB}_{student}.ipynb": notebook(student, text), f"{LAB}_{student}.pdf": b"%PDF-1.7 not really"}
    )


def put(path: Path, data: bytes, when: datetime = NINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (when.timestamp(), when.timestamp()))


def by_student(rows: list[Collected]) -> dict[str, Collected]:
    return {row.student: row for row in rows}


def submitted(course: Course, student: str) -> bytes:
    return course.notebook("submitted", student, LAB).read_bytes()


def listing(course: Course) -> list[str]:
    root = course.root / "submitted"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_zips_pairs_and_folders_in_one_go(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    put(box / f"{LAB}_bo_lee.ipynb", notebook("bo_lee"))
    put(box / f"{LAB}_bo_lee.pdf", b"%PDF", NINE + timedelta(minutes=3))
    put(box / "cy" / f"{LAB}.ipynb", notebook("cy"))
    put(box / "di" / f"{LAB}_di.zip", pair("di"))
    put(box / "ed" / "homework.zip", zipped(**{f"{LAB}.ipynb": notebook("ed")}))
    put(box / "李明" / LAB / f"{LAB}.ipynb", notebook("李明"))
    rows = by_student(collect(course, box, LAB))
    assert {name: (row.status, row.pair, row.odd) for name, row in rows.items()} == {
        "amy": ("new", "not proven", ()),
        "bo_lee": ("new", "not proven", ()),
        "cy": ("new", "no pdf", ()),
        "di": ("new", "not proven", ()),
        "ed": ("new", "no pdf", ()),
        "李明": ("new", "no pdf", ()),
    }
    assert listing(course) == sorted(
        [f"{name}/{LAB}/{LAB}.ipynb" for name in rows]
        + [f"{name}/{LAB}/{LAB}.pdf" for name in ("amy", "bo_lee", "di")]
        + [f"{name}/{LAB}/timestamp.txt" for name in rows]
    )
    assert submitted(course, "bo_lee") == notebook("bo_lee")
    stamp = course.folder("submitted", "bo_lee", LAB) / "timestamp.txt"
    assert stamp.read_text() == "2026-11-20 09:03:00.000000 UTC"
    assert read_stamp(stamp.parent) == rows["bo_lee"].when == NINE + timedelta(minutes=3)
    assert summary(list(rows.values())) == "6 new · 0 pairs proven"


@pytest.mark.parametrize("shape", ["flat", "wrapped", "folders", "single"])
def test_a_class_archive(course: Course, tmp_path: Path, shape: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for student in ("amy", "bo") if shape != "single" else ("amy",):
            name = {
                "flat": f"{LAB}_{student}.zip",
                "wrapped": f"class 3/{LAB}_{student}.zip",
                "folders": f"submissions/{student}/{LAB}_{student}.zip",
                "single": f"amy/{LAB}/{LAB}.zip",
            }[shape]
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 9, 30, 0)), pair(student))
    put(tmp_path / "all.zip", data.getvalue())
    rows = by_student(collect(course, tmp_path / "all.zip", LAB))
    assert set(rows) == ({"amy", "bo"} if shape != "single" else {"amy"})
    assert {row.status for row in rows.values()} == {"new"}
    assert rows["amy"].when == datetime(2026, 11, 20, 9, 30).astimezone(UTC)
    assert submitted(course, "amy") == notebook("amy")


def test_the_class_archive_may_be_a_link_of_the_instructors(course: Course, tmp_path: Path) -> None:
    put(tmp_path / "real.zip", zipped(**{f"{LAB}_amy.ipynb": notebook("amy")}))
    os.link(tmp_path / "real.zip", tmp_path / "twin.zip")
    (tmp_path / "latest.zip").symlink_to("twin.zip")
    assert [(row.student, row.status) for row in collect(course, tmp_path / "latest.zip", LAB)] == [
        ("amy", "new")
    ]


def test_one_hand_in_by_itself(course: Course, tmp_path: Path) -> None:
    put(tmp_path / f"{LAB}_amy.zip", pair("amy"))
    rows = collect(course, tmp_path / f"{LAB}_amy.zip", LAB)
    assert [(row.student, row.status, row.when) for row in rows] == [("amy", "new", NINE)]


def test_a_proven_pair(course: Course, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    monkeypatch.setattr(collecting, "prove", lambda pdf, notebook: ("proven", "the PDF holds this notebook"))
    assert collect(course, box, LAB)[0].pair == "proven"


def test_the_latest_of_several_counts(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy", "late"), NINE + timedelta(hours=1))
    put(box / f"{LAB}_amy (1).zip", pair("amy", "later"), NINE + timedelta(hours=2))
    put(box / "amy" / f"{LAB}.ipynb", notebook("amy", "early"))
    rows = collect(course, box, LAB)
    assert [(row.status, row.odd) for row in rows] == [
        ("older", (f"{LAB}_amy (1).zip is later and counts",)),
        ("older", (f"{LAB}_amy (1).zip is later and counts",)),
        ("new", (f"a download's copy: {LAB}_amy (1).zip",)),
    ]
    assert submitted(course, "amy") == notebook("amy", "later")


def test_a_latest_that_holds_nothing_gives_way(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy", "sound"))
    put(box / f"{LAB}_amy (1).zip", zipped(notes__txt=b"oops"), NINE + timedelta(hours=2))
    rows = collect(course, box, LAB)
    assert [row.status for row in rows] == ["new", "refused"]
    assert submitted(course, "amy") == notebook("amy", "sound")


def test_collecting_again(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy", "one"))
    put(box / f"{LAB}_bo.ipynb", notebook("bo", "one"))
    put(box / f"{LAB}_cy.ipynb", notebook("cy", "one"))
    collect(course, box, LAB)
    put(box / f"{LAB}_bo.ipynb", notebook("bo", "two"), NINE + timedelta(minutes=1))
    put(box / f"{LAB}_cy.ipynb", notebook("cy", "two"), NINE - timedelta(minutes=1))
    rows = by_student(collect(course, box, LAB))
    assert {name: row.status for name, row in rows.items()} == {
        "amy": "unchanged",
        "bo": "replaced",
        "cy": "kept",
    }
    assert rows["cy"].odd == ("differs from what is in submitted/, which is newer (2026-11-20 09:00 UTC)",)
    assert submitted(course, "bo") == notebook("bo", "two")
    assert submitted(course, "cy") == notebook("cy", "one")
    assert by_student(collect(course, box, LAB, force=True))["cy"].status == "replaced"
    assert submitted(course, "cy") == notebook("cy", "two")
    assert [path.name for path in (course.root / "submitted").iterdir() if path.name.startswith(".")] == []


def test_a_replaced_hand_in_leaves_no_old_pdf(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    collect(course, box, LAB)
    (box / f"{LAB}_amy.zip").unlink()
    put(box / f"{LAB}_amy.ipynb", notebook("amy", "new"), NINE + timedelta(days=1))
    collect(course, box, LAB)
    assert listing(course) == [f"amy/{LAB}/{LAB}.ipynb", f"amy/{LAB}/timestamp.txt"]


def test_a_corrupt_notebook_is_collected_as_it_is(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", zipped(**{f"{LAB}_amy.ipynb": b'{"cells": [', f"{LAB}_amy.pdf": b"%PDF"}))
    row = collect(course, box, LAB)[0]
    assert (row.status, row.odd) == ("new", ("not a notebook: its text is not JSON",))
    assert submitted(course, "amy") == b'{"cells": ['


def test_names_decide_and_the_notebooks_words_are_flagged(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.ipynb", notebook("bo\x1b[2J", lab="02_pooling"))
    row = collect(course, box, LAB)[0]
    assert row.student == "amy"
    assert row.odd == ("says it is lab 02_pooling", "says its student is bo\\x1b[2J")


def test_nobody_hands_in_under_anothers_name(course: Course, box: Path) -> None:
    put(box / "amy" / f"{LAB}_amy.ipynb", notebook("amy"))
    put(box / "mallory" / f"{LAB}_amy.zip", pair("amy", "forged"), NINE + timedelta(days=9))
    put(box / "trudy" / f"{LAB}_amy.ipynb", notebook("amy", "forged"), NINE + timedelta(days=9))
    rows = by_student(collect(course, box, LAB))
    assert submitted(course, "amy") == notebook("amy")
    assert rows["amy"].odd == ()
    assert rows["mallory"].odd[0] == "named for amy"
    assert rows["trudy"].odd[0] == "holds 01_convolution_amy.ipynb, named for another student"


def test_a_folder_of_several_students_is_no_student(course: Course, box: Path) -> None:
    put(box / "group" / f"{LAB}_amy.zip", pair("amy"))
    put(box / "group" / f"{LAB}_bo.zip", pair("bo"))
    put(box / f"{LAB}_cy.zip", pair("cy"))
    rows = by_student(collect(course, box, LAB))
    assert rows[""].odd == ("holds files named for 2 students; move them up one folder",)
    assert set(rows) == {"", "cy"}


def test_bad_hand_ins_do_not_stop_the_others(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    put(box / f"{LAB}_bad.zip", b"PK\x03\x04 cut off")
    put(box / f"{LAB}_slip.zip", zipped(**{"../../evil__ipynb": notebook(), "a/../../../evil__pdf": b"x"}))
    put(box / f"{LAB}_bomb.zip", zipped(**{f"{LAB}_bomb.ipynb": bytes(70 << 20)}))
    put(box / f"{LAB}_nest.zip", zipped(**{f"{LAB}_nest.zip": pair("nest")}))
    put(box / f"{LAB}_pdf.pdf", b"%PDF")
    put(box / f"{LAB}_a b.zip", pair("a b"))
    put(box / "readme.txt", b"hello")
    put(box / "no id!" / f"{LAB}.ipynb", notebook())
    (box / f"{LAB}_link.ipynb").symlink_to("/etc/hostname")
    rows = collect(course, box, LAB)
    told = {row.student or row.source: (row.status, row.odd[-1] if row.odd else "") for row in rows}
    assert told == {
        "amy": ("new", ""),
        "bad": ("refused", f"no notebook named {LAB}.ipynb or {LAB}_bad.ipynb"),
        "slip": ("refused", f"no notebook named {LAB}.ipynb or {LAB}_slip.ipynb"),
        "bomb": ("refused", f"no notebook named {LAB}.ipynb or {LAB}_bomb.ipynb"),
        "nest": ("refused", f"no notebook named {LAB}.ipynb or {LAB}_nest.ipynb"),
        "pdf": ("refused", f"no notebook named {LAB}.ipynb or {LAB}_pdf.ipynb"),
        f"{LAB}_a b.zip": (
            "refused",
            "'a b' is not a student id: expected up to 64 letters, digits and . _ - @ '",
        ),
        "readme.txt": ("refused", f"not named {LAB}_STUDENT.zip, .ipynb or .pdf"),
        "no id!/": (
            "refused",
            "'no id!' is not a student id: expected up to 64 letters, digits and . _ - @ '",
        ),
        f"{LAB}_link.ipynb": ("refused", "a link"),
    }
    assert (
        "left out 01_convolution_bomb.ipynb: 73,400,320 bytes, the most for one file is 67,108,864"
        in by_student(rows)["bomb"].odd
    )
    assert listing(course) == [f"amy/{LAB}/{LAB}.ipynb", f"amy/{LAB}/{LAB}.pdf", f"amy/{LAB}/timestamp.txt"]
    assert sorted(path.name for path in course.root.iterdir()) == ["release", "submitted"]


def test_the_courses_own_folders_are_no_hand_ins(course: Course, box: Path) -> None:
    put(course.root / "source" / LAB / f"{LAB}.ipynb", notebook())
    put(course.root / "handins" / f"{LAB}_amy.ipynb", notebook())
    (box / "link").symlink_to(course.root)
    own = (course.root, course.root.parent, box / "link")
    for folder in (*own, course.root / "source", course.root / "release" / LAB):
        with pytest.raises(CollectError, match="is the course's own folder, one of those in it or holds it"):
            collect(course, folder, LAB)
    assert [row.student for row in collect(course, course.root / "handins", LAB)] == ["amy"]


def test_ids_that_differ_only_in_case(course: Course, box: Path) -> None:
    put(box / f"{LAB}_Amy.ipynb", notebook("Amy"))
    put(box / f"{LAB}_amy.ipynb", notebook("amy"))
    rows = by_student(collect(course, box, LAB))
    assert rows["amy"].status == "new"
    assert rows["Amy"].odd == ("its student differs from amy only in case",)


def test_what_cannot_be_written_is_told(course: Course, box: Path) -> None:
    put(box / f"{LAB}_amy.ipynb", notebook("amy"))
    put(box / f"{LAB}_bo.ipynb", notebook("bo"))
    (course.root / "submitted").mkdir()
    (course.root / "submitted" / "amy").write_text("a file in the way")
    rows = by_student(collect(course, box, LAB))
    assert rows["amy"].status == "refused"
    assert rows["amy"].odd[0].startswith("could not be written: ")
    assert rows["bo"].status == "new"


def test_a_killed_run_is_cleared_away_and_undone(course: Course) -> None:
    left = course.root / "submitted" / ".collecting-999999999-x"
    (left / "3" / "old" / "amy" / LAB).mkdir(parents=True)
    (left / "3" / "old" / "amy" / LAB / f"{LAB}.ipynb").write_bytes(notebook("amy"))
    alive = course.root / "submitted" / f".collecting-{os.getpid()}-x"
    alive.mkdir()
    sweep(course.root / "submitted")
    assert listing(course) == [f"amy/{LAB}/{LAB}.ipynb"]
    assert alive.exists()
    assert not left.exists()


def test_wrong_use_is_told(course: Course, box: Path) -> None:
    with pytest.raises(
        CollectError,
        match=r"^--lms sakai: not known; expected folder, blackboard, moodle, canvas.$",
    ):
        collect(course, box, LAB, lms="sakai")
    with pytest.raises(
        CollectError, match=r"^The course has no lab '07_none'; release it first, or mend the name.$"
    ):
        collect(course, box, "07_none")
    with pytest.raises(CollectError, match=r"^The course has no lab '../x'"):
        collect(course, box, "../x")
    with pytest.raises(
        CollectError, match=r"none.zip does not exist; expected a folder or an archive of hand-ins.$"
    ):
        collect(course, box / "none.zip", LAB)


def test_the_table_shows_everything_safely(course: Course, box: Path) -> None:
    from rich.console import Console

    put(box / f"{LAB}_amy.zip", pair("amy"))
    put(box / "[red]x\x1b[2J.txt", b"")
    console = Console(width=160, file=io.StringIO(), highlight=False)
    console.print(table(collect(course, box, LAB)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "amy" in text
    assert "2026-11-20 09:00" in text
    assert "not proven   " in text
    assert r"[red]x\x1b[2J.txt: not named 01_convolution_STUDENT.zip" in text


NAMES = st.one_of(
    st.text("ab ._-()\u00e9/", min_size=1, max_size=8),
    st.builds(
        "{}{}{}".format,
        st.sampled_from([LAB, f"{LAB}_", f"{LAB}_amy", "amy/", f"amy/{LAB}", ".", ".."]),
        st.sampled_from(["", "bo", " (1)", "/"]),
        st.sampled_from([".ipynb", ".pdf", ".zip", ".txt", ""]),
    ),
)
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([notebook("amy"), b"{", pair("amy"), pair("bo"), zipped(a__txt=b"x")]),
)


@settings(max_examples=60, deadline=None)
@given(files=st.dictionaries(NAMES, CONTENTS, max_size=6))
def test_any_folder_can_be_collected(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("any")
    course = Course(root / "course")
    (course.root / "release" / LAB).mkdir(parents=True)
    (root / "box").mkdir()
    for name, data in files.items():
        path = root / "box" / name.replace("..", "_").lstrip("/")
        with contextlib.suppress(OSError):
            put(path, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "prove", lambda pdf, notebook: ("not proven", ""))
        rows = collect(course, root / "box", LAB)
    taken = {row.folder for row in rows if row.status in ("new", "replaced")}
    assert {path.parent.parent for path in (course.root / "submitted").rglob("*.ipynb")} <= {
        course.root / "submitted" / row.student for row in rows if row.student
    }
    assert {path.parent for path in (course.root / "submitted").rglob("timestamp.txt")} == taken
    assert len(taken) == sum(row.status == "new" for row in rows)
    assert sorted(path.name for path in root.iterdir()) == ["box", "course"]


def test_progress_counts_a_hand_in_when_its_proof_is_there(
    course: Course, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def prove(pdf: bytes | None, notebook: bytes) -> tuple[str, str]:
        told.append("proof")
        return "proven", ""

    monkeypatch.setattr(collecting, "prove", prove)
    put(box / f"{LAB}_amy.zip", b"nothing")
    collect(course, box, LAB, progress=lambda *counts: told.append(counts))
    put(box / f"{LAB}_amy.zip", pair("amy"))
    collect(course, box, LAB, progress=lambda *counts: told.append(counts))
    assert told == [(0, 1), (1, 1), (0, 1), "proof", (1, 1)]


# the command


@pytest.fixture
def labgrade(course: Course, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    from labgrader.cli import app
    from typer.testing import CliRunner

    (course.root / "nbgrader_config.py").write_text("")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [*map(str, words), "--course", str(course.root)])


def test_the_command_shows_the_table_and_ends_with_0(labgrade: Callable[..., Result], box: Path) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    result = labgrade("collect", box, LAB)
    assert result.exit_code == 0
    assert "amy" in result.output
    assert result.output.endswith("1 new · 0 pairs proven\n")


def test_the_command_ends_with_1_when_something_was_refused(
    labgrade: Callable[..., Result], box: Path
) -> None:
    put(box / f"{LAB}_amy.zip", pair("amy"))
    put(box / f"{LAB}_bo.zip", b"nothing")
    result = labgrade("collect", box, LAB)
    assert result.exit_code == 1
    assert result.output.endswith("1 new · 1 refused · 0 pairs proven\n")


def test_the_command_ends_with_2_for_what_is_not_there_yet(
    labgrade: Callable[..., Result], box: Path
) -> None:
    for words in ((box, LAB, "--lms", "sakai"), (box, "09_none"), (box / "none", LAB)):
        assert labgrade("collect", *words).exit_code == 2
    assert "not known; expected folder" in labgrade("collect", box, LAB, "--lms", "sakai").output


def test_a_pair_made_by_handin_is_proven(course: Course, box: Path) -> None:
    from labkit.handin import make

    source = box.parent / f"{LAB}.ipynb"
    source.write_bytes(notebook())
    made = make(source, student="amy", name="王小明", out=box)
    row = collect(course, box, LAB)[0]
    assert (row.pair, row.odd) == ("proven", ())
    with zipfile.ZipFile(made.path) as archive:
        assert submitted(course, "amy") == archive.read(f"{LAB}_amy.ipynb")
        members = {name: archive.read(name) for name in archive.namelist()}
    members[f"{LAB}_amy.ipynb"] = members[f"{LAB}_amy.ipynb"].replace(b'"Amy"', b'"amy"') + b"\n"
    put(made.path, zipped(**members), datetime.now(UTC) + timedelta(minutes=1))
    row = collect(course, box, LAB)[0]
    assert (row.status, row.pair) == ("replaced", "not proven")


def test_a_pdf_that_shows_another_notebook_than_it_carries_is_refuted_in_the_table(
    labgrade: Callable[..., Result], course: Course, box: Path, tmp_path: Path
) -> None:
    """One notebook is handed in and attached; the pages are those of another, with better answers."""
    from pypdf import PdfReader, PdfWriter

    from labkit.handin import make

    pairs = []
    for answer in ("I do not know.", "Forty-two, and here is why."):
        node = json.loads(notebook())
        node["cells"].append({"cell_type": "markdown", "id": "a1", "metadata": {}, "source": answer})
        file = tmp_path / f"{LAB}.ipynb"
        file.write_text(json.dumps(node))
        with zipfile.ZipFile(make(file, student="amy", out=tmp_path).path) as archive:
            pairs.append({name: archive.read(name) for name in archive.namelist()})
    (mine, pdf), (_, better) = ([*pair.values()] for pair in pairs)
    forged = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    for number, page in enumerate(PdfReader(io.BytesIO(better)).pages):
        forged.insert_page(page, number)
    while len(forged.pages) > len(PdfReader(io.BytesIO(better)).pages):
        forged.remove_page(len(forged.pages) - 1)
    out = io.BytesIO()
    forged.write(out)
    put(box / f"{LAB}_amy.zip", zipped(**{f"{LAB}_amy.ipynb": mine, f"{LAB}_amy.pdf": out.getvalue()}))

    assert collect(course, box, LAB, quick=True)[0].pair == "attached"
    row = collect(course, box, LAB)[0]
    assert row.pair == "not proven"
    assert row.pair_reason.startswith("Refuted: the PDF carries this notebook, byte for byte")
    shown = " ".join(labgrade("collect", box, LAB).output.split())
    assert "not proven" in shown
    assert "Refuted" in shown
    assert "0 pairs proven" in shown

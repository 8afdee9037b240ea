"""Downloads of Blackboard, Moodle and Canvas: whose each file is, whatever a student calls it."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labgrader.collect import collect
from labgrader.course import Course, CourseError
from labgrader.lms import READERS, blackboard, canvas, moodle
from labgrader.roster import read_roster
from labgrader.sources import CollectError

LAB = "01_convolution"
AT = "2026-11-20-09-30-00"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "course" / "release" / LAB).mkdir(parents=True)
    return Course(tmp_path / "course")


def notebook(text: str) -> bytes:
    cell = {
        "id": "a",
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
    own = {"labkit": {"lab": LAB}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": own, "cells": [cell]}).encode()


def download(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def handed_in(course: Course) -> dict[str, str]:
    """Return the text of each student's notebook."""
    return {
        path.parts[-3]: json.loads(path.read_bytes())["cells"][0]["source"]
        for path in (course.root / "submitted").glob(f"*/{LAB}/{LAB}.ipynb")
    }


def test_blackboard(course: Course, tmp_path: Path) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(f"{LAB}_s3.ipynb", notebook("three"))
    source = download(
        tmp_path / "gradebook_CNN_Lab_1_2026-11-21.zip",
        {
            f"Lab_1_s1_attempt_{AT}.txt": b"Name: Ada Brandt (s1)\nAssignment: Lab_1\n",
            f"Lab_1_s1_attempt_{AT}_{LAB}.ipynb": notebook("one"),
            f"Lab_1_a_b_attempt_{AT}.txt": b"Name: Ben (B.) Carter (a_b)\r\nAssignment: Lab_1\r\n",
            f"Lab_1_a_b_attempt_2026-11-20-09-00-00_{LAB}.ipynb": notebook("too early"),
            f"Lab_1_a_b_attempt_{AT}_{LAB}.ipynb": notebook("two"),
            f"Lab_1_s3_attempt_{AT}_{LAB}_s3.zip": zipped.getvalue(),
            f"Lab_1_s4_attempt_{AT}.txt": b"Name: Cy (s4)\nAssignment: Lab_1\nThere are no student files.\n",
            "readme.docx": b"?",
        },
    )
    rows = collect(course, source, LAB, lms="blackboard")
    assert handed_in(course) == {"s1": "one", "a_b": "two", "s3": "three"}
    assert sorted((row.status, row.student, row.odd[0]) for row in rows if row.status != "new") == [
        ("older", "a_b", f"Lab_1_a_b_attempt_2026-11-20-09-00-00_{LAB}.ipynb: an earlier attempt"),
        ("refused", "", "handed in without a file"),
        ("refused", "", "not named as Blackboard names what students hand in"),
    ]
    whens = {row.when for row in rows if row.status == "new"}
    assert whens == {datetime(2026, 11, 20, 9, 30).astimezone(UTC)}


def test_moodle_with_folders_without_and_unpacked(course: Course, tmp_path: Path) -> None:
    members = {
        f"Ada Brandt_101_assignsubmission_file_/{LAB}.ipynb": notebook("one"),
        f"王小明_102_assignsubmission_file/{LAB}.ipynb": notebook("two"),
        f"Ben Carter_103_assignsubmission_file_{LAB}.ipynb": notebook("three"),
        "Ben Carter_103_assignsubmission_onlinetext_onlinetext.html": b"<p>hello</p>",
    }
    table = tmp_path / "ids.csv"
    table.write_text("lms,student\n101,a\n102,b\n103,c\n")
    rows = collect(course, download(tmp_path / "m.zip", members), LAB, lms="moodle", roster=table)
    assert [row.status for row in rows] == ["new"] * 3
    assert handed_in(course) == {"a": "one", "b": "two", "c": "three"}
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        archive.extractall(folder)
    before = sorted(folder.rglob("*"))
    roster = tmp_path / "worksheet.csv"
    roster.write_text("\ufeffIdentifier,Full name,ID number\nParticipant 101,Ada,s1\nParticipant 102,W,s2\n")
    rows = collect(course, folder, LAB, lms="moodle", roster=roster)
    assert [row.odd for row in rows if row.status == "refused"] == [("the roster has no 103",)]
    assert handed_in(course) == {"a": "one", "b": "two", "c": "three", "s1": "one", "s2": "two"}
    assert sorted(folder.rglob("*")) == before


def test_ids_from_two_columns_of_the_roster_are_told_once(course: Course, tmp_path: Path) -> None:
    roster = tmp_path / "worksheet.csv"
    lines = ["101,s1,a@x.edu", "102,,b@x.edu", "103,s3,c@x.edu", "104,,d@x.edu", "105,s5,"]
    roster.write_text("Identifier,ID number,Email address\n" + "\n".join(f"Participant {x}" for x in lines))
    members = {f"A_{n}_assignsubmission_file_/{LAB}.ipynb": notebook("x") for n in (101, 102, 103)}
    rows = collect(course, download(tmp_path / "m.zip", members), LAB, lms="moodle", roster=roster)
    (note,) = (row for row in rows if row.status == "note")
    assert (note.source, note.student) == ("worksheet.csv", "")
    assert note.odd[0].endswith("blank for them: b@x.edu (Email address)")
    roster.write_text("Identifier,ID number,Email address\n101,,a@x.edu\n102,,b@x.edu\n103,,c@x.edu\n")
    assert not read_roster(roster).elsewhere


def test_an_apostrophe_may_be_in_an_id(course: Course, tmp_path: Path) -> None:
    source = download(tmp_path / "b.zip", {f"Lab_o'brien_attempt_{AT}_{LAB}.ipynb": notebook("one")})
    collect(course, source, LAB, lms="blackboard")
    collect(course, download(tmp_path / "f.zip", {f"d'arcy/{LAB}.ipynb": notebook("two")}), LAB)
    assert handed_in(course) == {"o'brien": "one", "d'arcy": "two"}


def test_canvas(course: Course, tmp_path: Path) -> None:
    roster = tmp_path / "grades.csv"
    roster.write_text("Student,ID,SIS Login ID,Section\nPoints,,,\nA,11,ada,x\nB,12,ben,x\n")
    members = {
        f"brandtada_11_900_{LAB}_ada.ipynb": notebook("one"),
        f"carterben_LATE_12_901_{LAB}-1.ipynb": notebook("two, late"),
        f"carterben_12_900_{LAB}.ipynb": notebook("two"),
    }
    rows = collect(course, download(tmp_path / "submissions.zip", members), LAB, lms="canvas", roster=roster)
    assert handed_in(course) == {"ada": "one", "ben": "two, late"}
    assert [row.odd for row in rows if row.student == "ada"] == [()]
    assert [row.odd for row in rows if row.status == "new" and row.student == "ben"] == [
        ("late, says Canvas",)
    ]


def test_canvas_hand_ins_of_several_files(course: Course, tmp_path: Path) -> None:
    """Each file has a number of its own, which says nothing of attempts."""
    roster = tmp_path / "ids.csv"
    roster.write_text("lms,student\n11,ada\n12,ben\n13,kim1\n14,kim2\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{LAB}_ada.ipynb", notebook("one"))
        archive.writestr(f"{LAB}_ada.pdf", b"%PDF-ada")
    members = {
        f"brandtada_11_901_{LAB}_ada.zip": packed.getvalue(),
        f"brandtada_11_902_{LAB}_ada.pdf": b"%PDF-ada",
        f"carterben_LATE_12_912_{LAB}.ipynb": notebook("first"),
        f"carterben_LATE_12_910_{LAB}-1.ipynb": notebook("second"),
        f"carterben_LATE_12_911_{LAB}.pdf": b"%PDF-ben",
        f"leekim_13_922_{LAB}.ipynb": notebook("kim's"),
        f"leekim_13_921_{LAB}.pdf": b"%PDF-kim1",
        f"leekim_14_923_{LAB}.ipynb": notebook("the other kim's"),
        f"leekim_14_924_{LAB}.pdf": b"%PDF-kim2",
    }
    source = download(tmp_path / "submissions.zip", members)
    rows = collect(course, source, LAB, lms="canvas", roster=roster, quick=True)
    assert handed_in(course) == {"ada": "one", "ben": "second", "kim1": "kim's", "kim2": "the other kim's"}
    pdfs = {path.parts[-3]: path.read_bytes() for path in course.root.glob(f"submitted/*/{LAB}/*.pdf")}
    assert pdfs == {name: f"%PDF-{name}".encode() for name in ("ada", "ben", "kim1", "kim2")}
    assert [row.odd[0] for row in rows if row.status == "older"] == [
        f"carterben_LATE_12_912_{LAB}.ipynb: carterben_LATE_12_910_{LAB}-1.ipynb is newer and counts"
    ]
    assert {row.student for row in rows if "late, says Canvas" in row.odd} == {"ben"}


FORGED = (
    f"_s2_attempt_{AT}_",
    f"x_s2_attempt_2026-12-31-00-00-00_{LAB}.ipynb",
    f"Bob_2_assignsubmission_file_{LAB}.ipynb",
    f"bob_2_99999_{LAB}.ipynb",
    f"../s2/{LAB}.ipynb",
)


@given(
    st.sampled_from(FORGED)
    | st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
)
def test_no_file_name_hands_in_for_another(name: str) -> None:
    read = (
        blackboard(f"Lab_1_s1_attempt_{AT}_{name}"),
        moodle(f"Ada_1_assignsubmission_file_{name}"),
        moodle(f"Ada_1_assignsubmission_file_/{name}"),
        canvas(f"brandtada_1_77_{name}"),
    )
    assert all(named is None or named.student in ("s1", "1") for named in read)
    assert all(named is None or named.attempt in ("", AT) for named in read)
    assert all(named is None or named.version[1] in (0, 77) for named in read)


@given(st.sampled_from(sorted(READERS)), st.text())
def test_any_name_is_read_or_not(lms: str, name: str) -> None:
    named = READERS[lms](name)
    assert named is None or named.student


def test_a_moodle_name_with_the_words_in_it_is_refused() -> None:
    assert moodle("Bob_2_assignsubmission_file_x_1_assignsubmission_file_/a.ipynb") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "needs the columns lms and student"),
        ("", "needs the columns lms and student"),
        ("lms,student\n1,s1\n2,S1\n", "gives one student two ids"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_roster_that_cannot_be_used(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CourseError, match=message):
        read_roster(path)


def test_what_to_use_is_said(course: Course, tmp_path: Path) -> None:
    source = download(tmp_path / "s.zip", {f"brandtada_11_900_{LAB}.ipynb": notebook("one")})
    roster = tmp_path / "r.csv"
    roster.write_text("lms,student\n11,ada\n")
    with pytest.raises(CollectError, match="looks like a download of Canvas: use --lms canvas"):
        collect(course, source, LAB)
    with pytest.raises(CollectError, match="looks like a download of Canvas: use --lms canvas"):
        collect(course, source, LAB, lms="moodle", roster=roster)
    with pytest.raises(CollectError, match="Canvas calls students by numbers: add --roster"):
        collect(course, source, LAB, lms="canvas")
    assert handed_in(course) == {}


def test_a_roster_needs_an_lms(course: Course, tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="--roster goes with --lms"):
        collect(course, tmp_path, LAB, roster=tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("lms", "name"),
    [
        ("moodle", f"Eve_12_assignsubmission_file_/amy/{LAB}.ipynb"),
        ("moodle", f"Eve_12_assignsubmission_file_/{LAB}_amy.ipynb"),
        ("canvas", f"eve_12_345_{LAB}_amy.ipynb"),
        ("blackboard", f"Lab_eve_attempt_{AT}_{LAB}_amy.ipynb"),
    ],
)
def test_who_hands_in_alone_hands_in_for_nobody_else(
    course: Course, tmp_path: Path, lms: str, name: str
) -> None:
    source = download(tmp_path / "late.zip", {name: notebook("eve's")})
    roster = tmp_path / "roster.csv"
    roster.write_text(f"lms,student\n{'eve' if lms == 'blackboard' else 12},eve\n")
    collect(course, source, LAB, lms=lms, roster=roster)
    assert handed_in(course) == {"eve": "eve's"}


def test_the_only_folder_is_its_students(course: Course, tmp_path: Path) -> None:
    collect(course, download(tmp_path / "first.zip", {f"eve/{LAB}.ipynb": notebook("first")}), LAB)
    rows = collect(course, download(tmp_path / "late.zip", {f"eve/{LAB}_amy.ipynb": notebook("eve's")}), LAB)
    assert {row.student for row in rows} == {"eve"}
    (stranger,) = collect(
        course, download(tmp_path / "zed.zip", {f"zed/{LAB}_amy.ipynb": notebook("?")}), LAB
    )
    assert "in a folder named zed" in stranger.odd

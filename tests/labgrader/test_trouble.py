"""What goes wrong outside the program is one sentence with advice, whatever the command."""

import errno
import shutil

import pytest
from labgrader import cli
from labgrader.trouble import sentence
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

LAB = "00_toy"


@pytest.fixture
def labgrade(course, monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr("sys.argv", ["labgrade", *map(str, words), "--course", str(course.root)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr().err

    return run


def test_a_folder_that_is_not_there(labgrade):
    code, said = labgrade("export", "--to", "/nodir/x.csv")
    assert code == 1
    assert said.startswith("labgrade: /nodir/x.csv: No such file or directory; make that folder")
    assert said.count("\n") == 1


def test_submitted_is_no_folder(labgrade, course, tmp_path):
    (course.root / "submitted").write_text("")
    (tmp_path / "box").mkdir()
    code, said = labgrade("collect", tmp_path / "box", LAB)
    assert code == 1
    assert said.startswith(f"labgrade: {course.root / 'submitted'}: File exists; a file is where")


@pytest.mark.parametrize("words", [("export",), ("grade", LAB), ("release", LAB)])
def test_a_damaged_gradebook(words, labgrade, course, toy):
    toy.submit(course, "amy", toy.hand_in())
    course.gradebook.write_bytes(b"nothing like a database" * 100)
    code, said = labgrade(*words)
    assert code == 1
    assert said.startswith("labgrade: The gradebook.db cannot be used: file is not a database; put a copy")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            None,
            "labgrade: There is no {}, which has the marks: put a copy of it back, or run `labgrade release",
        ),
        (b"", "labgrade: The gradebook.db has no marks of student amy for 00_toy: put a copy of it back, or"),
        (
            b"no database" * 100,
            "labgrade: The gradebook.db cannot be used: file is not a database; put a copy",
        ),
    ],
)
def test_feedback_without_a_sound_gradebook(content, said, labgrade, course):
    page = course.notebook("autograded", "amy", LAB)
    page.parent.mkdir(parents=True)
    page.write_text("{}")
    course.gradebook.unlink()
    if content is not None:
        course.gradebook.write_bytes(content)
    code, told = labgrade("feedback", LAB)
    assert code == 1
    assert told.startswith(said.format(course.gradebook))
    assert told.count("\n") == 1
    assert course.gradebook.is_file() is (content is not None)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/c/submitted/.collecting-1-x"),
            "/c/submitted: Permission denied; give yourself the right to use it, or name another place.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "No space left on device; free some space, then run the same command again; "
            "what was recorded stays.",
        ),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "/c/.labgrader-1.csv", None, "/c"),
            "/c: Is a directory; name a file in it.",
        ),
        (
            OperationalError("", {}, Exception("database or disk is full")),
            "The gradebook.db cannot be used: database or disk is full; free some space, "
            "then run the same command again; what was recorded stays.",
        ),
        (KeyError("a mistake of ours"), None),
    ],
)
def test_the_sentence(error, said):
    assert sentence(error) == said


@pytest.mark.parametrize("command", ["grade", "feedback"])
@pytest.mark.parametrize("gradebook", [True, False])
def test_a_lab_that_is_none_names_those_there_are(command, gradebook, labgrade, course):
    if not gradebook:
        course.gradebook.unlink()
    code, said = labgrade(command, "77_nope")
    assert (code, said) == (2, f"labgrade: There is no lab '77_nope': expected one of {LAB}.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "77_nope"), "No lab 77_nope in the gradebook (it has: 00_toy)."),
        (("grade", LAB, "--isolation", "iron"), "isolation is 'iron'; expected one of auto, bwrap, "),
        (("grade", LAB, "--cluster", "here"), "--cluster here: missing port number in address 'here'; exp"),
    ],
)
def test_wrong_use_is_code_2(words, said, labgrade):
    code, printed = labgrade(*words)
    assert code == 2
    assert printed.startswith(f"labgrade: {said}")


def test_a_check_advises_the_release_that_was_checked(course, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    shutil.rmtree(course.root / "notebooks")
    words = ["release", LAB, "--repo", "ada/cnn", "--out", "no tes", "--course", str(course.root)]
    said = CliRunner().invoke(cli.app, [*words, "--check"]).output
    assert f"run `labgrade release {LAB} --repo ada/cnn --out 'no tes' --course '{course.root}'`" in said
    assert "…" not in said


def test_a_roster_that_is_not_there(course, tmp_path):
    words = ["collect", str(tmp_path), LAB, "--lms", "canvas", "--roster", "none.csv"]
    result = CliRunner().invoke(cli.app, [*words, "--course", str(course.root)])
    assert result.exit_code == 2
    assert "does not exist" in " ".join(result.output.split())

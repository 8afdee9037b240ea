"""The command `labkit`: what it prints, and its exit codes."""

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfWriter
from typer.testing import CliRunner

from labkit import cli
from labkit.doctor import Need, report

WRITE_ERROR = (
    "no/such/folder/x.pdf cannot be written: No such file or directory; name another file "
    "with -o. The notebook is as it was."
)


STOPPED = "labkit: stopped; your notebook is as it was: run the command again.\n"
WRONG_ZIP = (
    "three.zip holds 'a.ipynb', 'a.pdf', 'more.txt', not one .ipynb and one .pdf; name the zip that labkit "
    "handin wrote, or the two files: labkit verify PDF NOTEBOOK"
)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": 1}
    title = {"cell_type": "markdown", "metadata": {}, "source": "# Lab"}
    node = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"labkit": {"lab": "lab1"}},
        "cells": [title, code],
    }
    file = tmp_path / "lab 1.ipynb"
    file.write_text(json.dumps(node))
    return file


def run(*arguments):
    """Run the command as `main` does; return exit code and what was printed."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if isinstance(result.exception, cli.CommandError):
        return 1, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def plain(out):
    return " ".join(out.replace("│", " ").split())


def test_pdf_handin_and_verify(lab):
    assert run("pdf", lab.name) == (0, "Written: lab 1.pdf\n")
    assert run("pdf", lab.name, "-o", "other.pdf") == (0, "Written: other.pdf\n")
    before = lab.read_bytes()
    code, out = run("pdf", lab.name, "-o", lab.name)
    assert (code, lab.read_bytes()) == (2, before)
    assert "name a file that ends in .pdf" in plain(out)
    code, out = run("handin", lab.name, "--id", "s1", "--name", "王")
    assert (code, out) == (
        0,
        "Written: lab1_s1.zip. It holds the notebook as it was saved just now, and its PDF.\n",
    )
    code, out = run("verify", "lab1_s1.zip")
    assert code == 0
    assert out.startswith("Proven: The PDF carries this notebook, byte for byte")
    assert run("verify", lab.name, "lab 1.pdf")[0] == 0  # in whatever order
    code, out = run("verify", "lab 1.pdf", lab.name, "--quick")
    assert code == 0
    assert out.endswith("its pages were not compared.\n")


def test_nobodys_work_is_written_over(lab):
    Path("essay.docx").write_text("mine")
    Path("folder").mkdir()
    for name, said in (("essay.docx", "exists and is no PDF"), ("folder", "-o folder/lab 1.pdf")):
        code, out = run("pdf", lab.name, "-o", name)
        assert (code, Path("essay.docx").read_text()) == (2, "mine")
        assert said in plain(out)
    for name in ("essay.docx", "mine.zip"):
        code, out = run("handin", lab.name, "--id", "s1", "-o", name)
        assert code == 2
        assert f"{name} is to be a folder, as the zip gets its own name; name a folder: -o" in plain(out)


def test_an_empty_name_is_refused(lab):
    code, out = run("handin", lab.name, "--id", "s1", "--name", " ")
    assert code == 2
    assert "The name is empty; give your name in any script, or leave it out." in plain(out)


@pytest.mark.parametrize("where", ["app", "_pdf_modules"])
def test_stopping_is_told(lab, monkeypatch, capsys, where):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, where, stop)
    monkeypatch.setattr(sys, "argv", ["labkit", "pdf", lab.name])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code, capsys.readouterr().err) == (130, STOPPED)


def test_a_changed_notebook_is_refuted_with_exit_code_1(lab):
    run("pdf", lab.name)
    lab.write_text(lab.read_text().replace("# Lab", "# Lad"))
    code, out = run("verify", "lab 1.pdf", lab.name)
    assert code == 1
    assert out.startswith("Refuted: the PDF carries another notebook")


def test_errors_are_one_sentence(lab, tmp_path):
    assert run("pdf", "none.ipynb") == (
        1,
        "There is no file none.ipynb; check the name, or go to its folder.",
    )
    assert run("pdf", tmp_path) == (1, f"{tmp_path} is a folder; name the file in it.")
    (tmp_path / "bad.ipynb").write_text("{")
    code, out = run("pdf", "bad.ipynb")
    assert code == 1
    assert out.startswith("bad.ipynb: The file is not a notebook or is damaged: it is not JSON")
    code, out = run("handin", lab.name, "--id", "王")
    assert code == 2
    assert "The student id is '王'; expected" in plain(out)
    code, out = run("pdf", lab.name, "-o", "no/such/folder/x.pdf")
    assert (code, out) == (1, WRITE_ERROR)
    with zipfile.ZipFile("three.zip", "w") as archive:
        for name in ("a.ipynb", "a.pdf", "more.txt"):
            archive.writestr(name, "x")
    assert run("verify", "three.zip") == (1, WRONG_ZIP)


def test_a_damaged_zip_is_called_one(lab):
    run("handin", lab.name, "--id", "s1")
    whole = Path("lab1_s1.zip").read_bytes()
    for name, data in (("cut.zip", whole[:-30]), ("cut.bin", whole[:-30]), ("not.zip", b"<html>")):
        Path(name).write_bytes(data)
        assert run("verify", name) == (1, f"{name} is a damaged zip; make or download it again.")


def test_a_shell_is_told_the_shells_way(lab):
    code, out = run("handin", lab.name)
    assert code == 1
    assert out.startswith("It is not known who hands in; say it: labkit handin NOTEBOOK --id ID")


@pytest.mark.parametrize(
    "arguments",
    [
        ["handin"],
        ["pdf", "x.ipynb", "--engine", "word"],
        ["pdf"],
        ["verify"],
        ["nosuch"],
        ["pdf", "a", "--x"],
        ["pdf", "lab 1.ipynb", "-o", "-"],
        ["handin", "lab 1.ipynb", "--id", "s1", "-o", "-"],
    ],
)
def test_wrong_use_is_exit_code_2(arguments, lab):
    assert run(*arguments)[0] == 2


def test_a_tag_that_no_cell_has_is_told(lab):
    code, out = run("pdf", lab.name, "--leave-out", "typo")
    assert (code, "no cell has the tag 'typo', so nothing was left out for it" in out) == (0, True)


def test_what_is_no_pdf_is_named(lab):
    for content, what in (("", "is empty (0 bytes), not a PDF"), ("words", "is not a PDF")):
        Path("x.pdf").write_text(content)
        assert run("verify", "x.pdf", lab.name) == (
            1,
            f"x.pdf {what}; name the PDF that labkit wrote, or make it again: labkit pdf 'lab 1.ipynb'",
        )


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_protected_pdf_is_said_to_be_one(lab, password):
    run("pdf", lab.name)
    writer = PdfWriter(clone_from="lab 1.pdf")
    writer.encrypt(password, "owner")
    writer.write("protected.pdf")
    code, out = run("verify", "protected.pdf", lab.name)
    assert (code, out.startswith("Not proven: the PDF is protected by a password (encrypted)")) == (1, True)


def test_a_pdf_alone_is_wrong_use(lab):
    run("pdf", lab.name)
    code, out = run("verify", "lab 1.pdf")
    assert code == 2
    assert "name its notebook too" in plain(out)


@pytest.mark.parametrize("command", ["pdf", "handin", "verify", "doctor"])
def test_every_command_has_an_example(command):
    code, out = run(command, "--help")
    assert code == 0
    assert f"Example: labkit {command}" in " ".join(out.split())


@pytest.mark.parametrize("module", ["labkit.cli", "labgrader.cli"])
def test_both_commands_tell_their_version(module):
    said = CliRunner().invoke(importlib.import_module(module).app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"labkit {importlib.metadata.version('labkit')}\n")


def test_doctor_names_what_is_missing_and_what_mends_it():
    lines, healthy = report((Need("numpy", "numpy", ""), Need("nothing-here", "nothing_here", "pdf")))
    assert not healthy
    assert "  nothing-here         missing" in lines
    assert lines[-1] == "Missing: nothing-here. To mend it: pip install 'labkit[pdf]'"
    code, out = run("doctor")
    assert code == 0
    assert out.rstrip().endswith("Nothing is missing.")


def test_a_missing_extra_is_named(lab, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("labkit.pdf")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.delattr("labkit.pdf", raising=False)
    expected = "The PDF needs typst; run: pip install 'labkit[pdf]'"
    assert run("pdf", lab.name) == (1, expected)
    assert run("handin", lab.name, "--id", "s1") == (1, expected)
    assert importlib.util.find_spec("labkit.cli") is not None


def test_the_installed_command(lab):
    command = [sys.executable, "-c", "from labkit.cli import main; main()", "pdf", "none.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "labkit: There is no file none.ipynb; check the name, or go to its folder.\n"
    assert done.stdout == ""

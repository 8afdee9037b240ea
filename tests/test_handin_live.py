"""The hand-in inside a kernel: the kernel's memory against the file, Colab's front end, who hands in."""

import json
import re
import sys
import types
import zipfile
from types import SimpleNamespace

import pytest
from IPython.core.error import StdinNotImplementedError

import labkit
from labkit.handin import HandinError, find_notebook, live
from labkit.handin.live import Run, changed_after_run, unsaved
from labkit.handin.student import config_file, who
from labkit.pdf.notebook import read


def notebook(*cells, **metadata):
    made = [
        {"cell_type": "code", "metadata": {}, "source": source, "execution_count": count, "outputs": []}
        for source, count in cells
    ]
    labkit_data = {"lab": "01_convolution", **metadata}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"labkit": labkit_data}, "cells": made}
    )


def said(cells, history):
    return unsaved(read(notebook(*cells).encode()), [Run(n, source) for n, source in history])


SAVED = [("import torch", 1), ("def f(x):\n    return x + 1", 2), ("f(1)", 3)]


def test_a_saved_notebook_is_saved():
    assert said(SAVED, [(1, "import torch"), (2, "def f(x):\n    return x + 1  "), (3, "f(1)\n")]) == ""
    assert said([("a", None)], []) == ""


def test_a_cell_that_ran_again_after_the_save():
    history = [(1, "import torch"), (2, SAVED[1][0]), (3, "f(1)"), (4, "f(1)")]
    assert said(SAVED, history) == (
        "NOT SAVED since the cell 'f(1)' ran: run [4] is not in the file that is handed in. "
        "Save (Ctrl+S, on a Mac Cmd+S), then run this cell again."
    )


def test_a_cell_that_changed_after_the_save():
    history = [
        (1, "import torch"),
        (2, SAVED[1][0]),
        (3, "f(1)"),
        (4, "def f(x):\n    return x + 2"),
        (5, "f(1)"),
    ]
    assert said(SAVED, history).startswith(
        "NOT SAVED since the cell 'def f(x):' changed: run [4] and 1 after it are not in"
    )


def test_a_new_cell_and_one_that_was_deleted():
    text = said(SAVED, [(1, "import torch"), (2, SAVED[1][0]), (3, "f(1)"), (4, "print('scratch')\nx")])
    assert text.startswith("NOT SAVED since a cell \"print('scratch')\" ran:")
    assert text.endswith("(If you deleted that cell, nothing is missing.)")


def test_nothing_was_saved_since_the_kernel_started():
    old = [(source, count + 20) for source, count in SAVED]
    history = [(n, source) for source, n in SAVED]
    assert said(old, history).startswith("NOT SAVED since the kernel was started: run [1] and 2 after it")


def test_code_that_was_changed_and_saved_but_not_run():
    cells = [*SAVED[:2], ("f(2)", 3)]
    text = changed_after_run(read(notebook(*cells).encode()), [Run(n, s) for s, n in SAVED])
    assert text == (
        "the cell [3] was changed after it ran: the output is that of the old code; run it again, then save."
    )
    assert changed_after_run(read(notebook(*SAVED).encode()), [Run(n, s) for s, n in SAVED]) == ""
    earlier = [Run(n, f"other {n}") for n in range(1, 4)]  # numbers of a kernel before
    assert changed_after_run(read(notebook(*SAVED).encode()), earlier) == ""


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A shell as ipykernel has it: three cells ran, the fourth is running."""
    raw = ["", *(source for source, _ in SAVED), "labkit.handin()"]
    shell = SimpleNamespace(
        kernel=object(), history_manager=SimpleNamespace(input_hist_raw=raw), execution_count=4
    )
    monkeypatch.setattr(live, "shell", lambda: shell)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("IPython.display.display", lambda thing: print(thing.data))
    return shell


def test_the_warning_stands_first_and_the_pair_is_made(kernel, tmp_path, capsys):
    (tmp_path / "lab.ipynb").write_text(notebook(*SAVED[:2]))
    path = labkit.handin(student="s1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Note: NOT SAVED since a cell 'f(1)' ran: run [3] is not in the file")
    assert (
        lines[1] == "Note: the PDF bears the id s1 and no name; to add it: labkit.handin(student=…, name=…)."
    )
    assert re.fullmatch(
        r"Written: \S+\. It holds the notebook as it was saved at \d\d:\d\d:\d\d, .*", lines[-2]
    )
    name = "01_convolution_s1.zip"
    assert lines[-1] == f'<a href="{name}" download="{name}">Download {name}, without what is not saved</a>'
    assert zipfile.is_zipfile(path)


def test_among_several_labs_the_one_that_ran_here_is_found(kernel, tmp_path):
    (tmp_path / "a.ipynb").write_text(notebook(("other", 1), ("things", 2)))
    (tmp_path / "b.ipynb").write_text(notebook(*SAVED))
    assert find_notebook() == tmp_path / "b.ipynb"
    (tmp_path / "copy.ipynb").write_text(notebook(*SAVED))
    with pytest.raises(HandinError, match="3 lab notebooks"):
        find_notebook()


def test_a_student_is_asked_once(kernel, tmp_path, monkeypatch, capsys):
    (tmp_path / "lab.ipynb").write_text(notebook(*SAVED))
    answers = iter(["王小明", " s7 ", "王小明"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert labkit.handin().name == "01_convolution_s7.zip"
    assert "The student id is '王小明'; expected" in capsys.readouterr().out
    assert json.loads(config_file().read_text()) == {"id": "s7", "name": "王小明"}
    assert labkit.handin().name == "01_convolution_s7.zip"  # no answer is left: it does not ask
    assert "Student: s7 王小明 (kept from last time; another: labkit.handin(" in capsys.readouterr().out
    labkit.handin(student="s8", name="王小明")  # it was a slip of the pen
    assert labkit.handin().name == "01_convolution_s8.zip"


def test_the_notebook_says_who_before_what_was_kept(kernel):
    config_file().parent.mkdir(parents=True)
    config_file().write_text('{"id": "kept", "name": "K"}')
    told = read(notebook(*SAVED, student={"id": "told", "name": "T"}).encode())
    plain = read(notebook(*SAVED).encode())
    assert (who(told, None, None, ask=None).id, who(plain, None, None, ask=None).id) == ("told", "kept")
    assert who(told, "said", None, ask=None).id == "said"
    config_file().write_text('{"id": 3')
    with pytest.raises(HandinError, match="It is not known who hands in; say it"):
        who(plain, None, None, ask=None)


def test_of_a_file_that_is_not_saved_only_what_the_file_says_is_said(kernel, tmp_path, capsys):
    (tmp_path / "lab.ipynb").write_text(notebook(("import torch", None)))
    labkit.handin(student="s1", name="A")
    first, second, _, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("Note: NOT SAVED since ")
    assert re.match(r"Note: in the file as it was saved at \d\d:\d\d:\d\d, no code cell has been run", second)


def test_another_id_asks_for_its_name(kernel, tmp_path, monkeypatch):
    (tmp_path / "lab.ipynb").write_text(notebook(*SAVED))
    config_file().parent.mkdir(parents=True)
    config_file().write_text('{"id": "s99", "name": "Other"}')
    plain = read(notebook(*SAVED).encode())
    assert who(plain, "s99", None, ask=None).name == "Other"
    asked = []
    assert (
        who(plain, "s50", None, ask=lambda question: asked.append(question) or " My  Name ").name == "My Name"
    )
    assert asked == ["Name of s50 (any script, for the PDF): "]


@pytest.mark.parametrize("error", [StdinNotImplementedError, EOFError])
def test_a_kernel_that_cannot_ask_is_told_what_to_say(kernel, tmp_path, monkeypatch, error):
    (tmp_path / "lab.ipynb").write_text(notebook(*SAVED))

    def refuse(question):
        raise error

    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(HandinError, match="It is not known who hands in; say it"):
        labkit.handin()


@pytest.fixture
def colab(kernel, monkeypatch):
    """Colab's front end, as far as the hand-in uses it."""
    front = SimpleNamespace(notebook=json.loads(notebook(*SAVED)), downloads=[], asked=[])
    front.notebook["metadata"]["colab"] = {"name": "01 卷積 的副本.ipynb", "provenance": []}

    def blocking_request(kind, request="", timeout_sec=5):
        front.asked.append((kind, timeout_sec))
        return None if front.notebook is None else {"ipynb": front.notebook}

    modules = {
        "google.colab": types.ModuleType("google.colab"),
        "google.colab._message": SimpleNamespace(blocking_request=blocking_request),
        "google.colab.files": SimpleNamespace(download=front.downloads.append),
    }
    modules["google.colab"]._message = modules["google.colab._message"]
    modules["google.colab"].files = modules["google.colab.files"]
    for name, module in {"google": types.ModuleType("google"), **modules}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return front


def test_colab_hands_in_what_the_browser_shows(colab, tmp_path, capsys):
    path = labkit.handin(student="s1", name="王小明")
    assert colab.asked == [("get_ipynb", 30)]
    assert colab.downloads == [str(tmp_path / "01_convolution_s1.zip")]
    with zipfile.ZipFile(path) as archive:
        inside = json.loads(archive.read("01_convolution_s1.ipynb"))
    assert [cell["source"] for cell in inside["cells"]] == [source for source, _ in SAVED]
    assert inside["metadata"]["labkit"]["record"]["where"] == "Colab"
    assert "saved" not in inside["metadata"]["labkit"]["record"]
    out = capsys.readouterr().out
    assert "It holds the notebook as the browser shows it, and its PDF.\nIts download has been started" in out
    assert "NOT SAVED" not in out


def test_colab_that_does_not_answer_says_what_to_do(colab):
    colab.notebook = None
    with pytest.raises(
        HandinError, match=r"Colab did not give the notebook within 30 seconds; choose File > "
    ):
        labkit.handin(student="s1")


def test_colab_whose_download_fails_says_where_the_file_is(colab, capsys):
    def refuse(path):
        raise RuntimeError("the browser blocks downloads")

    sys.modules["google.colab.files"].download = refuse
    labkit.handin(student="s1")
    assert (
        "The download did not start: the file is in the folder view on the left." in capsys.readouterr().out
    )

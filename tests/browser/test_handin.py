"""A student hands in from JupyterLab: forgets to save, is told, saves, hands in, downloads, verifies.

LABKIT_PICTURES=docs/img pytest tests/browser/test_handin.py   also takes the pictures of docs/pdf.md.
"""

import contextlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.pdf.verify import verify

expect = pytest.importorskip("playwright.sync_api").expect

CELLS = (
    ("markdown", "# Lab 0: sizes\n\nHow large is $o = \\lfloor (i - k) / s \\rfloor + 1$?"),
    ("code", "def out_size(i, k, s=1):\n    return (i - k) // s + 1"),
    ("code", "answer = out_size(7, 3)\nanswer"),
    ("code", "import labkit\nlabkit.handin()"),
)


@pytest.fixture
def page(jupyter: tuple[str, Path], opened: Callable[..., object]):
    cells = [
        {"cell_type": kind, "id": f"c{i}", "metadata": {}, "source": source}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for i, (kind, source) in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"labkit": {"lab": "00_sizes"}, "kernelspec": kernel}
    node = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    (jupyter[1] / "00_sizes.ipynb").write_text(json.dumps(node))
    return opened("00_sizes.ipynb", viewport={"width": 1000, "height": 760}, accept_downloads=True)


def run_cell(page, number: int, count: int) -> None:
    """Run a cell once, as a student does, and wait until the kernel has taken it."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".cm-content").click()
    expect(cell).to_have_class(re.compile(r"\bjp-mod-active\b"))
    expect(page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(rf"\[(\*|{count})\]:"))


def done(page, number: int, count: int):
    """Return a cell's output area, once the cell has ended and its link or result is shown."""
    cell = page.locator(".jp-CodeCell").nth(number)
    expect(cell.locator(".jp-InputPrompt")).to_have_text(f"[{count}]:")
    return cell.locator(".jp-OutputArea")


def save(page) -> None:
    """Save until nothing is unsaved: the time that a cell took may be written after the first save."""
    for _ in range(10):
        page.keyboard.press("Control+s")
        with contextlib.suppress(AssertionError):
            expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=12_000)
            return
    raise AssertionError("the notebook cannot be saved")


def picture(page, name: str) -> None:
    if folder := os.environ.get("LABKIT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_forget_to_save_read_save_hand_in_download_verify(page):
    run_cell(page, 0, 1)
    done(page, 0, 1)
    run_cell(page, 1, 2)
    expect(done(page, 1, 2)).to_contain_text("5")
    run_cell(page, 2, 3)
    for question, answer in {"Student id": "s123", "Name (any script": "王小明"}.items():  # asked once
        asked = page.locator(".jp-Stdin", has_text=question).locator("input")
        asked.fill(answer)
        asked.press("Enter")
    out = done(page, 2, 3)
    expect(out).to_contain_text(
        "Note: NOT SAVED since the cell 'def out_size(i, k, s=1):' ran: run [1] and 1 after it are not in "
        "the file that is handed in."
    )
    expect(out.get_by_text("Download 00_sizes_s123.zip, without what is not saved")).to_be_visible()
    picture(page, "handin-unsaved")

    save(page)
    run_cell(page, 2, 4)
    out = done(page, 2, 4)
    link = out.get_by_text("Download 00_sizes_s123.zip", exact=True)
    expect(link).to_be_visible()
    text = out.inner_text()
    assert "NOT SAVED" not in text
    assert "Student: s123 王小明 (kept from last time" in text
    assert "Note:" not in text
    picture(page, "handin-saved")

    with page.expect_download() as caught:
        link.click()
    archive = zipfile.ZipFile(io.BytesIO(Path(caught.value.path()).read_bytes()))
    assert caught.value.suggested_filename == "00_sizes_s123.zip"
    assert archive.namelist() == ["00_sizes_s123.ipynb", "00_sizes_s123.pdf"]
    notebook, pdf = (archive.read(name) for name in archive.namelist())
    assert json.loads(notebook)["metadata"]["labkit"]["student"] == {"id": "s123", "name": "王小明"}
    assert verify(pdf, notebook, rerender=True).proven

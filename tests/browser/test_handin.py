"""A student hands in from JupyterLab: forgets to save, is told, saves, hands in, downloads, verifies.

LABKIT_PICTURES=docs/img pytest tests/browser/test_handin.py   also takes the pictures of docs/pdf.md.
"""

import io
import json
import os
import time
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
def page(tmp_path: Path, browser, jupyter: Callable[[Path], str], monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = tmp_path / "labs"
    folder.mkdir()
    cells = [
        {"cell_type": kind, "id": f"c{i}", "metadata": {}, "source": source}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for i, (kind, source) in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"labkit": {"lab": "00_sizes"}, "kernelspec": kernel}
    node = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    (folder / "00_sizes.ipynb").write_text(json.dumps(node))
    page = browser.new_page(viewport={"width": 1000, "height": 760}, accept_downloads=True)
    page.goto(f"{jupyter(folder)}/lab/tree/00_sizes.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_function(
        "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status == 'idle'", timeout=60_000
    )
    yield page
    page.close()


def run_cell(page, number: int) -> None:
    prompt = page.locator(".jp-CodeCell").nth(number).locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for _ in range(20):  # the first keys are lost while the page is still being set up
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.keyboard.press("Control+Enter")
        time.sleep(0.5)
        if prompt.inner_text() != before:
            return
    raise AssertionError(f"cell {number} does not run")


def handed_in(page):
    """What the last cell shows, when it is done."""
    out = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea")
    expect(out).to_contain_text("Written:", timeout=60_000)
    time.sleep(0.5)
    return out


def picture(page, name: str) -> None:
    if folder := os.environ.get("LABKIT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_forget_to_save_read_save_hand_in_download_verify(page, tmp_path):
    run_cell(page, 0)
    run_cell(page, 1)
    expect(page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output")).to_have_text("5")
    run_cell(page, 2)
    for question, answer in {"Student id": "s123", "Name (any script": "王小明"}.items():  # asked once
        asked = page.locator(".jp-Stdin", has_text=question).locator("input")
        asked.wait_for(timeout=30_000)
        asked.fill(answer)
        asked.press("Enter")
    out = handed_in(page)
    expect(out).to_contain_text(
        "Note: NOT SAVED since cell 2 ran: run [1] and 1 after it are not in the file that is handed in."
    )
    picture(page, "handin-unsaved")

    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')", timeout=20_000)
    time.sleep(1)
    run_cell(page, 2)
    expect(page.locator(".jp-CodeCell").nth(2).locator(".jp-InputPrompt")).to_have_text(
        "[4]:", timeout=60_000
    )
    out = handed_in(page)
    text = out.inner_text()
    assert "NOT SAVED" not in text
    assert "Student: s123 王小明 (kept from last time" in text
    assert "Note:" not in text
    picture(page, "handin-saved")

    link = out.get_by_text("Download 00_sizes_s123.zip")
    with page.expect_download(timeout=20_000) as caught:
        link.click()
    archive = zipfile.ZipFile(io.BytesIO(Path(caught.value.path()).read_bytes()))
    assert caught.value.suggested_filename == "00_sizes_s123.zip"
    assert archive.namelist() == ["00_sizes_s123.ipynb", "00_sizes_s123.pdf"]
    notebook, pdf = (archive.read(name) for name in archive.namelist())
    assert json.loads(notebook)["metadata"]["labkit"]["student"] == {"id": "s123", "name": "王小明"}
    assert verify(pdf, notebook, rerender=True).proven

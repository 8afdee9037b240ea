"""A student opens a lab in JupyterLab, runs it, moves a slider.

LABKIT_PICTURES=docs/img pytest tests/browser   also takes the pictures of the README.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from labgrader.masters import read_master, solution_notebook

expect = pytest.importorskip("playwright.sync_api").expect

MASTER = Path(__file__).parents[2] / "grading/masters/01_convolution.py"
PANEL = ".jp-WindowedPanel-outer"


@pytest.fixture
def page(tmp_path: Path, browser, jupyter: Callable[[Path], str]):
    folder = tmp_path / "labs"
    folder.mkdir()
    nbformat.write(solution_notebook(read_master(MASTER)), folder / "01_convolution.ipynb")
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(f"{jupyter(folder)}/lab/tree/01_convolution.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status == 'idle'"
    )
    yield page
    page.close()


def run_all(page, *, seconds: float) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    idle, deadline = 0, time.monotonic() + seconds
    while idle < 4:  # between two cells it is idle for a moment, too
        time.sleep(1)
        status = page.evaluate("document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status")
        idle = idle + 1 if status == "idle" else 0
        assert time.monotonic() < deadline, f"still {status} after {seconds} s"


def scroll_to(page, text: str):
    """Scroll JupyterLab's windowed notebook until a cell with this code is on the page."""
    cell = page.locator(".jp-CodeCell", has_text=text).first
    for top in range(0, page.evaluate(f"document.querySelector('{PANEL}').scrollHeight"), 500):
        page.evaluate(f"document.querySelector('{PANEL}').scrollTop = {top}")
        time.sleep(0.15)
        if cell.count() and cell.is_visible():
            cell.scroll_into_view_if_needed()
            time.sleep(0.7)
            return cell
    raise AssertionError(f"no cell with {text!r} found")


def test_the_lab_opens_runs_and_moves(page):
    assert page.locator(".jp-Dialog").count() == 0, "JupyterLab asks which kernel to use"
    run_all(page, seconds=180)

    check = scroll_to(page, "earned = check.corr2d(corr2d)")
    assert "✓ corr2d" in check.locator(".jp-OutputArea").inner_text()

    cell = scroll_to(page, "explore.window(corr2d")
    assert cell.locator(".jupyter-widget-slider, .widget-slider").count() >= 2
    picture = cell.locator("img").first
    before = picture.get_attribute("src")
    cell.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before, timeout=15_000)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0


@pytest.mark.skipif(
    "LABKIT_PICTURES" not in os.environ, reason="pictures are taken when LABKIT_PICTURES=docs/img"
)
def test_pictures_for_the_readme(page, tmp_path: Path):
    folder = Path(os.environ["LABKIT_PICTURES"])
    notebook = tmp_path / "labs/01_convolution.ipynb"
    text = notebook.read_text()
    assert "x[i : i + kh, j : j + kw] * k)" in text
    notebook.write_text(
        text.replace("x[i : i + kh, j : j + kw] * k)", "x[i : i + kh, j : j + kw] * k.flip(0, 1))")
        .replace("    ### BEGIN SOLUTION\\n", "")
        .replace("    ### END SOLUTION", "")
    )
    page.set_viewport_size({"width": 1000, "height": 860})
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.keyboard.press("Control+b")
    run_all(page, seconds=180)
    for name, code in {"lab1": "earned = check.corr2d(corr2d)", "explore": "explore.sizes(out_size)"}.items():
        cell = scroll_to(page, code)
        top = "cell => cell.scrollIntoView({block: %r})" % ("end" if name == "lab1" else "start")
        page.evaluate(top, cell.element_handle())
        time.sleep(1)
        page.screenshot(path=folder / f"{name}.png")

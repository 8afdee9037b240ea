"""A student opens a lab in JupyterLab, runs it, moves a slider.

LABKIT_PICTURES=docs/img pytest tests/browser   also takes the pictures of the README.
"""

import os
import time
from pathlib import Path

import nbformat
import pytest
from labgrader.masters import read_master, solution_notebook

expect = pytest.importorskip("playwright.sync_api").expect

MASTER = Path(__file__).parents[2] / "grading/masters/01_convolution.py"


@pytest.fixture
def notebook(jupyter: tuple[str, Path]) -> Path:
    file = jupyter[1] / "01_convolution.ipynb"
    nbformat.write(solution_notebook(read_master(MASTER)), file)
    return file


def run_all(page) -> None:
    """Run all cells as the menu does, and wait until the last has run."""
    page.evaluate("""() => {
        window.ran = null
        jupyterapp.commands.execute('notebook:run-all-cells').then(() => window.ran = true)
    }""")
    page.wait_for_function("window.ran", timeout=300_000)


def cell_with(page, text: str):
    cell = page.locator(".jp-CodeCell", has_text=text).first
    cell.scroll_into_view_if_needed()
    return cell


def test_the_lab_opens_runs_and_moves(notebook, opened):
    page = opened(notebook.name, viewport={"width": 1100, "height": 900})
    assert page.locator(".jp-Dialog").count() == 0, "JupyterLab asks which kernel to use"
    run_all(page)

    check = cell_with(page, "earned = check.corr2d(corr2d)")
    expect(check.locator(".jp-OutputArea")).to_contain_text("✓ corr2d")
    expect(check.locator(".jp-OutputArea pre").first).to_have_css("word-break", "normal")  # not in mid-word

    cell = cell_with(page, "explore.window(corr2d")
    expect(cell.locator(".jupyter-widget-slider, .widget-slider").nth(1)).to_be_visible()
    picture = cell.locator("img").first
    before = picture.get_attribute("src")
    cell.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0


@pytest.mark.skipif(
    "LABKIT_PICTURES" not in os.environ, reason="pictures are taken when LABKIT_PICTURES=docs/img"
)
def test_pictures_for_the_readme(notebook, opened):
    folder = Path(os.environ["LABKIT_PICTURES"])
    text = notebook.read_text()
    assert "x[i : i + kh, j : j + kw] * k)" in text
    notebook.write_text(
        text.replace("x[i : i + kh, j : j + kw] * k)", "x[i : i + kh, j : j + kw] * k.flip(0, 1))")
        .replace("    ### BEGIN SOLUTION\\n", "")
        .replace("    ### END SOLUTION", "")
    )
    page = opened(notebook.name, viewport={"width": 1000, "height": 960})
    page.keyboard.press("Control+b")
    run_all(page)
    for name, code in {"lab1": "earned = check.corr2d(corr2d)", "explore": "explore.sizes(out_size)"}.items():
        cell = cell_with(page, code)
        page.evaluate(
            "cell => cell.scrollIntoView({block: 'start'})", cell.element_handle()
        )  # no answer above
        time.sleep(1)
        page.screenshot(path=folder / f"{name}.png")

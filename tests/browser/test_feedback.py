"""A page of feedback on a phone: nothing makes it scroll sideways, and nothing in it runs."""

import nbformat.v4 as v4
import pytest
from labgrader.feedback import page

pytest.importorskip("playwright.sync_api")

WORDS = "the mean is wrong for an empty list, " * 8
WIDE = "| " + " | ".join(f"`column_{i}`" for i in range(12)) + " |\n" + "|---" * 12 + "|\n"
FORMULA = " + ".join(f"\\frac{{x_{{{i}}}}}{{y}}" for i in range(40))
LONG = "x" * 300


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def test_nothing_wide_makes_a_phone_scroll_sideways(phone):
    texts = (WIDE, f"$${FORMULA}$$", f"Inline ${FORMULA}$.", f"- ${FORMULA}$", f"> {WIDE}", LONG)
    graded = v4.new_code_cell(f"# {LONG}", outputs=[v4.new_output("stream", text=LONG)])
    graded.metadata.nbgrader = {"grade_id": f"test-{LONG[:40]}", "grade": True, "points": 3, "score": 1}
    graded.metadata.nbgrader |= {"comment": f"{WIDE}\n\n$${FORMULA}$$"}
    notebook = v4.new_notebook(cells=[*map(v4.new_markdown_cell, texts), graded])
    notebook.metadata.labgrader = {"reasons": [[f"test-{LONG[:40]}", WORDS]], "flags": [LONG]}
    facts = {"notebook": LONG[:60], "student": LONG[:60], "score": 1, "max_score": 3, "late_penalty": 0}
    phone.set_content(page(notebook, facts) + "<script>document.title = 'ran'</script>")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    why = phone.locator(".marks .why").bounding_box()
    assert why["width"] > 340  # the reason has the whole width, below the exercise
    assert phone.title() != "ran"
    assert phone.locator(".prose table").first.evaluate("e => e.scrollWidth > e.clientWidth")

import concurrent.futures as cf
import shutil
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from labgrader.course import CourseError
from labgrader.feedback import page, write_feedback
from labgrader.formulas import maths
from labgrader.runner import grade_class
from nbgrader.api import Gradebook

from labkit.pdf.errors import PdfError

LAB = "00_toy"
HOSTILE = (
    "Hm $x^2$ and $\\href{javascript:alert(1)}{y}$ and $\\text{<script>alert(1)</script>}$\n\n"
    "<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))"
)


@pytest.fixture
def graded(course, toy):
    def extra(nb):
        nb.cells.insert(1, nbformat.v4.new_markdown_cell(HOSTILE))
        nb.cells.insert(
            2,
            nbformat.v4.new_code_cell(
                "from IPython.display import HTML, Javascript, display\n"
                "display(HTML('<script>alert(1)</script>'), Javascript('alert(1)'))\n"
                "print('</pre><script>alert(1)</script>')\n"
                "import matplotlib.pyplot as plt; plt.plot([1]); plt.show()\n"
                "raise ValueError('</pre><script>alert(1)</script>')"
            ),
        )

    toy.submit(course, "amy", toy.hand_in(extra, mean="def mean(v): return v[0]", q_why=HOSTILE))
    toy.submit(course, "bob", toy.released)
    toy.submit(course, "cat", b"not a notebook")
    with cf.ThreadPoolExecutor(2) as pool:
        grade_class(course, LAB, executor=pool)
    return course


def test_pages_have_marks_reasons_and_comments_and_no_script(graded):
    with Gradebook(graded.db_url) as gradebook:
        comment = gradebook.find_comment("q-why", LAB, LAB, "amy")
        comment.manual_comment = "Well said. <script>alert(1)</script> $\\frac{0}{0}$"
        gradebook.find_grade("q-why", LAB, LAB, "bob").manual_score = 1.0
        gradebook.db.commit()
    pages = write_feedback(graded, LAB)
    assert [path.relative_to(graded.root).as_posix() for path in pages] == [
        f"feedback/{student}/{LAB}/{LAB}.html" for student in ("amy", "bob", "cat")
    ]
    amy, bob, cat = (BeautifulSoup(path.read_text(), "html.parser") for path in pages)
    for soup in (amy, bob, cat):
        policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
        for tag in soup.find_all(True):
            assert tag.name not in ("script", "iframe", "object", "form", "link", "svg")
            assert not any(name.startswith("on") for name in tag.attrs)
            assert not str(tag.get("href", "")).startswith(("javascript", "data"))
            assert str(tag.get("src", "data:image/png")).startswith("data:image/png")
    rows = [[cell.get_text() for cell in row.find_all("td")] for row in amy.table.tbody.find_all("tr")]
    assert [row[:2] for row in rows] == [
        ["double", "2 of 2"],
        ["mean", "1 of 3"],
        ["clip", "4 of 4"],
        ["q-why", "? of 2"],
    ]
    assert rows[1][2].startswith("mean: 1 of 3; the mean is wrong")
    assert rows[3][2] == "still to be marked"
    assert "amy: 7 of 11 points, 1 still to be marked" in amy.header.get_text()
    assert "ValueError: </pre><script>alert(1)</script>" in amy.get_text()
    assert len(amy.find_all("img")) == 1
    assert len(amy.find_all("math")) == 1  # the comment's: cells with HTML of the student's keep their LaTeX
    assert "Comment: Well said." in " ".join(amy.find(class_="comment").get_text().split())
    for soup in (amy, bob, cat):
        assert soup.get_text().count("# hidden tests ran here") == 3
        assert "HIDDEN TESTS" not in soup.get_text()
        assert "secret(" not in soup.get_text()
    assert "BEGIN HIDDEN TESTS" in graded.notebook("autograded", "amy", LAB).read_text()  # the marker's
    assert "bob: 1 of 11 points" in bob.header.get_text()
    assert "marked by a person" in bob.table.get_text()
    assert "double: not written yet" in bob.table.get_text()
    assert "the file is not a notebook: not valid JSON" in cat.header.get_text()


def test_plain_nbgrader_writes_the_same_page(graded):
    (ours,) = write_feedback(graded, LAB, student="bob")
    content = ours.read_bytes()
    shutil.rmtree(ours.parent)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", LAB, "--student", "bob"],
        cwd=graded.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert ours.read_bytes() == content


def test_nothing_graded_says_what_to_do(course):
    with pytest.raises(
        CourseError, match=r"Nothing graded of student zed in .*: run `labgrade grade 00_toy` first"
    ):
        write_feedback(course, LAB, student="zed")


def test_formulas_are_mathml_or_else_code():
    assert maths(r"\frac{1}{2}", False).startswith("<math")
    assert 'display="block"' in maths("x", True)
    assert maths(r"\frac{", False) == r"<code>\frac{</code>" or maths(r"\frac{", False).startswith("<math")
    assert "<mtext>&lt;script&gt;alert(1)&lt;/script&gt;</mtext>" in maths(
        r"\text{<script>alert(1)</script>}", False
    )
    assert "href" not in maths(r"\href{javascript:alert(1)}{x}", False)
    assert "onclick" not in maths(r"\color{red\" onclick=\"f()}{x}", False)
    lines = maths(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", True)
    assert (lines.count("<mtr>"), lines.count("&amp;")) == (2, 0)  # two lines, not one with ampersands
    assert "(7)" in maths(r"x = 1 \tag{7}", True)
    assert maths("x" * 5000, False).startswith("<code>")


def test_the_mark_scheme_has_a_heading_of_its_own(graded):
    node = nbformat.read(graded.notebook("autograded", "amy", LAB), as_version=4)
    facts = {"student": "amy", "notebook": LAB, "score": 0, "max_score": 11, "late_penalty": 2}
    task = next(cell for cell in node.cells if "BEGIN MARK SCHEME" in cell.source)
    task.source = task.source.replace("### BEGIN MARK", "1. A list right above.\n### BEGIN MARK")
    html = page(node, facts)
    assert "MARK SCHEME" not in html
    assert "<p><strong>How it is marked</strong>" in html
    assert "late: 2 points less" in html


def test_a_hidden_tests_line_is_not_in_the_traceback(toy):
    node = nbformat.reads(toy.released.decode(), as_version=4)
    test = toy.find(node, "test-mean")
    test.source = "check(mean)\n  ### BEGIN HIDDEN TESTS\n  assert mean([7]) == 7\n### END HIDDEN TESTS\n3"
    lines = [
        "test, line 1: check(mean)",
        "test, line 3: assert mean([7]) == 7",
        "test, line 3: assert mean([7 … (cut)",
    ]
    lines += ["  return 7", "E: wrong"]
    test.outputs = [nbformat.v4.new_output("error", ename="E", evalue="wrong", traceback=lines)]
    own = nbformat.v4.new_code_cell("### BEGIN HIDDEN TESTS\nmine\n### END HIDDEN TESTS")
    node.cells.append(own)
    facts = {"student": "amy", "notebook": LAB, "score": 0, "max_score": 11}
    soup = BeautifulSoup(page(node, facts), "html.parser")
    text = soup.find(id="cell-test-mean").get_text()
    assert "check(mean)\n  # hidden tests ran here\n3" in text
    assert (
        "test, line 1: check(mean)\ntest, line 3: (hidden)\ntest, line 3: (hidden)\n  return 7\nE: wrong"
        in text
    )
    assert "[7" not in text
    assert "mine" in soup.get_text()  # a student's own text is left alone
    assert "[7]" in test.source  # and so is the marker's notebook


def test_feedback_as_a_pdf(graded, monkeypatch):
    import pypdfium2

    (amy,) = write_feedback(graded, LAB, student="amy", pdf=True)
    document = pypdfium2.PdfDocument(amy.with_suffix(".pdf"))
    text = " ".join("".join(page.get_textpage().get_text_range() for page in document).split())
    assert text.startswith(f"Feedback: {LAB}")
    assert "points" in text
    assert "mean" in text
    assert "[picture not shown: it is not in the notebook]" in text
    assert text.count("# hidden tests ran here") == 3
    assert "secret(" not in text
    document.close()
    assert amy.is_file()

    def refuse(*_):
        raise PdfError("The PDF took more than 60 seconds and was stopped.")

    monkeypatch.setattr("labgrader.feedback.feedback_pdf", refuse)
    (amy,) = write_feedback(graded, LAB, student="amy", pdf=True)
    assert "<main>" in amy.read_text()
    assert not amy.with_suffix(".pdf").exists()

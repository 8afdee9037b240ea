import base64
import io
import json
import time

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader.bridge.limits import Limits
from labgrader.bridge.outputs import clean
from labgrader.markdown import safe_html, safe_markdown
from labgrader.pictures import picture_size
from labgrader.policy import Policy
from labgrader.results import executed_notebook, plain, safe_outputs
from labgrader.sanitise import Cell
from labgrader.scoring import Mark
from nbconvert.exporters import HTMLExporter
from PIL import Image

POLICY = Policy(image_bytes=20_000, image_pixels=10_000)


def picture(kind="PNG", size=(30, 20)):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


def text64(raw):
    return base64.b64encode(raw).decode()


def display(data, metadata=None):
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def test_only_text_and_pictures_are_left():
    (kept,) = safe_outputs(
        [
            display(
                {
                    "text/html": "<script>alert(1)</script>",
                    "application/javascript": "alert(1)",
                    "image/svg+xml": "<svg onload='alert(1)'/>",
                    "text/latex": r"\href{javascript:alert(1)}{x}",
                    "text/plain": "a table\x1b[2J\x07",
                    "image/png": text64(picture()),
                },
                {
                    "image/png": {"alt": "a red box", "width": 30, "onload": "x"},
                    "text/html": {"isolated": True},
                },
            )
        ],
        POLICY,
    )
    assert kept["data"] == {"text/plain": "a table", "image/png": text64(picture())}
    assert kept["metadata"] == {"image/png": {"width": 30, "alt": "a red box"}}
    assert safe_outputs([display({"text/html": "<b>x</b>"})], POLICY) == []


@pytest.mark.parametrize(
    ("mime", "raw"),
    [
        ("image/png", b"<svg onload='alert(1)'>"),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/png", picture("JPEG")),
        ("image/jpeg", picture("PNG")),
        ("image/jpeg", b"\xff\xd8\xff\xe0\x00\x00"),
        ("image/png", picture(size=(200, 100))),
        ("image/jpeg", picture("JPEG", size=(200, 100))),
        ("image/png", picture() + b"\0" * 40_000),
    ],
)
def test_pictures_that_are_none_or_too_big_are_dropped(mime, raw):
    assert safe_outputs([display({mime: text64(raw)})], POLICY) == []
    assert safe_outputs([display({mime: "not base64 <script>"})], POLICY) == []


def test_sizes_are_read_from_the_files_own_header():
    assert picture_size("image/png", picture()) == (30, 20)
    assert picture_size("image/jpeg", picture("JPEG")) == (30, 20)
    assert safe_outputs([display({"image/jpeg": text64(picture("JPEG"))})], POLICY)


def test_long_lines_take_no_longer_than_short_ones():
    start = time.process_time()
    line, bar = "x" * 1_000_000, "1 %\r" * 200_000 + "100 %\nok\r\n"
    outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in (line, bar)]
    assert [output["text"] for output in safe_outputs(outputs, POLICY)] == [line, "100 %\nok\n"]
    names = '"' * 19_990
    assert safe_markdown(names) == names
    assert clean([display({"image/png": " " * 100_000 + "!"})], Limits())[0]["data"].keys() == {"text/plain"}
    assert time.process_time() - start < 3


def test_text_without_end_is_shown_as_it_is(lab):
    cells = [Cell("markdown", f"*{number}* " + "a " * 9_000, id=f"c{number}") for number in range(20)]
    shown = [
        cell.source
        for cell in nbformat.reads(executed_notebook(cells, {}, [], lab, POLICY)[0], as_version=4).cells
    ]
    assert shown[0] == cells[0].source
    assert shown[-1].startswith("<pre>*19* a")


def test_control_characters_go():
    assert plain("a\x00\x1b[31mred\x1b[0m\u202eb\ttab\n") == "aredb\ttab\n"
    (stream, error) = safe_outputs(
        [
            {"output_type": "stream", "name": "stderr", "text": "\x1b]0;title\x07x"},
            {"output_type": "error", "ename": "E\x1b[1m", "evalue": "v", "traceback": ["\x1b[31mt"]},
        ],
        POLICY,
    )
    assert "\x1b" not in json.dumps([stream, error])


HARMLESS = [
    "# Title\n\nSome *text* with `x < 3 & y`, a < b and [a link](https://example.org).",
    "> a quotation\n\n- a list\n- of two\n\n1. and\n2. more",
    "| a | b |\n|:--|--:|\n| 1 | 2 |",
    "```python\nif a < b and '<script>' in c:\n    pass\n```",
    "$a<b$ and\n\n$$\\frac{1}{2} \\sum_{i<j} x_{ij}$$\n\n\\begin{align}a&=b\\end{align}",
    "<details><summary>more</summary>\n\ntext\n\n</details>",
    "a line<br>break, H<sub>2</sub>O",
    "javascript: a language; data: plural; style = good",
]


@pytest.mark.parametrize("source", HARMLESS)
def test_harmless_markdown_is_left_as_it_is(source):
    assert safe_markdown(source) == source


TRACKING = [  # each would load something from another computer, or from the marker's server
    "![x](https://evil.example/a.png)",
    "![x](//evil.example/a.png 'title')",
    "![x](\\\\evil.example\\a.png)",
    "![x][ref]\n\n[ref]: https://evil.example/a.png",
    "![x](a.png)",
    "[![x](/logout)](https://example.org)",
    "<img src=https://evil.example/a.png>",
    "<img/src='//evil.example/a.png'/alt='x>y<z\"'>",
    "<IMG SRC=HTTPS:evil.example/a.png>",
    "<image src=https://evil.example/a.png>",
    "<img src=a.png srcset='https://evil.example/a.png 2x'>",
    "<img alt='<img src=//evil.example>' src=ftp://evil.example/a.png>",
    "<picture><source srcset=//evil.example/a.png><img src=//evil.example/b.png></picture>",
    "<video poster=//evil.example/a.png src=//evil.example/b></video><audio src=//evil.example/b></audio>",
    "<input type=image src=//evil.example/a.png>",
    "<table background=//evil.example/a.png><tr><td background='//evil.example'>x</td></tr></table>",
    "<div style='background:url(//evil.example)'>x</div>",
    "<td style='text-align: left; background: url(//evil.example)'>x</td>",
    "a <td background=//evil.example>x",
    "[src=<td background=//evil.example>x\n\n<a href='//evil.example'>",
    "<details>x<img src=//evil.example/a.png ",
    "<details>x<!-- ",
    "<style>@import '//evil.example'</style>x",
    "<svg><image href='//evil.example/a.png'/><use href='//evil.example'/></svg>",
    "<link rel=prefetch href=//evil.example>x",
    "<object data=//evil.example></object><embed src=//evil.example><iframe src=//evil.example></iframe>",
    "$\\mmlToken{mi}[style='background:url(//evil.example)']{x}$ $\\bbox[background:url(//evil.example)]{y}$",
    "\ue0020\ue003 <img src=//evil.example alt='\ue0021\ue003'>",
]
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b onclick='alert(1)'>x</b>",
    "[x](javascript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<a href='vbscript:x'>x</a>",
    '<a href="java&#10;script:alert(1)">x</a>',
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=q><button>go</button></form>",
    "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>full marks</div>",
    "<div class='panel-heading score'>Score: 51 / 51</div>",
    "<style>body{display:none}</style>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example>",
    "<base href='https://evil.example/'>",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\require{html}\\style{position:fixed}{x}$",
    "![x](attachment:gone.png)",
    *TRACKING,
    "`` `<script>alert(1)</script>` ``\n\n<script>alert(2)</script>",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "x" * 30_000 + "<script>alert(1)</script>",
    "<b>" * 3000,
    ">" * 3000 + " x",
]


def rendered_by_nbconvert(source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    return HTMLExporter(template_name="basic").from_notebook_node(notebook)[0]


def dangers(html):
    """Return what a browser would act on, found by an independent parser."""
    soup = BeautifulSoup(html, "html.parser")
    found = []
    for tag in soup.find_all(True):
        if tag.name in (
            "script",
            "iframe",
            "form",
            "input",
            "button",
            "style",
            "svg",
            "meta",
            "link",
            "base",
            "object",
        ):
            found.append(tag.name)
        for name, value in tag.attrs.items():
            text = "".join(str(value).split()).lower()
            if name.startswith("on") or (name == "style" and "text-align" not in text):
                found.append(f"{tag.name} {name}")
            if name in ("src", "srcset", "poster", "background", "data", "ping"):
                found.append(f"{tag.name} {name}")
            if name in ("href", "src", "action") and text.split(":")[0] in (
                "javascript",
                "vbscript",
                "data",
                "attachment",
            ):
                found.append(f"{tag.name} {text[:30]}")
            if name == "class" and "score" in value:
                found.append("class score")
    return found + [
        macro for macro in ("\\href", "\\style", "\\require", "\\mmlToken", "\\bbox") if macro in html
    ]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_markdown_is_harmless_in_nbgraders_own_pages_too(source):
    safe = safe_markdown(source)
    assert dangers(rendered_by_nbconvert(safe)) == []
    assert safe_markdown(safe) == safe
    assert safe_html(safe).count("&amp;lt;") == 0
    assert dangers(safe_html(source)) == []


PIECES = [
    *(
        "![",
        "](",
        ")",
        "[r]",
        "x",
        " ",
        "\n\n",
        "//evil.example/a.png",
        "<img ",
        "src=",
        "srcset=",
        "'",
        ">",
        "`",
    ),
    *("$$", "<!--", "-->", "attachment:a", "<td background=//evil.example>", "<svg>", "[r]: //evil.example"),
    *("<image href=//evil.example>", "<picture><source srcset=//evil.example>", "<pre>", "<details>", "&lt;"),
    *(
        "<video poster=//evil.example>",
        "<a href='//evil.example'>",
        "<![CDATA[",
        "</a>",
        "<textarea>",
        "    ",
    ),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=12).map("".join))
def test_nothing_is_loaded_from_elsewhere(source):
    for html in (rendered_by_nbconvert(safe_markdown(source)), safe_html(source)):
        assert dangers(html) == []
        assert (
            BeautifulSoup(html, "html.parser").find(["img", "image", "svg", "video", "source", "picture"])
            is None
        )


def test_the_executed_notebook_is_valid_and_shows_reasons(lab):
    cells = (
        Cell("markdown", "<script>1</script>hello", id="a"),
        Cell("code", lab.find("test-double").source, "test-double", "b"),
        Cell("markdown", "see <b onclick=x>this</b>", "q-why", "c"),
        Cell("markdown", lab.find("q-why-text").source, "q-why-text", "d"),
    )
    marks = (Mark("test-double", 0.0, 2.0, "double: not written yet"), Mark("q-why", None, 2.0))
    text, _ = executed_notebook(cells, {}, marks, lab, POLICY)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    first, test, answer, question = notebook.cells
    assert first.source == "hello"
    assert test.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "0 of 2 points: double: not written yet\n"}
    ]
    assert test.metadata.editable is False
    assert answer.source == "<p>see <b>this</b></p>"
    assert question.source == lab.find("q-why-text").source

"""Nothing is lost in silence: it is drawn, or a line says what is missing."""

import io
import re

import pytest
from pypdf import PdfReader

from labkit.pdf import svg
from labkit.pdf.compiler import make_pdf
from labkit.pdf.latex import latex_html
from labkit.pdf.notebook import read
from labkit.pdf.sequences import in_parts
from labkit.pdf.verify import verify

WEB = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="90" height="40"><text x="3" y="20">drawn</text><image width="9" height="9" xlink:href="https://example.org/a.png"/>'
    "<image width='9' height='9' href='b.png'/><use href=\"c.svg?'#d\"/></svg>"
)


def draw(data, **place):
    return make_pdf(read(data), data, name="n.ipynb", **place)


@pytest.mark.parametrize(
    ("tex", "html"),
    [
        ("words $x$, more\n\nend", '<p>words <tex data-display="0">x</tex>, more</p><p>end</p>'),
        (r"a < b \$5: \[x\]", r'<p>a &lt; b $5: <tex data-display="1">x</tex></p>'),
        ("$x$ or $y$", '<p><tex data-display="0">x</tex> or <tex data-display="0">y</tex></p>'),
        ("no formula here", "<p>no formula here</p>"),
        (r"$$\frac{1}{2}$$", r'<tex data-display="1">\frac{1}{2}</tex>'),
        (r"\(x\)", '<tex data-display="1">x</tex>'),
        (r"for $5 it is \[y\]", r'<p>for $5 it is <tex data-display="1">y</tex></p>'),
        (r"\begin{a}\begin{a}x\end{a}\end{a}", None),
        ("$$" + "a" * 20_000, None),
        (r"\int f\,dx dy", r'<tex data-display="1">\int f\,dx dy</tex>'),
        (r"x \text{for all of it}", r'<tex data-display="1">x \text{for all of it}</tex>'),
        (r"f = \begin{cases}1\\[2pt]2\end{cases}", None),
        (r"\begin{align}a&b\end{align}", r'<tex data-display="1">\begin{align}a&amp;b\end{align}</tex>'),
        (
            r"It means \begin{align}a\end{align}",
            r'<p>It means <tex data-display="1">\begin{align}a\end{align}</tex></p>',
        ),
    ],
)
def test_latex_is_a_formula_or_words_with_formulas(tex, html):
    assert latex_html(tex) == (html or f'<tex data-display="1">{tex}</tex>')


def test_emoji_of_several_characters_are_drawn_in_parts_and_named_once(make):
    hidden = "".join(chr(0xE0000 + ord(char)) for char in 'a"\\')
    text = (
        "1\ufe0f\u20e3 ❤\ufe0f ✔\ufe0f 🇹🇼 👩🏽\u200d🔬 👍🏽 🏴\U000e0067\U000e0062\U000e007f "
        f"{hidden} का\u200d"
    )
    pdf, warnings = draw(make.notebook(make.markdown(text), make.code(f"s = '{text}'", [make.stream(text)])))
    said = (
        "emoji that no font here draws in one piece: joined ones side by side (👩+🔬); keys as [1]; "
        "flags as letters (TW, gb, a__); colours of skin left out"
    )
    assert warnings == [said]
    shown = make.squeezed(make.page_text(pdf))
    assert shown.count(make.squeezed(f"[{said}]")) == 1
    assert shown.count(make.squeezed("[1] ❤\ufe0f ✔\ufe0f TW 👩🔬 👍 🏴[gb] [a__]")) == 3
    assert "variation" not in shown
    assert in_parts('"❤\ufe0f का\u200d ✅"') == ('"❤\ufe0f का\u200d ✅"', "")


def test_gauges_and_linked_pictures_leave_their_words(make):
    data = make.notebook(
        make.markdown(
            '<progress value="3" max="5"></progress> <meter min="1" max="3" value="2">old</meter> <progress>'
            "</progress>\n\n[![build](https://example.org/b.svg)](https://example.org/p/中)"
        ),
        make.code(
            "x", [make.display({"text/html": '<a href="https://example.org/q"><img src="no.png"></a>'})]
        ),
    )
    pdf, warnings = draw(data)
    text = " ".join(make.page_text(pdf).split())
    assert "60 % 50 % [progress without a value]" in text
    assert "Picture not shown: build https://example.org/b.svg (it is on the web" in text
    assert "Picture not shown: no.png (the file is missing" in text
    assert len(warnings) == 2
    links = [note.get_object()["/A"]["/URI"] for note in PdfReader(io.BytesIO(pdf)).pages[0]["/Annots"]]
    assert links == ["https://example.org/p/%E4%B8%AD", "https://example.org/q"]


def test_malformed_tables_and_lists_are_shown_once_and_whole(make):
    html = (
        "<table><thead><tr><th>one<tbody><tr><td>two<tfoot><tr><td>three</table>"
        "<table><tr><td>four<b>five<tfoot><tr><td>six</td></tr></tfoot></table>"
        "<table>seven<tr><td>eight</td>nine</tr><tfoot><p>ten</p></tfoot><td>eleven</td></table>"
        "<ul>twelve<li>thirteen</li></ul><dl><div><dt>fourteen</dt></div>fifteen</dl>"
    )
    words = re.findall("[a-z]{3,}", re.sub("<[^>]*>", " ", html))
    pdf, _ = draw(make.notebook(make.code("x", [make.display({"text/html": html})])))
    shown = re.findall("[a-z]{3,}", make.page_text(pdf).split("[1]")[1])
    assert sorted(shown) == sorted(words)


def test_a_drawing_with_web_pictures_is_drawn_without_them(make):
    pdf, warnings = draw(make.notebook(make.code("x", [make.display({"image/svg+xml": WEB})])))
    assert warnings == []
    said = "[parts of this SVG not shown: they are in files or on the web, and nothing is fetched]"
    assert f"drawn {said}" in " ".join(make.page_text(pdf).split())
    assert b"example.org" not in svg.checked(WEB.encode())
    assert svg.lacking(svg.checked(WEB[: WEB.index("<image")].encode() + b"</svg>")) == []


def test_github_alerts_have_a_title(make):
    text = "> [!NOTE]\n> Save `it`.\n>\n> Then run.\n\n> [!caution]\n> - a list\n\n> [!TIP] is a quote\n>\n"
    pdf, _ = draw(make.notebook(make.markdown(text)))
    shown = " ".join(make.page_text(pdf).split())
    assert "Note Save it. Then run. Caution • a list [!TIP] is a quote" in shown


def test_a_picture_is_proven_whatever_its_name(make, tmp_path):
    import base64

    name = "ก 1\ufe0f\u20e3.png"
    (tmp_path / name).write_bytes(base64.b64decode(make.png()))
    data = make.notebook(make.markdown(f"![x](<{name}>)"))
    pdf, warnings = draw(data, root=tmp_path)
    assert warnings == []
    assert verify(pdf, data, rerender=True).pages == "same"

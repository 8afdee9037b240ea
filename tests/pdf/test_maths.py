"""Formulas: what converts, what falls back, and that no formula reaches Typst as a command."""

import contextlib
import re

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.pdf.compiler import make_pdf
from labkit.pdf.fonts import find_fonts
from labkit.pdf.maths import Formulas, Macro, convert, expand, take_macros
from labkit.pdf.notebook import read

GRID = "#let math-grid(n, a, g, r, ..c) = box(grid(columns: n, ..c))\n"
FORMULAS = r"""
x_i^2 + y'_{ij}
\frac{\partial L}{\partial w_{uv}}
\sum_{i=0}^{n-1} \prod_j \int_0^1 f\,dx
\left\lfloor \frac{i+2p-k}{s} \right\rfloor + 1
\left( \frac{a}{b} \middle| c \right]
\begin{bmatrix} 1 & 0 & -1 \\ 0 & 0 & 0 \end{bmatrix}
\begin{array}{c|c} a & b \\ \hline c & d \end{array}
f(x) = \begin{cases} x & x > 0 \\ \alpha x & \text{otherwise} \end{cases}
\begin{align} a &= b \\ c &= d \end{align}
\hat{x} \bar{y} \tilde{z} \vec{v} \dot{u} \ddot{u} \overline{ab} \underline{ab} \widehat{abc}
\mathbb{R}^{H \times W} \mathcal{L} \mathbf{W} \boldsymbol{\theta} \mathfrak{g} \mathrm{ReLU} \mathsf{T}
\operatorname{softmax}(z)_i \operatorname*{arg\,min}_\theta \max_{x \in X} \lim_{n\to\infty}
\underbrace{a+b}_{n} \overbrace{c}^{m}
\|x\|_2 \lvert x \rvert \langle u, v \rangle
a \not= b \neq c \leq d \geq e \approx f \ll g \sim h
\binom{n}{k} \sqrt{x} \sqrt[3]{x}
\text{words, with; marks} \quad \textbf{bold}
\color{red}{x} \boxed{y} \cancel{z}
a \bmod b \star c \ast d \circ e \otimes f
\xrightarrow{f} \stackrel{?}{=} \overset{a}{b} \underset{c}{d}
50\% \# \& \$ \_ \{ \}
中文 + \text{卷積}
\R^n \in \Z
\bigl( x \bigr) \Big| y \Big|
\dots \cdots \ldots \vdots
\mathbf{1}[x>0]
a \mathbin{+} b \mathop{x}\limits_i \mathopen{[} 0,1 \mathclose{)} \sum\nolimits_i
\left. \frac{df}{dx} \right|_{x=0}^{x=1} \Big\lfloor \dfrac{n}{s} \Big\rfloor
\bigl\{ x \bigr\} \bigl\| x \bigr\| \mathring{A}
\begin{rcases} a \\ b \end{rcases} = c \begin{dcases} a & b \end{dcases} \begin{Bmatrix} a \end{Bmatrix}
\begin{alignat}{2} a &= b & c &= d \\ e &= f & g &= h \end{alignat}
\begin{gathered} a = b \\ c = d \end{gathered} \quad \begin{smallmatrix} a & b \end{smallmatrix}
\sum_{\substack{0 \le i < n \\ i \ne j}} x_i \xrightarrow[\text{below}]{\text{conv}} \bm{x} f''(x)
\text{a\_b 50\%} \text{if $x_{1} > 0$ and $y$} \mbox{卷積} \hspace{1cm} {a \over b} {n \choose k}
\left[ \begin{array}{cc|c} 1 & 0 & 2 \\ 0 & 1 & 3 \end{array} \right] e^{\frac{1}{2}x^2} \hbox{rm}
-\log 0.1 = 2.30 \text{ in 1.5 s}
\begin{array}{|c|c|}\hline a & b \\ \hline c & d \\ \hline\end{array}
\begin{array}{l|*{2}{c}} & x & y \\ \hline\hline 1 & 2 & 3 \\ \cline{2-3} 4 & 5 & 6 \\ \hdashline 7\end{array}
\begin{array}{@{}r@{\quad}p{2cm}@{}} a & b \\ c & d \end{array} \begin{bmatrix} 1 \\ \hline 2 \end{bmatrix}
\genfrac{(}{)}{0pt}{0}{n}{k} \genfrac{}{}{}{}{a}{b} \genfrac\{\}{1pt}{2}{a+1}{b}
x \rule{1cm}{2pt} \rule[-2pt]{1em}{0.4pt} y \unicode{x263a} \unicode[serif]{9786}
\mathchoice{D}{T}{S}{S} x_{\mathchoice{D}{T}{S}{S}} \href{https://example.org/a#b}{x+1} \style{color:red}{z}
\sum_{\begin{subarray}{l} i \\ j \end{subarray}} \class{a}{x} \kern 3pt y \mkern3mu z \hskip 1em w \! v
a \rightharpoonup b \leftarrow c \hookrightarrow d \implies e \iff f \leadsto g
"""


@pytest.mark.parametrize("tex", FORMULAS.strip().splitlines())
@pytest.mark.parametrize("display", [True, False])
def test_usual_formulas_are_set(tex, display):
    formulas = Formulas()
    formulas.add(tex, display=display)
    definitions, failed = formulas.definitions(GRID, find_fonts().handle)
    assert failed == 0, formulas.sources
    assert definitions.startswith("#let formulas = ($")


@pytest.mark.parametrize(
    ("tex", "typst_source"),
    [
        (r"\frac{1}{2}", "frac(1, 2)"),
        (r"x_i^2", "attach(x, t: 2, b: i)"),
        (r"\operatorname*{arg\,max}_x", 'attach(op("arg\u2009max", limits: #true), b: x)'),
        (r"a \not= b", r"a cancel(\=) b"),
        (r"x'", r"attach(x, t: \u{2032})"),
        (r"\mathrm{d}x", "upright(d) x"),
        (r"w \mathrel{+}= x", r'w class("relation", \+) \= x'),
        (r"a \bmod b", 'a class("binary", op("mod")) b'),
        (r"\big\| x", r'class("normal", \u{2016}) x'),
        (r"\text{step}(x)", r'"step"\( x \)'),
        (r"\text{if $x$ is}", '"if "x" is"'),
        (r"\limsup_n x", 'attach(op("lim sup", limits: #true), b: n) x'),
        (r"\mathop{x}_i", "attach(op(x, limits: #true), b: i)"),
        (r"\begin{align} a & b & c \end{align}", "a & b #h(2em) & c"),
        (
            r"\begin{bmatrix}1\end{bmatrix}^{\top}_2 x",
            r"attach(lr(\[ #math-grid(1, (center, ), (), 0.5em, [$1$]) \]), t: \u{22a4}, b: 2) x",
        ),
        (
            r"\begin{pmatrix}1\end{pmatrix}'",
            r"attach(lr(\( #math-grid(1, (center, ), (), 0.5em, [$1$]) \)), t: \u{2032})",
        ),
    ],
)
def test_the_source_is_as_expected(tex, typst_source):
    formulas = Formulas()
    formulas.add(tex, display=True)
    assert formulas.sources == [typst_source]


@pytest.mark.parametrize(
    "tex",
    [
        r"\begin{foo} a & b \\ c \end{foo}",
        r"\begin{tikzpicture} \draw (0,0); \end{tikzpicture}",
        r"\ce{H2O}",
        r"\big\nosuch x",
        r"\SI{3}{\metre}",
    ],
)
def test_what_cannot_be_set_stands_as_its_source(tex):
    formulas = Formulas()
    assert "formula" in formulas.add(tex, display=True)
    assert formulas.sources == [None]


@given(st.text(alphabet=r"ab1+=()[]{}\|^_&;: ", max_size=30))
def test_a_formula_shows_all_its_letters_or_its_source(tex):
    formulas = Formulas()
    formulas.add(tex, display=True)
    for source in filter(None, formulas.sources):
        shown = _printed(source)
        for char in "ab1+=":
            assert shown.count(char) >= tex.replace("\\" + char, "").count(char), (tex, source)


def _printed(source):
    """Typst's functions and their names taken away; what is printed remains."""
    return re.sub(r"\b[a-z][a-z.-]+\b(?=[(:])|#\w+|\b[bt]:", "", source)


def test_a_tag_stands_as_in_latex():
    formulas = Formulas()
    assert '"(1)"' in formulas.add(r"a \tag{1}", display=True)
    assert '"[2]"' in formulas.add(r"a \tag*{[2]}", display=True)


def test_one_bad_formula_leaves_the_others():
    formulas = Formulas()
    for tex in ("a", r"\nosuchthing", "b", r"\frac{1}", "c"):
        formulas.add(tex, display=False)
    _, failed = formulas.definitions(GRID, find_fonts().handle)
    assert failed >= 1
    assert {"a", "b", "c"} <= set(formulas.sources)


def test_macros_are_defined_once_and_used():
    formulas = Formulas()
    assert formulas.add(r"\newcommand{\norm}[1]{\left\| #1 \right\|} \def\E{\mathbb{E}}", display=True) == ""
    formulas.add(r"\norm{x} + \E", display=False)
    assert formulas.macros == {r"\norm": Macro(1, r"\left\| #1 \right\|"), r"\E": Macro(0, r"\mathbb{E}")}
    assert formulas.sources[0] is not None


def test_a_macro_without_end_is_shown_as_source():
    formulas = Formulas()
    shown = formulas.add(r"\def\a{\a\a\a} \a", display=False)
    assert formulas.sources == [None]
    assert shown.startswith("formula(0, ")


def test_macro_definitions_leave_the_rest():
    macros = {}
    assert take_macros(r"x \newcommand{\y}{z} w", macros).split() == ["x", "w"]
    assert expand(r"\y + \yy", macros) == r"{z} + \yy"


PIECES = [
    "x",
    "#panic()",
    '"',
    "\\",
    "$",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ";",
    "//",
    "/*",
    "*/",
    "`",
    "&",
    "_",
    "^",
]
PIECES += [
    r"\text{",
    r"\frac",
    r"\left(",
    r"\right)",
    r"\mathrm{ab}",
    "#",
    "<",
    ">",
    "~",
    "\n",
    "中",
    "∑",
    r"\\",
    "@a",
    "'",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.booleans())
@settings(max_examples=80, deadline=None)
def test_no_formula_breaks_out(tex, display):
    try:
        source = convert(tex, display=display)
    except Exception:
        return  # shown as its source
    document = f'{GRID}#let panic() = metadata("out")\n${source}$'
    compiler = typst.Compiler(document.encode(), font_paths=find_fonts().handle)
    with contextlib.suppress(typst.TypstError):  # does not compile: shown as its source
        assert compiler.query("metadata") == "[]"


def test_room_between_rows_is_no_text(make):
    source = "$$\\begin{aligned} a &= b \\\\[1ex] c &= d \\\\[-4pt] e &= [1] \\end{aligned}$$"
    pdf, _ = make_pdf(read(data := make.notebook(make.markdown(source))), data, name="n.ipynb")
    text = make.page_text(pdf)
    assert "ex]" not in text
    assert "pt]" not in text
    assert "[1]" in "".join(text.split())


def test_rules_of_an_array_stand_where_they_are_written():
    formulas = Formulas()
    formulas.add(
        r"\begin{array}{|l|c|} \hline a & b \\ \cline{2-2} c & d \\ \hline \end{array}", display=True
    )
    (source,) = formulas.sources
    assert re.findall(r"grid\.vline\(x: (\d)", source) == ["0", "1", "2"]
    assert re.findall(r"grid\.hline\(y: ([^)]*?), stroke", source) == ["0", "1, start: 1, end: 2", "2"]
    assert "(left, center, )" in source
    assert source.count("[$") == 4


def test_of_four_sizes_the_fitting_one_is_shown():
    tex = r"\mathchoice{D}{T}{S}{U} x_{\mathchoice{D}{T}{S}{U}}"
    formulas = Formulas()
    formulas.add(tex, display=True)
    formulas.add(tex, display=False)
    assert formulas.sources == ["D attach(x, b: S)", "T attach(x, b: S)"]


@pytest.mark.parametrize(
    "tex",
    [
        r"\begin{array}{c!{x}c} a & b \end{array}",
        r"x \hline y",
        r"\unicode{xd800}",
        r"\genfrac{a}",
        r"\text{a \rule{1em}{1pt}}",
    ],
)
def test_what_cannot_be_set_stands_as_source(tex):
    formulas = Formulas()
    assert formulas.add(tex, display=True)
    assert formulas.sources == [None]


def test_each_formula_that_stands_as_source_is_counted(make):
    text = r"$\ce{H2O}$ and $\ce{CO2}$, again $\ce{H2O}$, $\!\undefinedone$ and $x^2$."
    data = make.notebook(make.markdown(text))
    pdf, warnings = make_pdf(read(data), data, name="n.ipynb")
    assert warnings == ["4 formulas could not be set and stand as LaTeX source"]
    assert make.squeezed(make.page_text(pdf)).count(r"\ce{") == 3

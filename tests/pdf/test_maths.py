"""Formulas: what converts, what falls back, and that no formula reaches Typst as a command."""

import contextlib

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.pdf.fonts import find_fonts
from labkit.pdf.maths import Formulas, Macro, convert, expand, take_macros

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
        (r"\mathrm{d}x", '"d" x'),
    ],
)
def test_the_source_is_as_expected(tex, typst_source):
    formulas = Formulas()
    formulas.add(tex, display=True)
    assert formulas.sources == [typst_source]


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

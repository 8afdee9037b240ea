"""Titles, widgets and outputs of a browser: each is shown, or a line says truly what it is and why not."""

import pytest
from pypdf import PdfReader

from labkit.pdf import charts
from labkit.pdf.assets import Pictures
from labkit.pdf.compiler import make_pdf
from labkit.pdf.errors import PictureError
from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import Notebook, read
from labkit.pdf.titles import title_of
from labkit.pdf.widgets import Widgets


def draw(data):
    return make_pdf(read(data), data, name="n.ipynb")


@pytest.mark.parametrize(
    "title", ["Its *title*\n===", "<h1 align=center>Its <i>title</i></h1>\n\n", "# Its title"]
)
def test_a_top_heading_of_any_form_is_the_title_once(make, title):
    pdf, _ = draw(make.notebook(make.markdown(f"{title}\nText"), make.markdown("# second")))
    text = make.page_text(pdf)
    assert text.count("Its title") == 1
    assert text.index("Its title") < text.index("Text") < text.index("second")


def test_a_title_is_drawn_with_all_it_holds(make):
    import io

    source = f"# On $\\theta$ ![a logo](data:image/png;base64,{make.png()}) [here](https://example.org)"
    pdf, warnings = draw(make.notebook(make.markdown(source), make.code("x\n" * 80)))
    reader = PdfReader(io.BytesIO(pdf))
    assert warnings == []
    assert len(reader.pages[0].images) == 1
    assert "\\theta" not in make.page_text(pdf)
    assert reader.metadata.title == r"On \theta a logo here"
    long = title_of(read(make.notebook(make.markdown("# " + "words " * 50))), "n")
    assert long.text.endswith("words…")
    assert not long.whole
    assert title_of(Notebook((), {}), "n").text == "n"


def model(name, module="@jupyter-widgets/controls", buffers=(), **state):
    return {"model_name": f"{name}Model", "model_module": module, "state": state, "buffers": list(buffers)}


def test_widgets_say_their_values_and_no_secret(make):
    state = {
        "pw": model("Password", description="pw", value="SECRET"),
        "many": model("SelectMultiple", description="m", _options_labels=["a", "b", "c"], index=[0, 2]),
        "day": model("DatePicker", description="day", value={"year": 2024, "month": 0, "date": 5}),
        "lab": model("Label", value="rate $x^2$"),
        "map": model("Map", "jupyter-leaflet", zoom=3),
        "im": model("Image", buffers=[{"data": make.png()}], format="png"),
        "tab": model("Tab", children=["IPY_MODEL_many", "IPY_MODEL_map"], titles=["One", "Two"]),
        "old": model("Accordion", children=["IPY_MODEL_day"], _titles={"0": "Old"}),
        "box": model("VBox", children=["IPY_MODEL_box", "IPY_MODEL_day"]),
        "odd": model("Tab", children=[3, None], titles=7),
    }
    said = {name: Widgets(state).describe(name) for name in state}
    assert said["pw"] == ((), "pw: not shown")
    assert said["many"][1] == "m: a, c"
    assert said["box"][1] == said["day"][1] == "day: 2024-01-05"
    assert said["old"][1] == "Old (day: 2024-01-05)"
    assert said["tab"][1] == (
        "One (m: a, c) · Two (a widget of kind Map (jupyter-leaflet), which cannot be drawn)"
    )
    assert said["lab"][0][0]["data"] == {"text/latex": "rate $x^2$"}
    assert said["im"][0][0]["data"] == {"image/png": make.png()}
    assert "was not saved" in said["odd"][1]
    assert Widgets(state).lack("map").startswith("a widget of kind Map (jupyter-leaflet), which cannot")
    assert "was not saved" in Widgets(state).lack("gone")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"application/vnd.plotly.v1+json": {}, "text/html": "<div>"}, "Plotly chart"),
        ({"text/html": "<script>Plotly.newPlot(1)</script>"}, "Plotly chart"),
        ({"application/vnd.vegalite.v5+json": {}, "text/plain": "Chart"}, "Altair or Vega chart"),
        ({"application/javascript": "x"}, "JavaScript output"),
        ({"text/html": "words on Plotly.newPlot"}, ""),
    ],
)
def test_what_a_browser_draws_is_named(make, data, kind):
    assert charts.chart_of(data).startswith(f"[{kind}: " if kind else "")
    assert bool(charts.chart_of(data)) is bool(kind)


def test_small_things_are_as_in_a_browser(make):
    html = (
        "<table><tfoot><tr><td>foot</td></tr></tfoot><tr><td>body</td></tr><thead><tr><th>head</th></tr></thead>"
        '</table><style>#gone{display:none}</style><p id="gone">gone</p><p style="Display : none">gone</p>'
        "<video src=a.mp4></video>"
    )
    outputs = [make.display({"text/html": html}), make.display({"text/plain": ""})]
    outputs.append(make.display({"application/vnd.plotly.v1+json": {}, "image/png": make.png()}))
    pdf, _ = draw(make.notebook(make.markdown("left\u2028right ខែ"), make.code("x", outputs)))
    text = " ".join(make.page_text(pdf).split())
    assert "left right [khmer letter kha][khmer vowel sign ae]" in text
    assert text.index("head") < text.index("body") < text.index("foot")
    assert "[video not shown: a.mp4; paper cannot play it]" in text
    assert not any(word in text for word in ("gone", "cannot be printed", "Plotly"))


def test_formulas_in_words_of_formulas_are_read():
    assert to_html(r"a $\text{for $x$ in } X$ b").count("<tex") == 1
    assert to_html(r"$\text{a}$ and $\mbox{if $y$}$ cost $5").count("<tex") == 2


def test_addresses_of_one_computer_are_told_as_such(tmp_path):
    with pytest.raises(PictureError, match="its place on one computer"):
        Pictures(tmp_path, tmp_path).resolve("file:///a/b.png", {})


def test_a_heading_in_lines_of_an_old_notebook_is_read():
    cell = b'{"cell_type": "heading", "level": 1, "source": ["old"]}'
    data = b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [%s]}]}' % cell
    assert [cell.source for cell in read(data).cells] == ["# old"]

"""Class names in Chinese, Japanese and Korean are letters in a figure, not boxes."""

import logging
import subprocess
import sys

import pytest
from matplotlib.figure import Figure

from labkit import plot, plot_fonts


def drawn(**places):
    fig = Figure(figsize=(4, 2), layout="constrained")
    ax = fig.subplots()
    ax.set_xticks([0, 1], [places.get("ticks", "a"), "b"])
    ax.set_title(places.get("title", "A title"), fontweight="bold")
    ax.text(0.5, 0.5, places.get("note", "a note"), style="italic", parse_math=False)
    return fig


@pytest.mark.parametrize("place", ["ticks", "title", "note"])
@pytest.mark.parametrize("letters", ["我的貓", "ねこと犬", "고양이", "Ｃａｔ。"])
def test_letters_are_drawn_without_a_warning(place, letters, recwarn, caplog):
    pytest.importorskip("noto_cjk_sans_otc")
    with caplog.at_level(logging.WARNING):
        plot.png(drawn(**{place: f"{letters} and cat"}), alt="a test")
    assert not [str(w.message) for w in recwarn if "Glyph" in str(w.message)]
    assert not caplog.records


def test_each_language_gets_its_own_shapes():
    pytest.importorskip("noto_cjk_sans_otc")
    wanted = {"骨": "SC", "骨と": "JP", "骨 뼈": "KR"}
    for letters, region in wanted.items():
        fig = drawn(title=letters)
        plot_fonts.mend(fig)
        name = f"Noto Sans CJK {region}"
        found = name if name in plot_fonts.families() else "Noto Sans CJK JP"
        assert fig.axes[0].title.get_fontfamily()[1:] == [found]


def test_other_figures_stay_as_they_are():
    fig = drawn(title="Größe, naïve, ×, ✓")
    plot_fonts.mend(fig)
    assert fig.axes[0].title.get_fontfamily() == ["sans-serif"]


def test_without_the_font_a_figure_is_drawn_all_the_same(monkeypatch):
    monkeypatch.setattr(plot_fonts, "families", frozenset)
    with pytest.warns(UserWarning, match="Glyph"):
        plot.png(drawn(title="貓"), alt="a test")


def test_the_font_is_looked_for_only_when_a_letter_needs_it():
    code = """if True:
        import sys
        from matplotlib.figure import Figure
        from labkit import plot, plot_fonts
        fig = Figure()
        fig.text(0, 0, "cat")
        plot.png(fig, alt="a cat")
        assert plot_fonts.families.cache_info().currsize == 0
    """
    subprocess.run([sys.executable, "-c", code], check=True)

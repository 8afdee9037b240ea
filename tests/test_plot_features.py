"""Figures of Lab 5 on the small network: right ones say what they show, and no answer breaks them."""

import io
import runpy
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from labkit import (
    comparing,
    explore_features,
    images,
    models,
    plot,
    plot_evidence,
    plot_features,
    plot_margins,
    plot_probe,
    scenes,
)

HONEST = runpy.run_path(str(Path(__file__).parent / "check" / "honest_features.py"))["HONEST"]
RIGHT = {name: next(iter(styles.values())) for name, styles in HONEST.items()}
SMALL = models.small()
GALLERY = comparing.gallery(own=False)
BATCH = comparing.batch_of(None, SMALL, GALLERY.photos)
FEATURES = comparing.features(None, SMALL.net, BATCH)
LAST = FEATURES["layer4"]
TWO = {"relu": FEATURES["relu"].double(), "layer4": LAST.double()}
CAT, CUP = scenes.subject("chelsea"), scenes.subject("coffee")
TRAIN = GALLERY.where(lambda change: change in comparing.CHANGES[:4])
Drawing = Callable[[Any], Figure]
FIGURES: dict[str, tuple[str, Drawing]] = {
    "matrix": ("cosine_matrix", lambda f: plot_features.matrix(f, GALLERY, LAST, title="last stage")),
    "retrieval": ("neighbours", lambda f: plot_features.retrieval(f, GALLERY, LAST, [0, 9], k=3)),
    "bars": ("margin", lambda f: plot_margins.bars(f, GALLERY, FEATURES, what="by stage")),
    "occlusion": (
        "cosine_matrix",
        lambda f: plot_margins.occlusion(f, SMALL, {"cat": CAT, "coffee": CUP}, steps=3),
    ),
    "probes": ("probe", lambda f: plot_probe.probes(f, GALLERY, TWO, TRAIN)),
    "scatter": ("pca", lambda f: plot_features.scatter(f, GALLERY, TWO)),
    "faces": ("pca", lambda f: plot_features.faces(f, GALLERY, TWO["layer4"])),
    "agreement": ("linear_cka", lambda f: plot_features.agreement(f, TWO)),
}


def unwritten(*args: Any, **options: Any) -> Any:
    raise NotImplementedError


ODD = {
    "unwritten": unwritten,
    "None": lambda *a, **k: None,
    "zeros": lambda *a, **k: torch.zeros(2, 3),
    "nan": lambda *a, **k: (float("nan"), float("nan")),
    "error": lambda *a, **k: 1 / 0,
}


def drawn(fig: Figure) -> str:
    fig.savefig(io.BytesIO(), dpi=30)
    return str(fig.get_label())


@pytest.mark.parametrize("name", FIGURES)
def test_a_right_answer_is_drawn_and_told(name, cut_off):
    function, draw = FIGURES[name]
    fig = draw(RIGHT[function])
    assert cut_off(fig) == []
    alt = drawn(fig)
    assert "written" not in alt
    assert "returned" not in alt
    assert len(alt) > 60


@pytest.mark.parametrize("name", FIGURES)
def test_no_answer_breaks_a_figure(name):
    function, draw = FIGURES[name]
    for odd, answer in ODD.items():
        alt = drawn(draw(answer))
        assert alt
        if odd == "unwritten":
            assert f"{function} is not written yet" in alt


@pytest.mark.parametrize("answer", ["right", *ODD])
def test_tables_are_printed(answer, capsys):
    f = ODD.get(answer)
    plot_probe.same_block(f or RIGHT["bottleneck"], SMALL)
    plot_probe.cost_table(f or RIGHT["block_cost"])
    plot_margins.company(f or RIGHT["features_of"], SMALL, CAT, {"cups": CUP})
    said = capsys.readouterr().out
    assert said
    if answer == "right":
        assert "25,557,032     4,089,184,256 as published" in said
        assert "70,400" in said.split("layer1.1")[1].split("\n")[0]  # what block_cost counts
        wild, tame = (float(v) for v in said.split("cups")[1].split())
        assert wild < 0.9 < tame == 1


def test_without_prepare_and_embed_labkit_steps_in_and_says_so(capsys):
    for odd, answer in ODD.items():
        batch = comparing.batch_of(answer, SMALL, GALLERY.photos[:2])
        assert torch.equal(batch, BATCH[:2]), odd
        features = comparing.features(answer, SMALL.net, batch)
        torch.testing.assert_close(features["layer4"], LAST[:2], rtol=1e-4, atol=1e-5)
    said = capsys.readouterr().out
    assert said.count("the network's own preprocessing is used") == len(ODD)
    assert said.count("labkit's features are used") == len(ODD)
    assert "prepare is not written yet" in said


def test_the_students_prepare_and_embed_are_used(capsys):
    batch = comparing.batch_of(RIGHT["prepare"], SMALL, GALLERY.photos[:3])
    torch.testing.assert_close(batch, BATCH[:3], rtol=1e-4, atol=1e-4)
    features = comparing.features(lambda stages, x: [x.mean((2, 3))] * len(stages), SMALL.net, batch)
    assert features["layer4"].shape == (3, 3)
    assert not capsys.readouterr().out


def test_the_right_preparation_has_the_widest_margin_and_classes_are_apart():
    part, ways = plot_margins.ablation(SMALL, GALLERY, TRAIN)
    assert next(iter(ways)) == "right"
    assert len(part.photos) == 16
    gaps = []
    for features in ways.values():
        similarity = comparing.cosines(features, features)
        same, other = RIGHT["margin"](similarity, part.labels)
        gaps.append(same - other)
    assert max(gaps) == gaps[0] > 0.1


def test_own_photos_join_by_the_class_in_their_name(tmp_path, monkeypatch):
    from PIL import Image

    folder = tmp_path / "data" / "my_images"
    folder.mkdir(parents=True)
    for name in ("grandma-1960.png", "grandma-2020.png", "cat-old.png", "nobody.png", "-1.png"):
        Image.new("RGB", (40, 30), "red").save(folder / name)
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "red").save(folder / "dog-running", "JPEG")  # without an ending
    with (
        pytest.warns(UserWarning, match=r"^left out: nobody\.png does not name its class"),
        pytest.warns(UserWarning, match=r"^left out: -1\.png does not name its class"),
    ):
        found = comparing.gallery()
    assert found.classes == (*GALLERY.classes, "dog", "grandma")
    assert found.names()[28:] == ["cat, old", "dog, running", "grandma, 1960", "grandma, 2020"]


def test_files_may_have_names_that_look_like_formulas(tmp_path, monkeypatch):
    from PIL import Image

    folder = tmp_path / "data" / "my_images"
    folder.mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(folder / "$^$-$x^$.png")
    monkeypatch.chdir(tmp_path)
    found = comparing.gallery()
    rows = torch.cat([LAST, LAST[:1] / 2]).double()
    assert "$^$" in drawn(plot_features.scatter(RIGHT["pca"], found, {"layer4": rows}))
    own = {photo.name: photo.pixels for photo in images.my_images()}
    assert "$^$-$x^$.png" in drawn(plot_evidence.probabilities(top_k, SMALL, own))


def top_k(logits: torch.Tensor, names: tuple[str, ...], k: int) -> list[tuple[str, float]]:
    best = logits.softmax(0).topk(k)
    return [(names[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]


def test_an_error_in_the_words_of_a_formula_is_shown():
    def broken(*_args: Any) -> Any:
        raise ValueError(r"$\frac$")

    assert r"$\frac$" in drawn(plot_features.matrix(broken, GALLERY, LAST))
    axes = Figure().subplots()
    plot.blank(axes, r"$\frac$")
    drawn(axes.figure)


def test_the_random_blocks_have_the_sizes_they_are_named_for():
    sizes = {name: size for name, size, _, _ in comparing.real_blocks(SMALL)}
    assert sizes["random, like layer3.2"] == (1024, 256, 1)


def test_search_prints_its_strip(monkeypatch):
    shown = []
    monkeypatch.setattr(plot, "show", lambda fig, alt="", dpi=160: shown.append(fig.get_label()))
    explore_features.search(RIGHT["neighbours"], GALLERY, LAST, [0, 9])
    assert len(shown) == 1
    assert "cat, as it is: cat, pose: mirrored" in shown[0]


def test_numbers_of_many_digits_push_no_name_out_of_the_scatter(cut_off):
    drawing = plot_features.scatter(RIGHT["pca"], GALLERY, TWO)
    assert not cut_off(drawing)
    for ax in drawing.axes:
        ticks = [tick.get_window_extent() for tick in ax.get_xticklabels() if tick.get_visible()]
        assert not any(a.overlaps(b) for a, b in pairwise(ticks))

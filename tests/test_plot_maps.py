"""Figures of Lab 4 on the small network: right ones say what they show, and no answer breaks them."""

import io
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from labkit import explore_maps, looking, models, plot, plot_evidence, plot_fields, plot_maps, scenes

HONEST = runpy.run_path(str(Path(__file__).parent / "check" / "honest_maps.py"))["HONEST"]
RIGHT = {name: next(iter(styles.values())) for name, styles in HONEST.items()}
SMALL = models.small()
CAT = scenes.subject("chelsea")
X = SMALL.preprocess(CAT)
STAGES = looking.maps_of(SMALL.net, looking.STAGES, X)
IMAGE = looking.image_of(SMALL, CAT)
TWO = scenes.two_in_one()
BOTH = TWO["half and half"]
Drawing = Callable[[Any], Figure]
FIGURES: dict[str, tuple[str, Drawing]] = {
    "wall, stretch": ("stretch", lambda f: plot_maps.wall(f, RIGHT["montage"], STAGES)),
    "wall, montage": ("montage", lambda f: plot_maps.wall(RIGHT["stretch"], f, STAGES)),
    "responses": (
        "stretch",
        lambda f: plot_maps.responses(f, IMAGE, STAGES["layer2"][0], [3, 1, 2], layer="layer2"),
    ),
    "filters": ("filter_pictures", lambda f: plot_maps.filters(f, SMALL.net.conv1.weight.detach())),
    "stairs": ("map_shapes", lambda f: plot_maps.stairs(f, SMALL)),
    "zeros": ("sparsity", lambda f: plot_maps.zeros(f, STAGES)),
    "boxes": ("receptive_field", lambda f: plot_fields.boxes(f, SMALL, CAT)),
    "seen": ("field_of", lambda f: plot_fields.seen(f, SMALL, CAT)),
    "probabilities": ("top_k", lambda f: plot_evidence.probabilities(f, SMALL, {"a cat": CAT, "half": BOTH})),
    "bars": ("top_k", lambda f: plot_evidence.bars(f, SMALL, TWO, [3], what="a cat")),
    "occlusion": (
        "occlusion_map",
        lambda f: plot_evidence.occlusion(f, SMALL, BOTH, [3, 5], size=16, stride=8),
    ),
    "heat, cam": (
        "cam",
        lambda f: plot_evidence.heat({"cam": plot_evidence.cam_of(f, SMALL, BOTH, 3)}, IMAGE, what="CAM"),
    ),
    "heat, grad_cam": (
        "grad_cam",
        lambda f: plot_evidence.heat(
            {"grad_cam": plot_evidence.grad_cam_of(f, SMALL, BOTH, 3, "layer3")}, IMAGE, what="Grad-CAM"
        ),
    ),
}
SAID = {
    "wall, stretch": "layer4: 64 maps of 4×4",
    "responses": "of layer2 answer",
    "stairs": "layer2 32 maps of 16 by 16",
    "boxes": "layer2: 15×15",
    "seen": "layer2: box 15 by 15",
    "bars": "half and half ",
    "occlusion": "cat: ",
}


def unwritten(*args: Any, **options: Any) -> Any:
    raise NotImplementedError


ODD = {
    "unwritten": unwritten,
    "None": lambda *a, **k: None,
    "zeros": lambda *a, **k: torch.zeros(2, 3),
    "nan": lambda *a, **k: torch.full((3, 3), float("nan")),
    "pairs": lambda *a, **k: [("cat", float("nan"))],
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
    assert SAID.get(name, "") in alt
    assert len(alt) > 40


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
    plot_maps.shapes_table(f or RIGHT["map_shapes"], f or RIGHT["record"], SMALL)
    plot_fields.field_table(f or RIGHT["receptive_field"], SMALL)
    plot_evidence.same_map(f or RIGHT["cam"], f or RIGHT["grad_cam"], SMALL, BOTH, 3)
    said = capsys.readouterr().out
    assert said
    if answer == "right":
        assert "16×32×32          16×32×32" in said
        assert "(!)" not in said
        assert float(said.rsplit(": ", 1)[1]) < 1e-5


def test_what_a_students_function_does_to_the_network_stays_with_it(capsys):
    """Hooks left behind, a mode not put back, weights overwritten: later pictures know nothing of it."""

    def state():
        modes, hooks = zip(*((m.training, len(m._forward_hooks)) for m in SMALL.net.modules()), strict=True)
        return modes, hooks, [value.clone() for value in SMALL.net.state_dict().values()]

    def record(net, names, x):
        net.train()
        for name in names:
            net.get_submodule(name).register_forward_hook(lambda *_: None)
        net(x)
        return dict.fromkeys(names)

    def cam(maps, weights, label):
        weights[label] += 1
        return (maps * weights[label][:, None, None]).sum(0)

    modes, hooks, values = state()
    plot_maps.shapes_table(RIGHT["map_shapes"], record, SMALL)
    assert "16×32×32                 -" in capsys.readouterr().out
    first, again = (plot_evidence.cam_of(cam, SMALL, CAT, 3)() for _ in range(2))
    assert torch.equal(first, again)
    after = state()
    assert after[:2] == (modes, hooks)
    assert all(map(torch.equal, after[2], values))


def test_controls_print_their_strips(monkeypatch):
    shown = []
    monkeypatch.setattr(plot, "show", lambda fig, alt="", dpi=160: shown.append(alt or fig.get_label()))
    explore_maps.channels(RIGHT["stretch"], SMALL, CAT)
    explore_maps.photos(RIGHT["top_k"], SMALL, TWO)
    assert [alt.split(" answer,")[0].split()[-1] for alt in shown[:3]] == ["layer1", "layer2", "layer4"]
    assert shown[3].startswith("The")


def test_a_network_is_read_stage_by_stage():
    net = models.resnet50("RANDOM", say=lambda line: None)
    fields = [RIGHT["receptive_field"](looking.windows(net.net, stage))[0] for stage in looking.STAGES]
    assert fields == [7, 35, 91, 267, 427]
    fields = [
        RIGHT["receptive_field"](looking.windows(models.v1_strides(net.net), stage))[0]
        for stage in looking.STAGES
    ]
    assert fields == [7, 35, 99, 291, 483]
    assert looking.stage_layers(net.net)[:2] == [(64, 7, 2, 3), (None, 3, 2, 1)]
    maps = looking.until(SMALL.net, "layer4")(X)
    assert torch.allclose(looking.beyond(SMALL.net, "layer4")(maps), SMALL.net(X), atol=1e-5)
    assert not any(layer._forward_hooks for layer in SMALL.net.modules())


def test_without_resnet_the_small_network_stands_in_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    said: list[str] = []
    found = looking.network(said.append)
    assert found.weights == "SMALL"
    assert said[0].startswith("Stand-in: ResNet-50 is not on this computer")


def test_photos_stay_photos():
    for photo in (*TWO.values(), *scenes.variations(CAT).values()):
        assert photo.shape == (3, 256, 256)
        assert 0 <= float(photo.min()) <= float(photo.max()) <= 1
    assert torch.equal(scenes.subject("chelsea"), CAT)


def test_the_same_photo_goes_through_the_network_once():
    calls = []
    hook = SMALL.net.register_forward_hook(lambda *a: calls.append(1))
    first, second = looking.probabilities(SMALL, [3, 5])
    total = first(IMAGE) + second(IMAGE.clone())
    hook.remove()
    assert len(calls) == 1
    assert 0 < total < 1

"""The playground: data, training, pictures, and controls that answer while it trains."""

import time
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from labkit import playground, playground_panel, plot, plot_playground
from labkit.check.run import examine
from labkit.check.training import ASPECTS, SPEC
from labkit.playground import DATA, FEATURES, Playground, Setting, SettingError, points, setting_of


@pytest.mark.parametrize("data", DATA)
def test_points_are_balanced_bounded_and_repeatable(data: str) -> None:
    x, t = points(data, 200, seed=3)
    assert x.shape == (200, 2)
    assert float(t.mean()) == 0.5
    assert float(x.abs().max()) <= 1.1
    assert torch.equal(x, points(data, 200, seed=3)[0])
    assert not torch.equal(x, points(data, 200, seed=4)[0])


def test_points_have_the_shape_they_are_named_after() -> None:
    x, t = points("xor", 200, seed=1)
    assert torch.equal((x[:, 0] * x[:, 1] > 0).float(), t)
    x, t = points("circle", 200, seed=1)
    assert torch.equal((x.norm(dim=1) < 0.55).float(), t)


SOLVED = [
    Setting("gauss", hidden=()),
    Setting("circle", ("x1^2", "x2^2"), (), rate=0.5),
    Setting("xor", ("x1*x2",), (), rate=0.5),
    Setting("xor", hidden=(8,), activation="relu"),
    Setting("spiral", hidden=(16, 16), activation="relu"),
]


@pytest.mark.parametrize("setting", SOLVED, ids=plot_playground.told)
def test_it_learns(setting: Setting) -> None:
    game = Playground(setting)
    before = game.loss()
    game.train(300)
    assert game.accuracy() >= 0.95
    assert game.loss() < before
    assert game.history[-1][0] == game.steps == 300


@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_layers_without_activation_are_a_straight_line(activation: str) -> None:
    game = Playground(Setting("xor", hidden=(8, 8), activation=activation, rate=0.5))
    game.train(300)
    assert (game.accuracy() > 0.9) == (activation == "tanh")


def test_training_in_pieces_is_the_same_and_touches_no_global_state() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two = Playground(Setting()), Playground(Setting())
    one.train(40)
    for _ in range(4):
        two.train(10)
    assert all(torch.equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_weight_decay_shrinks_and_a_rate_of_zero_keeps() -> None:
    plain, small, still = (Playground(Setting(l2=l2, rate=r)) for l2, r in ((0, 0.3), (0.1, 0.3), (0, 0)))
    start = still.weights[0].clone()
    for game in (plain, small, still):
        game.train(100)
    assert bool(small.weights[0].norm() < plain.weights[0].norm())
    assert torch.equal(still.weights[0], start)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": "moons"}, "data: got 'moons', expected circle, xor, gauss, spiral."),
        ({"hidden": (4, 4, 4, 4)}, "expected at most 3 whole numbers from 1 to 16."),
        ({"hidden": (True,)}, "expected at most 3 whole numbers"),
        ({"l2": -1}, "l2: got -1, expected a number from 0 to 1."),
        ({"features": ()}, "features: got none, expected at least one of x1"),
    ],
)
def test_bad_settings_are_explained(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=r".") as caught:
        Setting(**given)
    assert said in str(caught.value)


def test_setting_of_a_dictionary() -> None:
    assert setting_of({}, data="xor") == Setting(data="xor")
    assert setting_of({"features": ["x1*x2"], "rate": 1}, data="xor").features == ("x1*x2",)


def test_filmstrip_and_moment_say_what_they_show() -> None:
    fig = plot_playground.filmstrip(Setting("gauss", hidden=()), at=(0, 40))
    assert fig.get_figwidth() == plot.WIDTH
    assert str(fig.get_label()).startswith("gauss; x1, x2; no hidden layer; rate 0.3. step 0: ")
    assert str(fig.get_label()).endswith("% of test points right.")
    game = Playground(Setting(rate=10.0, hidden=(16, 16, 16), activation="relu"))
    game.train(30)  # it may well burst; the picture stands
    assert "After 30 steps" in str(plot_playground.moment(game).get_label())


def test_chosen_settings_are_drawn_or_explained() -> None:
    right = plot_playground.chosen(lambda data: {})
    assert [str(f.get_label()).split(";")[0] for f in right] == ["circle", "xor"]

    def unwritten(data: str) -> Any:
        raise NotImplementedError

    notes = [f.get_label() for f in plot_playground.chosen(unwritten)]
    assert notes == ["No picture: playground_setting is not written yet."]
    notes = [f.get_label() for f in plot_playground.chosen(lambda data: {"rate": 99})]
    assert notes == ["No picture: rate: got 99, expected a number from 0 to 10."] * 2
    assert "stopped: ZeroDivisionError" in str(plot_playground.chosen(lambda data: 1 / 0)[0].get_label())


def test_without_a_kernel_the_strips_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda *output: shown.append(output))
    playground_panel.open_playground()
    assert [m["image/png"]["alt"].split(";")[2].strip() for _, m in shown] == [
        "no hidden layer",
        "hidden 8, 8 (tanh)",
    ]


@pytest.mark.parametrize("setting", playground_panel.STRIPS, ids=plot_playground.told)
def test_no_strip_shows_an_answer_of_the_exercise(setting: Setting) -> None:
    """Not for its own data, and not with its data changed either."""
    for data, aspect in ASPECTS.items():
        shown = {"features": list(setting.features), "hidden": list(setting.hidden), "rate": setting.rate}
        report = examine(SPEC, lambda asked: shown if asked == data else {}, None)  # noqa: B023
        assert aspect in report.failed


def test_controls_change_the_game() -> None:
    panel = playground_panel.Panel()
    panel.one.click()
    assert panel.game.steps == 10
    assert 'alt="circle; x1, x2; hidden 4 (tanh); rate 0.3. After 10 steps' in panel.view.value
    panel.data.value, panel.hidden.value, panel.rate.value = "spiral", (8, 8), 1.0
    panel.l2.value, panel.activation.value, panel.features.value = 0.01, "gelu", ("x1", "sin x2")
    assert panel.game.setting == Setting("spiral", ("x1", "sin x2"), (8, 8), "gelu", 1.0, 0.01)
    assert panel.game.steps == 0
    panel.features.value = ()
    assert panel.game.setting.features == ("x1",)
    old = panel.game.weights[0].clone()
    panel.again.click()
    assert not torch.equal(panel.game.weights[0], old)


def test_late_counts_of_the_play_button_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = playground_panel.Panel()
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    draw = panel._draw

    def slowly() -> None:
        now[0] += 2.0  # a slow machine
        draw()

    monkeypatch.setattr(panel, "_draw", slowly)
    panel.play.value += 1
    panel.play.value += 1
    panel.play.value += 1  # two counts that waited while the first was drawn
    assert panel.game.steps == 10
    assert panel.play.interval == 4000
    now[0] += 5
    panel.play.value += 1
    assert panel.game.steps == 20


def test_a_chunk_is_short() -> None:
    panel = playground_panel.Panel()
    start = time.process_time()
    panel.advance()
    assert time.process_time() - start < 1.5


def test_in_a_kernel_the_controls_are_there() -> None:
    code = (
        "from labkit import playground_panel\nplayground_panel.open_playground()",
        "import ipywidgets.widgets.widget as w\n"
        "button = next(x for x in w._instances.values() if getattr(x, 'description', '') == '10 steps')\n"
        "button.click()\nprint('clicked')",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute()
    controls, *strips = notebook.cells[0].outputs
    assert controls.data["text/plain"].startswith("Controls of the playground")
    assert len(strips) == 2
    assert notebook.cells[1].outputs[0].text == "clicked\n"
    pictures = [s["value"] for s in client.widget_state.values() if s["_model_name"] == "HTMLModel"]
    assert "After 10 steps" in pictures[0]


def test_every_feature_is_finite() -> None:
    x = torch.linspace(-1, 1, 9)
    assert all(bool(f(x, x).isfinite().all()) for f in FEATURES.values())
    assert len(playground.ACTIVATIONS) == 7

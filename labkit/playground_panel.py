"""The playground's controls: core widgets, a few steps at a time, and a static filmstrip below."""

from __future__ import annotations

import base64
import html
import io
import time
from typing import Any

from matplotlib.figure import Figure

from labkit import plot, plot_playground
from labkit.playground import ACTIVATIONS, DATA, FEATURES, Playground, Setting

_VIEW = "application/vnd.jupyter.widget-view+json"
_STEPS, _TICK = 10, 400  # steps and milliseconds between two pictures
_LAYERS = {
    "none": (),
    "2": (2,),
    "4": (4,),
    "8": (8,),
    "16": (16,),
    "4, 2": (4, 2),
    "8, 8": (8, 8),
    "16, 16": (16, 16),
}
_DECAY = {"0": 0.0, "0.001": 0.001, "0.01": 0.01, "0.1": 0.1}
_RATES = {"0.003": 0.003, "0.03": 0.03, "0.1": 0.1, "0.3": 0.3, "1": 1.0, "3": 3.0, "10": 10.0}

STRIPS = (
    Setting(data="circle", features=("x1", "x2"), hidden=()),
    Setting(data="spiral", features=("x1", "x2", "sin x1", "sin x2"), hidden=(8, 8), rate=1.0),
)
"""Two settings, without and with hidden layers; neither answers the exercise below the playground."""


def open_playground(*strip: Setting) -> None:
    """Show the playground: controls in a running notebook, and the given settings as static filmstrips.

    Args:
        strip: the settings for print and for screen readers; none means `STRIPS`.
    """
    _display()
    for setting in strip or STRIPS:
        plot.show(plot_playground.filmstrip(setting))


def picture(fig: Figure, *, dpi: int = 100) -> str:
    """Return a figure as an HTML image that carries its alt text."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    alt = html.escape(str(fig.get_label()))
    return f'<img style="max-width: 100%" alt="{alt}" src="data:image/png;base64,{data}">'


class Panel:
    """The controls and the game that they steer.

    The Play button counts up in the browser; each count trains ten steps and draws once, so that the notebook
    answers in between. When drawing is slow, the button slows down, and counts that come late are dropped.
    """

    def __init__(self, setting: Setting = Setting()) -> None:  # noqa: B008 (frozen)
        import ipywidgets as widgets

        def pick(name: str, options: Any, value: Any) -> Any:
            return widgets.Dropdown(options=options, value=value, description=name)

        self.data = pick("data", DATA, setting.data)
        self.features = widgets.SelectMultiple(
            options=tuple(FEATURES), value=setting.features, rows=len(FEATURES), description="features"
        )
        self.hidden = pick("hidden", _LAYERS, setting.hidden)
        self.activation = pick("activation", tuple(ACTIVATIONS), setting.activation)
        self.rate = pick("rate", _RATES, setting.rate)
        self.l2 = pick("L2", _DECAY, setting.l2)
        self.play = widgets.Play(value=0, min=0, max=10_000, step=1, interval=_TICK)
        self.one = widgets.Button(description="10 steps", tooltip="train ten steps")
        self.again = widgets.Button(description="start again", tooltip="new weights")
        self.view = widgets.HTML()
        self.seed, self._free = 0, 0.0
        for control in (self.data, self.features, self.hidden, self.activation, self.rate, self.l2):
            control.observe(lambda change: self.restart(), names="value")
        self.play.observe(lambda change: self.tick(), names="value")
        self.one.on_click(lambda button: self.advance())
        self.again.on_click(lambda button: self.restart(other=True))
        choices = widgets.VBox([self.data, self.hidden, self.activation, self.rate, self.l2])
        buttons = widgets.HBox([self.play, self.one, self.again])
        self.box = widgets.VBox([widgets.HBox([choices, self.features]), buttons, self.view])
        self.restart()

    def setting(self) -> Setting:
        """Return what the controls say; without any feature x1 is taken."""
        return Setting(
            self.data.value, self.features.value or ("x1",), self.hidden.value, self.activation.value,
            self.rate.value, self.l2.value,
        )  # fmt: skip

    def restart(self, *, other: bool = False) -> None:
        """Begin anew with what the controls say."""
        self.seed += other
        self.game = Playground(self.setting(), seed=self.seed)
        self._draw()

    def tick(self) -> None:
        """Take ten steps, unless the last picture was finished only just now."""
        if time.monotonic() >= self._free:
            self.advance()

    def advance(self) -> None:
        """Take ten steps and draw."""
        start = time.monotonic()
        self.game.train(_STEPS)
        self._draw()
        spent = time.monotonic() - start
        self._free = time.monotonic() + spent / 4  # leave the kernel some time for others
        self.play.interval = max(_TICK, int(2000 * spent))

    def _draw(self) -> None:
        self.view.value = picture(plot_playground.moment(self.game))


def _display() -> None:
    """Display the controls, if there is a kernel."""
    from IPython import get_ipython
    from IPython.display import publish_display_data

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return
    box = Panel().box
    view = {"model_id": box.model_id, "version_major": 2, "version_minor": 0}
    text = (
        "Controls of the playground: they work in a running notebook. The pictures below show two settings."
    )
    publish_display_data({_VIEW: view, "text/plain": text})  # type: ignore[no-untyped-call]

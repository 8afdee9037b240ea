"""ipywidgets on paper: from the state that JupyterLab saved in the notebook, in words."""

from __future__ import annotations

from dataclasses import dataclass

import bs4

from labkit.pdf.notebook import Json, Notebook, as_dict, text_of

MAX_DEPTH = 8
MAX_MODELS = 500


@dataclass(frozen=True)
class Widgets:
    """The saved state of a notebook's widgets, by model id."""

    state: Json

    @staticmethod
    def of(notebook: Notebook) -> Widgets:
        """Return the widgets whose state the notebook holds."""
        saved = as_dict(notebook.metadata.get("widgets"))
        kept = as_dict(saved.get("application/vnd.jupyter.widget-state+json"))
        return Widgets(as_dict(kept.get("state", kept)))  # Colab leaves out the word "state"

    def describe(self, model: str) -> tuple[tuple[Json, ...], str]:
        """Return the outputs that a widget shows, and its controls in words ("" when unknown).

        Example:
            >>> slider = {"model_name": "IntSliderModel", "state": {"description": "stride", "value": 2}}
            >>> Widgets({"a": slider}).describe("a")
            ((), 'stride: 2')
        """
        outputs: list[Json] = []
        words: list[str] = []
        self._walk(model, 0, outputs, words, [0])
        return tuple(outputs), " · ".join(words)

    def _walk(self, model: str, depth: int, outputs: list[Json], words: list[str], seen: list[int]) -> None:
        record = as_dict(self.state.get(model))
        seen[0] += 1
        if not record or depth > MAX_DEPTH or seen[0] > MAX_MODELS:
            return
        state, name = as_dict(record.get("state")), text_of(record.get("model_name")).removesuffix("Model")
        children = state.get("children")
        if isinstance(children, list):
            for child in children:
                self._walk(text_of(child).removeprefix("IPY_MODEL_"), depth + 1, outputs, words, seen)
        elif name == "Output":
            found = state.get("outputs")
            outputs.extend(as_dict(output) for output in (found if isinstance(found, list) else []))
        else:
            text = _words(name, state)
            if text:
                words.append(text)


def _words(name: str, state: Json) -> str:
    label = bs4.BeautifulSoup(text_of(state.get("description")), "html.parser").get_text().strip()
    value = state.get("value")
    if name in ("HTML", "Label", "HTMLMath"):
        return bs4.BeautifulSoup(text_of(value), "html.parser").get_text().strip()
    if "Progress" in name:
        top = state.get("max")
        done = (
            f"{value:g} of {top:g}" if isinstance(value, int | float) and isinstance(top, int | float) else ""
        )
        return f"{label} {done}".strip()
    options, index = state.get("_options_labels"), state.get("index")
    if isinstance(options, list) and isinstance(index, int) and 0 <= index < len(options):
        value = options[index]
    if value is None:
        return f"{name} {label}".strip() if label else ""
    return f"{label or name}: {text_of(value) if isinstance(value, str) else value}"

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
        self._walk(model, (), outputs, words, [0])
        return tuple(outputs), " · ".join(words)

    def lack(self, model: str) -> str:
        """Return why a widget shows nothing."""
        record = as_dict(self.state.get(model))
        if record:
            return f"{_kind(record)}, which cannot be drawn on paper; open the notebook to use it"
        return "interactive control: its state was not saved in the notebook; open the notebook to use it"

    def _walk(
        self, model: str, above: tuple[str, ...], outputs: list[Json], words: list[str], seen: list[int]
    ) -> None:
        record = as_dict(self.state.get(model))
        seen[0] += 1
        if model in above or len(above) > MAX_DEPTH or seen[0] > MAX_MODELS:
            return
        if not record:
            if above:
                words.append("a control whose state was not saved")
            return
        state, name = as_dict(record.get("state")), text_of(record.get("model_name")).removesuffix("Model")
        children = state.get("children")
        if isinstance(children, list):
            titles = state.get("titles", state.get("_titles"))  # a list, or by number
            if isinstance(titles, list):
                titles = {str(number): title for number, title in enumerate(titles)}
            by_number = as_dict(titles)
            for number, child in enumerate(children):
                said: list[str] = []
                self._walk(text_of(child).removeprefix("IPY_MODEL_"), (*above, model), outputs, said, seen)
                title = text_of(by_number.get(str(number)))
                words += [f"{title} ({', '.join(said)})" if said else title] if title else said
        elif name == "Output":
            found = state.get("outputs")
            outputs.extend(as_dict(output) for output in (found if isinstance(found, list) else []))
        elif drawn := _drawn(name, state, record):
            outputs.append({"output_type": "display_data", "data": drawn, "metadata": {}})
        else:
            text = _words(name, state)
            if not text and above and not text_of(record.get("model_module")).startswith("@jupyter"):
                text = f"{_kind(record)}, which cannot be drawn"
            if text:
                words.append(text)


def _kind(record: Json) -> str:
    name = text_of(record.get("model_name")).removesuffix("Model") or "no name"
    module = text_of(record.get("model_module"))
    return f"a widget of kind {name}{f' ({module})' if module and not module.startswith('@jupyter') else ''}"


def _drawn(name: str, state: Json, record: Json) -> Json:
    """Return what a widget shows that is not a value in words: a picture, or text with formulas."""
    value = text_of(state.get("value"))
    if name == "Image":
        buffers = record.get("buffers")
        first = as_dict(buffers[0]) if isinstance(buffers, list) and buffers else {}
        data = text_of(first.get("data"))
        kind = text_of(state.get("format")).replace("jpg", "jpeg")
        return {f"image/{kind or 'png'}": data} if data and kind != "url" else {}
    shown = text_of(state.get("_data_url"))  # matplotlib's widget
    if shown.startswith("data:image/png;base64,"):
        return {"image/png": shown.partition(",")[2]}
    if "$" in value and name in ("HTMLMath", "Label"):
        return {"text/markdown" if name == "HTMLMath" else "text/latex": value}
    return {}


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
    if isinstance(options, list) and index is not None:
        chosen = index if isinstance(index, list) else [index]
        found = [text_of(options[i]) for i in chosen if isinstance(i, int) and 0 <= i < len(options)]
        value = ", ".join(found) or "nothing chosen"
    if name == "Password":
        value = "not shown" if value else "empty"
    if value is None:
        return f"{name} {label}".strip() if label else ""
    return f"{label or name}: {_plain(value)}"


def _plain(value: object) -> str:
    """Return a value as a reader says it.

    Example:
        >>> _plain({"year": 2024, "month": 0, "date": 5}), _plain([2, 5])
        ('2024-01-05', '2 to 5')
    """
    if isinstance(value, dict) and all(isinstance(value.get(key), int) for key in ("year", "month", "date")):
        return f"{value['year']}-{value['month'] + 1:02}-{value['date']:02}"  # months from 0
    if isinstance(value, list):
        names = [text_of(one.get("name")) if isinstance(one, dict) else str(one) for one in value[:20]]
        numbers = len(value) == 2 and all(isinstance(one, int | float) for one in value)
        return (" to " if numbers else ", ").join(names) or "nothing"
    return str(value)

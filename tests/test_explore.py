"""Sliders: the static strip is always there; with a kernel the controls are there, too."""

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from labkit import conv, explore, images

X, K = conv.worked_example()


def _size(i: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    return (i + 2 * p - d * (k - 1) - 1) // s + 1


def _unwritten(*_args: Any) -> Any:
    raise NotImplementedError


CALLS = {
    "window": lambda f: explore.window(f or conv.correlate, X, K),
    "sizes": lambda f: explore.sizes(f or _size),
    "kernels": lambda f: explore.kernels(
        f or conv.correlate, images.photo("camera", 24), conv.classic_kernels()
    ),
}


@pytest.mark.parametrize("f", [None, _unwritten], ids=["written", "unwritten"])
@pytest.mark.parametrize("name", CALLS)
def test_without_a_kernel_the_static_strip_stands_alone(
    name: str, f: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda *output: shown.append(output))
    CALLS[name](f)
    ((data, metadata),) = shown
    assert data["image/png"]
    assert len(metadata["image/png"]["alt"]) > 20


def test_all_public_functions_are_tried() -> None:
    public = [n for n, f in vars(explore).items() if getattr(f, "__module__", "") == explore.__name__]
    assert sorted(n for n in public if not n.startswith("_")) == sorted(CALLS)


def test_in_a_kernel_the_sliders_draw_with_the_students_function() -> None:
    code = [
        "from labkit import conv, explore\nexplore.window(conv.correlate, *conv.worked_example())",
        "import ipywidgets.widgets.widget as w\n"
        "row = next(x for x in w._instances.values() if getattr(x, 'description', '') == 'row')\n"
        "print(row.min, row.max, row.value)\n"
        "row.value = 2",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    client = NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute()
    first, second = notebook.cells
    controls, strip = first.outputs
    view = controls.data["application/vnd.jupyter.widget-view+json"]
    assert controls.data["text/plain"].startswith("Controls for row, column:")
    assert strip.metadata["image/png"]["alt"].startswith("A 3 by 3 window steps over")
    assert second.outputs[0].text == "0 2 1\n"
    state = client.widget_state
    box = state[view["model_id"]]
    assert box["_model_name"] == "VBoxModel"
    drawn = [s for s in state.values() if s["_model_name"] == "OutputModel"]
    alts = [o["metadata"]["image/png"]["alt"] for s in drawn for o in s["outputs"]]
    assert alts == ["A 3 by 3 window steps over a 5 by 5 input: at row 2, column 1 the products add up to 6."]

# ruff: noqa: E501  (tables of cells)
"""A submission's cells run in the student's process; their outputs come back as nbformat says, and bounded."""

import os
import time

import nbformat
import pytest
from labgrader.bridge.errors import SessionLost, WireError
from labgrader.bridge.limits import Limits
from labgrader.bridge.outputs import clean
from labgrader.bridge.streams import CUT


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(setup="")


def stream(name, text):
    return {"output_type": "stream", "name": name, "text": text}


def valid(outputs):
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.from_dict(o) for o in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    return outputs


def texts(run):
    valid(run.outputs)
    return "".join(o["text"] for o in run.outputs if o["output_type"] == "stream")


def bundle(run, mime="text/plain"):
    valid(run.outputs)
    return [o["data"].get(mime) for o in run.outputs if "data" in o]


STREAMS = {
    "print": ("print('a'); print('b')", [stream("stdout", "a\nb\n")]),
    "both streams in order": (
        "import sys\nprint('a'); print('w', file=sys.stderr); print('b')",
        [stream("stdout", "a\n"), stream("stderr", "w\n"), stream("stdout", "b\n")],
    ),
    "descriptor 1": ("import os\nprint('a'); os.write(1, b'low\\n'); print('b');", [stream("stdout", "a\nlow\nb\n")]),
    "descriptor 2": ("os.write(2, b'low');", [stream("stderr", "low")]),
    "C library": ("import ctypes; ctypes.CDLL(None).puts(b'from C'); ctypes.CDLL(None).fflush(None);", [stream("stdout", "from C\n")]),
    "child process": ("import subprocess; subprocess.run('echo child', shell=True);", [stream("stdout", "child\n")]),
    "shell line": ("!echo hello", [stream("stdout", "hello\n")]),
    "shell line with a variable": ("word = 'abc'\n!echo {word}", [stream("stdout", "abc\n")]),
    "shell lines kept": ("lines = !echo one; echo two\nprint(lines)", [stream("stdout", "['one', 'two']\n")]),
    "warning": ("import warnings; warnings.simplefilter('always'); warnings.warn('careful')", None),
    "logging": ("import logging; logging.getLogger('x').warning('noted')", [stream("stderr", "noted\n")]),
    "surrogate": ("print('\\ud800')", [stream("stdout", "\ufffd\n")]),
    "control characters": ("print('a\\x00\\x1b[1mb')", [stream("stdout", "a\ufffd\ufffd[1mb\n")]),
    "nothing": ("x = 1", []),
    "semicolon": ("1 + 1;", []),
    "SystemExit": ("import sys; print('a'); sys.exit()", None),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name, session):
    source, expected = STREAMS[name]
    run = session.run_cell(source, 20)
    valid(run.outputs)
    if expected is None:
        assert run.outputs
    else:
        assert run.outputs == expected
    assert session.run_cell("1", 5).error is None


def test_a_result_has_its_number(session):
    run = session.run_cell("40 + 2", 5)
    (output,) = valid(run.outputs)
    assert output["data"] == {"text/plain": "42"}
    assert output["execution_count"] == run.execution_count
    assert session.run_cell("_ + 1", 5).outputs[0]["data"]["text/plain"] == "43"


def test_an_error_has_name_text_and_traceback(session):
    run = session.run_cell("x = 1\nnothing_here", 5)
    output = valid(run.outputs)[-1]
    assert (output["ename"], run.error.name) == ("NameError", "NameError")
    assert "nothing_here" in output["evalue"]
    assert any("----> 2 nothing_here" in line for line in output["traceback"])
    assert "NameError: name 'nothing_here' is not defined" in str(run.error)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f(:", "SyntaxError"),
        ("input('your name? ')", "RuntimeError"),
        ("import getpass; getpass.getpass()", "RuntimeError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", None),
        (
            "class E(BaseException):\n    def __repr__(self): raise SystemExit\n    __str__ = __repr__\nraise E",
            None,
        ),
        (
            "class M(type):\n    __name__ = property(lambda s: 1/0)\nclass E(Exception, metaclass=M): pass\nraise E",
            None,
        ),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_whatever_a_cell_raises_the_next_one_runs(source, name, session):
    run = session.run_cell(source, 20)
    valid(run.outputs)
    assert run.error is not None
    assert name is None or run.error.name == name
    assert session.run_cell("print('on')", 5).outputs == [stream("stdout", "on\n")]


def test_rich_displays(session):
    source = """
from IPython.display import HTML, Markdown, Image, Latex, display, update_display, clear_output
display(HTML("<b>bold</b>"), Markdown("*m*"))
display(Latex("$x$"), metadata={"text/latex": {"alt": "x"}})
d = display("first", display_id=True); d.update("second")
"""
    run = session.run_cell(source, 10)
    assert bundle(run, "text/html")[0] == "<b>bold</b>"
    assert bundle(run, "text/markdown")[1] == "*m*"
    assert run.outputs[2]["metadata"] == {"text/latex": {"alt": "x"}}
    assert bundle(run)[3:] == ["'second'"]
    assert bundle(session.run_cell("display('a'); clear_output(); display('b')", 5)) == ["'b'"]
    assert bundle(session.run_cell("display('a'); clear_output(wait=True)", 5)) == ["'a'"]


def test_figures_come_as_png_with_their_alternative_text(session):
    source = """
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2, 3]);
"""
    run = session.run_cell(source, 30)
    (png,) = bundle(run, "image/png")
    assert png.startswith("iVBORw0KGgo")
    run = session.run_cell(
        "fig, ax = plt.subplots(figsize=(2, 1))\nplt.close(fig)\n"
        "display(fig, metadata={'image/png': {'alt': 'an empty plot', 'width': 200, 'junk': []}})",
        10,
    )
    assert run.outputs[0]["metadata"] == {"image/png": {"alt": "an empty plot", "width": 200}}
    assert session.run_cell("plt.gcf().canvas.manager is None or len(plt.get_fignums())", 10).error is None


def test_warming_up_leaves_no_trace(start):
    run = start(setup="").run_cell(
        "[n for n in dir() if n in ('plt', 'np', 'torch', 'w', 'o', '_')], len(In)", 10
    )
    assert run.execution_count == 1
    assert bundle(run) == ["([], 2)"]


def test_figures_come_without_a_magic(start):
    run = start(setup="").run_cell("import matplotlib.pyplot as plt; plt.plot([1]); plt.show()", 30)
    assert bundle(run, "image/png")[0].startswith("iVBORw0KGgo")


def test_widgets_show_as_text(session):
    run = session.run_cell("import ipywidgets as w; w.IntSlider(3)", 20)
    (output,) = valid(run.outputs)
    assert list(output["data"]) == ["text/plain"]
    assert output["data"]["text/plain"].startswith("IntSlider(value=3")


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("%%time\nx = 3", "Wall time"),
        ("%time y = 4", "Wall time"),
        ("%timeit -n1 -r1 sum(range(10))", "per loop"),
        ("%%capture out\nprint('hidden')\n", ""),
        ("print(out.stdout)", "hidden"),
        ("%pwd\nprint(type(get_ipython()).__name__)", "StudentShell"),
        ("import asyncio\nawait asyncio.sleep(0.01)\nprint('waited')", "waited"),
        ("from tqdm import tqdm\nfor i in tqdm(range(3)): pass", "100%"),
        ("%%bash\necho from bash", "from bash"),
    ],
)
def test_magics_and_top_level_await(source, part, session):
    run = session.run_cell(source, 20)
    assert run.error is None, run.outputs
    assert part in texts(run)


def test_help_shows_a_text(session):
    assert "Docstring" in bundle(session.run_cell("?len", 10))[0]


def test_a_slow_cell_is_interrupted_and_keeps_its_outputs(session):
    start = time.monotonic()
    run = session.run_cell("print('before')\nkept = 5\nwhile True: pass", 0.5)
    assert time.monotonic() - start < 15
    assert run.timed_out
    assert str(run.error) == "TimeUp: The cell took more than 0.5 s."
    assert run.outputs[0] == stream("stdout", "before\n")
    assert session.run_cell("kept", 5).outputs[0]["data"]["text/plain"] == "5"


def test_a_slow_cell_in_time_is_fine(session):
    run = session.run_cell("import time; time.sleep(0.6)", 5)
    assert (run.error, run.timed_out) == (None, False)
    assert 0.5 < run.seconds < 5


def test_a_cell_deaf_to_interrupts_loses_the_session(start):
    session = start(setup="", grace=0.3)
    source = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    begin = time.monotonic()
    with pytest.raises(SessionLost, match="did not stop"):
        session.run_cell(source, 0.5)
    assert time.monotonic() - begin < 15
    with pytest.raises(SessionLost):
        session.run_test("1", 1)


def test_a_process_that_leaves_loses_the_session(start):
    session = start(setup="")
    with pytest.raises(SessionLost, match="gone"):
        session.run_cell("import os; os._exit(0)", 5)
    assert session.lost


def test_exit_does_not_end_the_process(session):
    for source in ("exit()", "quit()", "import sys; sys.exit(1)"):
        session.run_cell(source, 5)
    assert session.run_cell("1", 5).error is None


def test_printing_without_end_is_cut_with_a_note(start):
    session = start(setup="", output_bytes=20_000, outputs=20)
    run = session.run_cell("for i in range(50_000): print('line', i)", 20)
    assert len(texts(run)) < 20_000 + 2 * len(CUT)
    assert texts(run).endswith(CUT)
    run = session.run_cell("import os\nfor i in range(500): os.write(1, b'x' * 1000)", 20)
    assert len(texts(run)) < 20_000 + 2 * len(CUT)
    run = session.run_cell("for i in range(100): display(i)", 20)
    assert len(run.outputs) <= 21
    run = session.run_cell("raise ValueError('x' * 10_000_000)", 20)
    assert len(str(run.outputs)) < 30_000
    assert session.run_cell("print('fine')", 5).outputs == [stream("stdout", "fine\n")]


def test_a_huge_image_is_left_out(start):
    session = start(setup="", image_bytes=10_000)
    source = "from IPython.display import Image, display\ndisplay(Image(data=b'\\x89PNG' + bytes(100_000), format='png'))"
    assert "too large" in bundle(session.run_cell(source, 10))[0]


def test_nothing_is_remembered_and_nothing_is_written(session):
    run = session.run_cell(
        "import os\nprint(sorted(os.listdir('.')), get_ipython().history_manager.enabled)", 5
    )
    assert "history.sqlite" not in texts(run)
    assert texts(run).strip().endswith("False")


def test_state_stays_and_classes_belong_to_main(session):
    session.run_cell("class A: pass\nvalue = 3", 5)
    assert bundle(session.run_cell("(A.__module__, __name__, value)", 5)) == ["('__main__', '__main__', 3)"]


# The student's process may claim anything about its outputs.

CLAIMS = {
    "no list": "abc",
    "list of numbers": [1],
    "list of lists": [["output_type"]],
}


@pytest.mark.parametrize("name", CLAIMS)
def test_outputs_of_no_form_are_refused(name):
    with pytest.raises(WireError):
        clean(CLAIMS[name], Limits())


def test_outputs_are_rebuilt_field_by_field():
    raw = [
        {"output_type": "stream", "name": "../../etc", "text": ["a"]},
        {"output_type": "update_display_data", "data": {}},
        {"output_type": ["stream"]},
        {3: 4},
        {"output_type": "display_data", "data": {"text/html": "<b>", "text/HTML ": "x", "a" * 200 + "/b": "x", 3: "x"}, "x": 1},
        {"output_type": "display_data", "data": {"image/png": "<script>", "text/plain": 7}, "metadata": {"image/png": {"alt": 1}}},
        {"output_type": "display_data", "data": {"image/png": "QUJD"}, "metadata": {"image/png": {"alt": "a\x00b", "width": -1, "h": 1}}},
        {"output_type": "execute_result", "data": {"text/plain": "1"}, "execution_count": 10**9, "metadata": [1]},
        {"output_type": "error", "ename": "E" * 500, "evalue": 3, "traceback": ["a", 3, "b\x1b[31m"] + ["c"] * 500},
    ]  # fmt: skip
    made = valid(clean(raw, Limits()))
    assert made[0] == stream("stdout", "")
    assert made[1] == {"output_type": "display_data", "data": {"text/html": "<b>"}, "metadata": {}}
    assert "left out" in made[2]["data"]["text/plain"]
    assert made[3]["metadata"] == {"image/png": {"alt": "a\ufffdb"}}
    assert made[4]["execution_count"] is None
    assert len(made[5]["ename"]) < 120
    assert made[5]["traceback"][2] == "b\ufffd[31m"
    assert len(made[5]["traceback"]) == 60


def test_outputs_are_bounded_again_on_the_trusted_side():
    limits = Limits(outputs=3, output_bytes=1000, image_bytes=400)
    raw = [stream("stdout", "x" * 10_000)] * 10
    made = clean(raw, limits)
    assert sum(len(o["text"]) for o in made) < 1000 + 4 * len(CUT)
    raw = [{"output_type": "display_data", "data": {"image/png": "QUJD" * 1000}}]
    assert "too large" in clean(raw, limits)[0]["data"]["text/plain"]


def test_a_shell_whose_insides_were_replaced_gives_bounded_lies(start):
    session = start(setup="")
    lie = """
import labgrader.bridge.shell as s
get_ipython().collector.take = lambda: [{"output_type": "stream", "name": "stdout", "text": "all points", "points": 5}] * 5000
"""
    session.run_cell(lie, 10)
    run = session.run_cell("1", 10)
    assert len(run.outputs) <= Limits().outputs + 1
    assert set(run.outputs[0]) == {"output_type", "name", "text"}
    assert os.path.exists("/")

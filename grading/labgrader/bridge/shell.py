"""An IPython shell without kernel, history, network or terminal, whose outputs go into a collector."""

from __future__ import annotations

import builtins
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from IPython.core import page
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets import Type
from traitlets.config import Config

from . import traces
from .errors import tidy
from .limits import Limits
from .streams import Captured, CellStream, Collector

_format_warning = warnings.formatwarning
INLINE = "module://matplotlib_inline.backend_inline"


class _Publisher(DisplayPublisher):
    def publish(
        self,
        data: Any,
        metadata: Any = None,
        source: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        shell: Any = self.shell
        output = {"output_type": "display_data", "data": _texts(data), "metadata": dict(metadata or {})}
        shell.captured.drain()
        shell.collector.show(output, (transient or {}).get("display_id"), update=update)

    def clear_output(self, wait: bool = False) -> None:
        shell: Any = self.shell
        shell.captured.drain()
        shell.collector.clear(wait)


class _Hook(DisplayHook):
    def write_output_prompt(self) -> None:
        """Write no prompt."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        shell: Any = self.shell
        output = {
            "output_type": "execute_result",
            "data": _texts(format_dict),
            "metadata": dict(md_dict or {}),
        }
        shell.captured.drain()
        shell.collector.show(output | {"execution_count": shell.number})

    def finish_displayhook(self) -> None:
        """Flush nothing."""


def _texts(data: Any) -> dict[str, str]:
    """Return the parts of a bundle that are text; bytes become base64, structures are left out."""
    import base64

    out = {}
    for mime, value in dict(data or {}).items():
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(value, str):
            out[str(mime)] = value
    return out


def _no_input(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("input() cannot be used here: nobody is at the keyboard while the notebook is graded.")


class StudentShell(InteractiveShell):
    """The shell that runs a submission's cells."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    collector: Collector
    captured: Captured
    number = 0

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        """Show an exception: where in the student's cells it came from."""
        error: Any
        kind, error, trace = exc_tuple or sys.exc_info()
        try:
            trace = traces.clean(error)
        except Exception:
            trace = None
        if trace is None:
            self._showtraceback(kind, error, _alone(error))
            return
        show: Any = super().showtraceback
        show((kind, error, trace), *args, **kwargs | {"tb_offset": 0})

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.captured.drain()
        name, text = getattr(etype, "__name__", "Error"), ""
        try:
            text = str(evalue)
        except BaseException:
            text = "(the exception has no readable message)"
        lines = [traces.short(str(line)[:10_000]) for line in stb][-60:]
        self.collector.show(
            {
                "output_type": "error",
                "ename": str(name),
                "evalue": tidy(text[:2000], 2000),
                "traceback": lines,
            }
        )

    def ask_exit(self) -> None:
        """Do nothing: exit() in a cell does not end the shell."""

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no window."""

    def system_piped(self, cmd: str) -> None:
        """Run a shell command and print what it prints."""
        done = subprocess.run(
            _expand(self, cmd, 2),
            shell=True,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
        )
        sys.stdout.write(done.stdout.decode("utf-8", "replace"))
        self.user_ns["_exit_code"] = done.returncode

    system = system_piped

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Run a shell command and return what it prints."""
        command = _expand(self, cmd, depth + 2)
        done = subprocess.run(
            command, shell=True, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=subprocess.PIPE
        )
        text = done.stdout.decode("utf-8", "replace")
        return SList(text.splitlines()) if split else text


def _expand(shell: Any, command: str, depth: int) -> str:
    """Return a shell command with the caller's variables filled in."""
    return str(shell.var_expand(command, depth=depth))


def _warning(*args: Any, **kwargs: Any) -> str:
    return traces.short(_format_warning(*args, **kwargs))


def _alone(error: BaseException) -> list[str]:
    """Return an exception's own lines, without a traceback."""
    try:
        return traceback.format_exception_only(error)
    except Exception:
        return [type(error).__name__]


def make_shell(limits: Limits) -> StudentShell:
    """Return the process's shell, new or, after a fork, as `warm` left it; nothing is redirected yet."""
    collector = Collector(limits)
    if StudentShell.initialized():
        shell: Any = StudentShell.instance()
        shell.collector, shell.captured = collector, Captured(collector)
        return shell  # type: ignore[no-any-return]
    os.environ["MPLBACKEND"] = INLINE
    home = tempfile.mkdtemp(prefix="ipython")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.ipython_dir = home
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 100
    StudentShell.collector, StudentShell.captured = collector, Captured(collector)
    shell = StudentShell.instance(config=config)
    shutil.rmtree(home, ignore_errors=True)
    pager: Any = page
    shell.set_hook("show_in_pager", pager.as_hook(page.display_page), 90)
    if "matplotlib" in sys.modules:
        shell.enable_matplotlib("inline")
    return shell  # type: ignore[no-any-return]


def redirect(shell: StudentShell) -> None:
    """Send the process's streams and descriptors into the shell's collector; nobody answers input()."""
    shell.captured.start()
    sys.modules["__main__"] = shell.user_module  # whoever forked may have put an empty one there
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout = CellStream(shell.collector, shell.captured, 1)
    sys.stderr = CellStream(shell.collector, shell.captured, 2)
    os.environ["IPYTHONDIR"] = os.path.join(os.getcwd(), ".ipython")
    warnings.filterwarnings("ignore", "To exit: use 'exit'")
    warnings.filterwarnings("ignore", "coroutine 'InteractiveShell.run_cell_async'")  # of a cell too deep
    warnings.formatwarning = _warning
    threading.excepthook = traces.show_from_thread
    builtins.input = getpass.getpass = _no_input


def rehearse(shell: StudentShell, cells: Sequence[str]) -> None:
    """Run trusted cells for what they import and compile, then forget them."""
    for cell in cells:
        run_cell(shell, cell)
    reset: Any = shell.reset
    reset(new_session=True)
    shell.collector.take()


def run_cell(shell: Any, source: str) -> dict[str, Any]:
    """Run one cell and return its outputs, whether it ended without an error, and its number."""
    shell.collector.take()
    shell.number = shell.execution_count
    ok = False
    try:
        ok = bool(shell.run_cell(source, store_history=True).success)
    except BaseException as error:
        shell.showtraceback((type(error), error, error.__traceback__))
    shell.captured.drain()
    return {"outputs": shell.collector.take(), "ok": ok, "count": shell.number}


def printed(shell: StudentShell) -> str:
    """Return what was printed since the last cell, and close figures that were left open."""
    shell.captured.drain()
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
    return "".join(o["text"] for o in shell.collector.take() if o["output_type"] == "stream")[:20_000]

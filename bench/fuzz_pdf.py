"""Thousands of odd notebooks through the PDF exporter; by hand: python bench/fuzz_pdf.py 2000 [seed].

Each notebook is put together from pieces that have broken exporters: markup of Typst, LaTeX, HTML and
Markdown, escape sequences, damaged pictures, missing and wrong fields, deep nesting, old formats. All must
convert, in under 10 s of processor time and 1 GB, and none may run the canary: Typst code that would leave a
mark in the PDF.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import time
from typing import Any

CANARY = "CANARY" + "SINGS"
# Run as code, each of these would write the word in one piece.
_SONGS = (
    '#("CANARY" + "SINGS")',
    '#{"CANARY" + "SINGS"}',
    ']; #("CANARY" + "SINGS"); [',
    '"; ("CANARY" + "SINGS"); "',
    '") #("CANARY" + "SINGS") #("',
    '\\" + ("CANARY" + "SINGS") + \\"',
    '$#("CANARY" + "SINGS")$',
    '\\u{22} + "CANARY" + "SINGS" + \\u{22}',
    "<script>document.write('CANARY' + 'SINGS')</script>",
    "{{ 'CANARY' ~ 'SINGS' }}",
)
_WORDS = (
    "conv", "a", " ", "\n", "\n\n", "\t", "中文", "日本", "שלום", "مرحبا", "🎉", "👩\u200d🔬", "🇹🇼",
    "é", "\u202e", "1\ufe0f\u20e3", "👍🏽", "\U000e0061\U000e0022\U000e005c", "> [!NOTE]\n> ",
    "<progress value=.5>", "<tfoot>", "<dl>", "</td>", "words $x$ words", "<image href='https://example.org/x.png'/>",
    "\x00", "\x1b[31m", "\x1b[38;5;208m", "\x1b[0m", "\r", "\b", "\ufeff", "\ud800", "\u200b", "\ue123",
    "\U00010480",
    "#", "*", "_", "`", "```", "$", "$$", "\\", "\\\\", "{", "}", "[", "]", "(", ")", "<", ">", "&",
    "&lt;", "@", "~",
    "|", "=", "-", "+", "1.", "- ", "> ", "# ", "## ", "//", "/*", "*/", "---", "#let x = 1", "#show: none",
    '#import "@preview/x:1.0.0"', '#read("/etc/passwd")', "#panic()", "$x^2$", "$\\frac{1}{", "$\\bad{x}$",
    "\\begin{align}a&=b\\\\\\end{align}", "$\\begin{pmatrix}1&2\\end{pmatrix}$",
    "\\newcommand{\\a}{\\a\\a}", "$\\a$",
    "$\\begin{array}{|l|*{2}{c}@{x}|}\\hline 1&2\\\\\\cline{2-3}3\\end{array}$",
    "$\\genfrac(]{0pt}{2}{a}{b}\\rule[-2pt]{1em}{9cm}\\unicode{x41}\\mathchoice a b c d$",
    "\\hline", "\\rule{", "$\\cline",
    "<b>", "</b>", "<table>", "<tr><td>1", "<div style='color:red'>", "<img src=x>",
    "<img src='../../etc/passwd'>",
    "![a](b.png)", "![a](attachment:p)", "![](data:image/png;base64,AAAA)", "![w](https://example.org/x.png)",
    "[l](javascript:alert(1))", "[l](#x)", "<details><summary>s", "</details>", "- [x] t", "[^1]", "[^1]: n",
    "|a|b|\n|-|-|\n|1|2|", "\n|a|b|\n|-|:-:|\n|1\n||2|3|4|\n",
    "<svg><use href='#a'/></svg>", "<iframe src=x>", "<style>*{}</style>",
    "<!--", "-->",
    "<ul><li>", "&#x0;", "%%bash\n", "!ls", "%time x", "0" * 90, "x" * 300, "\N{COMBINING ACUTE ACCENT}" * 20,
)  # fmt: skip
_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP4z8DAAMIM////Z2BgAAAf"
    "7gP9i18U1AAAAABJRU5ErkJggg=="
)
_MIMES = (
    "text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml", "image/jpeg",
    "application/json", "application/vnd.jupyter.widget-view+json", "application/x-odd",
    "application/javascript",
)  # fmt: skip
_WRONG = (None, 3, -1.5, True, [], {}, [None, 3], "x", {"a": 1})


def text(rng: random.Random, most: int = 14) -> str:
    """Return a string of odd pieces, sometimes repeated."""
    pieces = [rng.choice(_SONGS if rng.random() < 0.15 else _WORDS) for _ in range(rng.randint(0, most))]
    made = "".join(pieces)
    return made * rng.choice((1, 1, 1, 1, 1, 2, 40)) if len(made) < 400 else made


def source(rng: random.Random) -> Any:
    """Return a source field: a string, a list of lines, or something wrong."""
    made = text(rng)
    kind = rng.random()
    return made.splitlines(True) if kind < 0.2 else rng.choice(_WRONG) if kind < 0.25 else made


def output(rng: random.Random) -> Any:
    """Return one output."""
    kind = rng.choice(("stream", "stream", "display_data", "display_data", "execute_result", "error", "odd"))
    made: dict[str, Any] = {"output_type": kind}
    if kind == "stream":
        made |= {"name": rng.choice(("stdout", "stderr")), "text": source(rng)}
    elif kind == "error":
        lines = [text(rng, 6) for _ in range(rng.randint(0, 4))]
        made |= {"ename": text(rng, 2), "evalue": text(rng, 3), "traceback": lines}
    else:
        data = {rng.choice(_MIMES): source(rng) for _ in range(rng.randint(0, 3))}
        if "image/png" in data and rng.random() < 0.6:
            good = base64.b64decode(_PNG)
            cut = rng.choice((len(good), len(good), 20, 50))
            data["image/png"] = base64.b64encode(good[:cut]).decode()
        alt = {"alt": text(rng, 4), "width": rng.choice((10, -3, "x", 1e9))}
        made |= {"data": data, "metadata": {"image/png": alt} if rng.random() < 0.5 else {}}
    if rng.random() < 0.08:
        made[rng.choice(list(made))] = rng.choice(_WRONG)
    return made if rng.random() > 0.03 else rng.choice(_WRONG)


def cell(rng: random.Random) -> Any:
    """Return one cell."""
    kind = rng.choice(("markdown", "markdown", "code", "code", "code", "raw", "odd"))
    made: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source(rng)}
    if kind == "code":
        made |= {
            "outputs": [output(rng) for _ in range(rng.randint(0, 4))],
            "execution_count": rng.randint(0, 99),
        }
    if rng.random() < 0.2:
        made["metadata"] = {
            "nbgrader": {"grade_id": text(rng, 2), "points": rng.choice((1, 2.5, "x")), "solution": True},
            "tags": [text(rng, 1)],
            "execution": {"iopub.execute_input": text(rng, 1), "shell.execute_reply": "2026-01-01"},
        }
    if rng.random() < 0.1:
        made["attachments"] = {"p": {"image/png": rng.choice((_PNG, text(rng, 2), None))}}
    if rng.random() < 0.05:
        made[rng.choice(list(made))] = rng.choice(_WRONG)
    return made if rng.random() > 0.02 else rng.choice(_WRONG)


def notebook(seed: int) -> bytes:
    """Return the bytes of an odd notebook, the same for the same seed."""
    rng = random.Random(seed)
    cells = [cell(rng) for _ in range(rng.randint(0, 9))]
    student = {"student": {"id": text(rng, 2), "name": text(rng, 2)}, "record": {"python": text(rng, 2)}}
    metadata: Any = {"labkit": student, "title": source(rng), "language_info": {"name": text(rng, 1)}}
    if rng.random() < 0.1:
        metadata = rng.choice(_WRONG)
    node: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    if rng.random() < 0.05:
        old = [c for c in cells if isinstance(c, dict)]
        node = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": old}]}
    return json.dumps(node).encode()


def _check(seeds: range) -> None:
    """Convert notebooks and print a line of JSON each; run in a process of its own."""
    import pypdfium2

    from labkit.pdf import render
    from labkit.pdf.notebook import NotebookError

    for seed in seeds:
        data = notebook(seed)
        start = time.process_time()
        problem = ""
        try:
            pdf = render(data, name="fuzz.ipynb")
            took = time.process_time() - start
            document = pypdfium2.PdfDocument(pdf)
            shown = "".join(page.get_textpage().get_text_range() for page in document)
            document.close()
            if CANARY in "".join(shown.split()).replace("\u200b", ""):
                problem = "the canary sings"
        except NotebookError as error:
            took, problem = time.process_time() - start, "" if b'"nbformat": 3' in data else str(error)
        except Exception as error:
            took, problem = time.process_time() - start, f"{type(error).__name__}: {error}"[:300]
        print(json.dumps([seed, took, memory(), problem]), flush=True)


def memory() -> float:
    """Return the most memory this process ever had, in MB."""
    try:
        with open("/proc/self/status") as status:
            return int(status.read().split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def main(count: int, first: int) -> int:
    """Fuzz and report; return 1 when something is wrong."""
    times, most, problems, at = [], 0.0, [], first
    while at < first + count:
        stop = min(at + 100, first + count)  # a new process for each hundred
        command = [sys.executable, __file__, "check", str(at), str(stop)]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=1200, check=False)
        lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
        if len(lines) < stop - at:
            problems.append(f"seed {at + len(lines)}: the process ended with {done.returncode}")
        times += [line[1] for line in lines]
        most = max([most, *(line[2] for line in lines)])
        problems += [f"seed {line[0]}: {line[3]}" for line in lines if line[3]]
        problems += [f"seed {line[0]}: {line[1]:.1f} s" for line in lines if line[1] > 10]
        at += max(1, len(lines)) if len(lines) < stop - at else stop - at
    times.sort()
    print(
        f"{len(times)} notebooks, {len(problems)} problems; median {times[len(times) // 2]:.2f} s, "
        f"slowest {times[-1]:.2f} s of processor time, most memory {most:.0f} MB"
    )
    print("\n".join(problems[:40]))
    return 1 if problems or most > 1000 else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        from labkit.pdf.child import limit_self

        limit_self(memory=6 << 30, cpu=1200)  # one that runs away must not take the machine with it
        _check(range(int(sys.argv[2]), int(sys.argv[3])))
        os._exit(0)
    else:
        sys.exit(main(int((sys.argv[1:] or ["2000"])[0]), int((sys.argv[2:] or ["0"])[0])))

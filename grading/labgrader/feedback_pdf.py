"""The feedback as a PDF: the marks first, then the executed notebook with comments below their cells."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

SECONDS = 60.0


def feedback_notebook(nb: Any, facts: Any, rows: Sequence[dict[str, Any]]) -> bytes:
    """Return a notebook that shows the feedback: what the PDF is made from.

    Args:
        nb: the autograded notebook as students see it, with scores and comments in its nbgrader metadata.
        facts: nbgrader's `resources["nbgrader"]`: student, notebook, score, max_score, late_penalty.
        rows: the rows of the table of marks: name, points, max, why, waiting.
    """
    lines = [
        f"<tr><td>{html.escape(row['name'])}</td><td>{row['points']}</td><td>{row['max']}</td>"
        f"<td>{html.escape(row['why'])}</td></tr>"
        for row in rows
    ]
    table = (
        "<table><tr><th>exercise</th><th>points</th><th>of</th><th>why</th></tr>"
        + "".join(lines)
        + "</table>"
    )
    total = f"**{facts['score']:g} of {facts['max_score']:g} points**{beside_the_score(facts, rows)}"
    cells = [_markdown(f"# Feedback: {facts['notebook']}\n\n{total}\n\n{table}")]
    for cell in nb.cells:
        cells.append({**_plain(cell), "metadata": {}})
        role = cell.metadata.get("nbgrader", {})
        if role.get("comment"):
            cells.append(_markdown(f"> **Comment on {role.get('grade_id', '')}:** {role['comment']}"))
    labkit = {"student": {"id": str(facts["student"]), "name": ""}}
    kernel = {"language_info": _plain(nb.metadata.get("language_info", {})), "labkit": labkit}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}).encode()


def beside_the_score(facts: Any, rows: Sequence[dict[str, Any]]) -> str:
    """Return what else there is to say of a score: what waits for a person, what lateness cost.

    Example:
        >>> beside_the_score({"late_penalty": 2.0}, [{"waiting": True}])
        ', 1 still to be marked; late: 2 points less'
    """
    waiting, penalty = sum(row["waiting"] for row in rows), facts.get("late_penalty") or 0.0
    said = f", {waiting} still to be marked" if waiting else ""
    return said + (f"; late: {penalty:g} point{'s' * (penalty != 1)} less" if penalty else "")


def feedback_pdf(nb: Any, facts: Any, rows: Sequence[dict[str, Any]]) -> bytes:
    """Return the feedback as a PDF, made in a process of its own with limits on time and memory.

    Raises:
        PdfError: it could not be made; the page in HTML is there all the same.
    """
    from labkit.pdf.child import make_pdf

    made, _ = make_pdf(
        feedback_notebook(nb, facts, rows),
        name=f"{facts['notebook']}_feedback.ipynb",
        seconds=SECONDS,
    )
    return made


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _plain(node: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(node))
    return made

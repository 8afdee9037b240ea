"""Odd notebooks all convert, and nothing in them is run; bench/fuzz_pdf.py does the same for thousands."""

import importlib.util
import json
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "bench/fuzz_pdf.py"


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_pdf", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sixty_odd_notebooks(fuzz, capsys):
    fuzz._check(range(60))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 60
    assert [line for line in lines if line[3]] == []
    assert max(line[1] for line in lines) < 10


def test_the_canary_is_heard(fuzz, monkeypatch, capsys):
    monkeypatch.setattr("labkit.pdf.typ.lit", lambda text: f'"{text}"')  # a hole: text is not escaped
    from labkit.pdf import html

    monkeypatch.setattr(html, "lit", lambda text: f'"{text}"')
    song = 'x"; #("CANARY" + "SINGS"); "'
    cell = {"cell_type": "markdown", "metadata": {}, "source": song}
    monkeypatch.setattr(fuzz, "notebook", lambda seed: json.dumps({"nbformat": 4, "cells": [cell]}).encode())
    fuzz._check(range(1))
    assert "the canary sings" in capsys.readouterr().out

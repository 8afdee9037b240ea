"""What the long labs of the demo look at: fetched when it can be, and told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labgrader.madeup import text

if TYPE_CHECKING:
    from rich.console import Console

FETCH = "from labkit.cli import main; main()"
SAID = ("CIFAR-10: ", "ResNet-50, weights ", "Stand-in: ")


def fetch(console: Console) -> None:
    """Fetch CIFAR-10 and ResNet-50 where they are missing, each in a process that shows its progress.

    What cannot be had is told in one line, and the labs use their stand-in.
    """
    from labkit.cli_data import kept

    for row in kept():
        if row.size:
            console.print(f"   {row.title}: {row.path}", highlight=False, markup=False, soft_wrap=True)
        else:
            subprocess.run([sys.executable, "-P", "-c", FETCH, "data", row.name], check=False)


def used(notebook: Mapping[str, Any]) -> str:
    """Return what a lab that was run said of its data or its network, "" if nothing."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            for line in text(output.get("text", "")).splitlines():
                if line.startswith(SAID):
                    return line
    return ""

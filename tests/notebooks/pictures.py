"""The figures of the README, from the model solutions: python tests/notebooks/pictures.py docs/img"""

import base64
import sys
from pathlib import Path

from labgrader.masters import read_master, solution_notebook
from nbclient import NotebookClient

MASTERS = Path(__file__).parents[2] / "grading" / "masters"
PICTURES = {
    "02_pooling": {"lab2-gradient.png": ("routing", 0), "lab2-rings.png": ("rings", 0)},
    "03_activations": {"lab3-playground.png": ("open_playground", 1)},
}
"""Lab -> file -> a word in the source of the cell that draws it, and which of the cell's figures it is."""


def main(folder: Path) -> None:
    """Run the solutions and write the pictures."""
    for lab, wanted in PICTURES.items():
        notebook = solution_notebook(read_master(MASTERS / f"{lab}.py"))
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        drawn = [
            (cell.source, [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})])
            for cell in notebook.cells
            if cell.cell_type == "code"
        ]
        for name, (word, which) in wanted.items():
            figures = next(found for source, found in drawn if found and word in source)
            (folder / name).write_bytes(base64.b64decode(figures[which]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The figures of the README, from the model solutions: python tests/notebooks/pictures.py docs/img [LAB...]

Labs 4 and 5 need labkit data resnet50, Lab 6 labkit data cifar10 and minutes of training.
"""

import base64
import io
import sys
from pathlib import Path

from labgrader.masters import read_master, solution_notebook
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from PIL import Image

MASTERS = Path(__file__).parents[2] / "grading" / "masters"
PICTURES = {
    "02_pooling": {"lab2-gradient.png": ("routing", 0), "lab2-rings.png": ("rings", 0)},
    "03_activations": {"lab3-playground.png": ("open_playground", 1)},
    "04_feature_maps": {"feature-maps.png": ("rows=1", 0)},
    "05_resnet50": {"similarity.png": ("plot_features.matrix(", 0)},
    "06_cifar10": {"confusion.png": ("confusion_matrix(", 0)},
}
"""Lab -> file -> a word in the source of the cell that draws it, and which of the cell's figures it is."""


MORE = {"04_feature_maps": "plot.show(plot_maps.wall(stretch, montage, stages, rows=1), dpi=130)"}
"""Lab -> a cell at its end, for a picture that the lab itself shows larger."""


def main(folder: Path, labs: list[str]) -> None:
    """Run the solutions and write the pictures."""
    for lab, wanted in PICTURES.items():
        if labs and lab not in labs:
            continue
        notebook = solution_notebook(read_master(MASTERS / f"{lab}.py"))
        notebook.cells += [new_code_cell(MORE[lab])] if lab in MORE else []
        NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()
        drawn = [
            (cell.source, [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})])
            for cell in notebook.cells
            if cell.cell_type == "code"
        ]
        for name, (word, which) in wanted.items():
            figures = next(found for source, found in drawn if found and word in source)
            drawing = Image.open(io.BytesIO(base64.b64decode(figures[which]))).convert("RGB")
            drawing.quantize(256).save(folder / name, optimize=True)  # a third of its size, no eye sees it


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

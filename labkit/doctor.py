"""What is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from dataclasses import dataclass

from labkit import cache
from labkit.cli_data import kept


@dataclass(frozen=True)
class Need:
    """A package that something needs: its name on PyPI, its import name, the extra that brings it."""

    package: str
    module: str
    extra: str


NEEDS = (
    Need("torch", "torch", ""),
    Need("torchvision", "torchvision", ""),
    Need("numpy", "numpy", ""),
    Need("matplotlib", "matplotlib", ""),
    Need("opencv-python", "cv2", ""),
    Need("ipywidgets", "ipywidgets", ""),
    Need("jupyterlab", "jupyterlab", "lab"),
    Need("ipykernel", "ipykernel", "lab"),
    Need("scikit-image", "skimage", "lab"),
    Need("nbconvert", "nbconvert", "pdf"),
    Need("nbformat", "nbformat", "pdf"),
    Need("typst", "typst", "pdf"),
    Need("latex2mathml", "latex2mathml", "pdf"),
    Need("beautifulsoup4", "bs4", "pdf"),
    Need("tinycss2", "tinycss2", "pdf"),
    Need("pypdf", "pypdf", "pdf"),
    Need("noto-cjk-sans-otc", "noto_cjk_sans_otc", "pdf"),
    Need("python-docx", "docx", "pdf"),
    Need("mathml2omml", "mathml2omml", "pdf"),
)


def report(needs: tuple[Need, ...] = NEEDS) -> tuple[list[str], bool]:
    """Return the lines that `labkit doctor` prints, and whether nothing is missing or damaged."""
    import labkit

    lines = [
        f"labkit {labkit.__version__}",
        f"Python {platform.python_version()} at {sys.executable}",
        f"System {platform.platform()}",
        "",
    ]
    missing: list[Need] = []
    for need in needs:
        version = _version(need)
        if not version:
            missing.append(need)
        lines.append(f"  {need.package:<20} {version or 'missing'}")
    data = kept()
    damaged = any(row.fault for row in data)
    lines += ["", f"Data in {cache.folder()}", *(f"  {row.line}" for row in data)]
    if not all(row.size or row.fault for row in data):
        lines.append("  The labs work without, on stand-ins. To fetch: labkit data all")
    lines.append("")
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        lines.append(f"Python is {platform.python_version()}; expected 3.11, 3.12 or 3.13.")
    for extra in sorted({need.extra for need in missing}):
        names = ", ".join(need.package for need in missing if need.extra == extra)
        command = f"pip install 'labkit[{extra}]'" if extra else "pip install labkit"
        lines.append(f"Missing: {names}. To mend it: {command}")
    if damaged:
        lines.append("Something is damaged: see above, under Data.")
    elif not missing:
        lines.append("Nothing is missing.")
    return lines, not missing and not damaged


def _version(need: Need) -> str:
    """Return the version of a package, "" when it cannot be imported; nothing is loaded."""
    if importlib.util.find_spec(need.module) is None:
        return ""
    try:
        return importlib.metadata.version(need.package)
    except importlib.metadata.PackageNotFoundError:
        return "found"

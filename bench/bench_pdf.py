"""Our PDF engine against nbconvert's webpdf (Chromium) and latex (TeX), where they are installed.

python bench/bench_pdf.py [NOTEBOOK...]: the same notebooks, in turn, A B A B. "cold" is a new process with
its imports, as `labkit pdf` is; "warm" is the second and later PDF of one process, of the same notebook or of
one that is another each time.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from alternate import alternate, machine, report

from labkit.pdf import engines, render

ROOT = Path(__file__).parents[1]
OURS = ("typst", "latex2mathml", "beautifulsoup4", "soupsieve", "tinycss2", "pypdf", "noto-cjk-sans-otc")
PEER = """
import sys
from nbconvert.exporters import PDFExporter, WebPDFExporter
from labkit.pdf.engines import _SystemBrowser
engine, file = sys.argv[1:]
exporter = (PDFExporter if engine == "latex" else WebPDFExporter)()
if engine == "webpdf":
    exporter.disable_sandbox = True
with _SystemBrowser(engine):
    exporter.from_filename(file)
"""
SELF = "import sys; from labkit.cli import main; main()"


def peer(engine: str) -> Callable[[str], object]:
    """Return what makes a PDF by another engine in this process."""
    from nbconvert.exporters import PDFExporter, WebPDFExporter

    exporter = (PDFExporter if engine == "latex" else WebPDFExporter)()
    if engine == "webpdf":
        exporter.disable_sandbox = True

    def convert(file: str) -> object:
        with engines._SystemBrowser(engine):
            return exporter.from_filename(file)

    return convert


def changed(file: Path) -> Callable[[], object]:
    """Return what makes a PDF of a notebook whose first cell is another each time."""
    node, count = json.loads(file.read_bytes()), itertools.count()

    def convert() -> object:
        node["cells"][0]["source"] = f"# Run {next(count)}"
        return render(json.dumps(node).encode(), name=file.name, root=file.parent)

    return convert


def cold(command: list[str]) -> None:
    """Run Python anew."""
    done = subprocess.run([sys.executable, "-c", *command], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-500:])


def megabytes(*packages: str) -> float:
    """Return how much disk installed packages take."""
    total = 0
    for package in packages:
        try:
            files = distribution(package).files or []
        except PackageNotFoundError:
            continue
        total += sum(path.stat().st_size for f in files if (path := Path(str(f.locate()))).is_file())
    return total / 1e6


def folder(path: str) -> float:
    """Return how much disk a folder takes, in MB; 0 when it is not there."""
    place = Path(path)
    return (
        sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 1e6 if place.is_dir() else 0
    )


def sizes() -> None:
    """Print what each engine installs on top of nbconvert."""
    print(f"installed for labpdf: {megabytes(*OURS):.0f} MB ({', '.join(OURS)})")
    system = folder("/usr/lib/chromium")
    print(f"installed for webpdf: {megabytes('playwright'):.0f} MB (playwright) + {system:.0f} MB (Chromium)")
    tex = folder("/usr/share/texlive") + folder("/usr/share/texmf")
    print(f"installed for latex:  {tex:.0f} MB (TeX)" if tex else "latex: not installed here")


def main() -> None:
    print(machine("typst", "nbconvert", "playwright"))
    sizes()
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    others = [engine for engine in ("webpdf", "latex") if not engines.available(engine)]
    for file in files:
        raw = file.read_bytes()
        print(f"\n{file.name} ({len(raw) / 1e6:.1f} MB)")
        with tempfile.TemporaryDirectory() as place:
            out = str(Path(place) / "a.pdf")
            runs = {"labpdf, cold": partial(cold, [SELF, "pdf", str(file), "-o", out])}
            runs |= {f"{e}, cold": partial(cold, [PEER, e, str(file)]) for e in others}
            if others:
                report(alternate(runs, rounds=4), of=f"{others[0]}, cold")
            warm: dict[str, Callable[[], object]] = {
                "labpdf, warm": partial(render, raw, name=file.name, root=file.parent),
                "labpdf, warm, changed": changed(file),
            }
            warm |= {f"{e}, warm": partial(peer(e), str(file)) for e in others}
            alternate(warm, rounds=1)
            if others:
                report(alternate(warm, rounds=5), of=f"{others[0]}, warm")
    if shutil.which("xelatex") is None:
        print("\nlatex is not installed here and was not measured.")


if __name__ == "__main__":
    main()

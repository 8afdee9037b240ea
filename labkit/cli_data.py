"""The command `labkit data`: fetch what the labs use, say what is there and where."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from labkit import cache

NAMES = ("cifar10", "resnet50")
LEAST = 90_000_000  # bytes of a whole file, of any of them


@dataclass(frozen=True)
class Kept:
    """What is kept of one thing that can be fetched: name, title, file, size (0 when absent), fault."""

    name: str
    title: str
    path: str
    size: int
    fault: str = ""

    @property
    def line(self) -> str:
        """One line for `labkit data --list` and `labkit doctor`."""
        state = f"{self.size / 1e6:.0f} MB at {self.path}" if self.size else "not fetched"
        return f"{self.name:<10} {self.title:<36} {self.fault or state}"


def kept() -> list[Kept]:
    """Return what the cache holds; files are looked at, not read, and torch is not loaded."""
    folder, torch_folder = cache.folder(), cache.torch_checkpoints()
    checkpoints = ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth")
    candidates = {
        "cifar10": [folder / "cifar10.npz"],
        "resnet50": [
            *(place / name for name in checkpoints for place in (folder, torch_folder)),
            folder / "resnet50-keras.npz",
        ],
    }
    titles = {"cifar10": "CIFAR-10, 60,000 small pictures", "resnet50": "ResNet-50 with ImageNet weights"}
    rows = []
    for name in NAMES:
        there = [path for path in candidates[name] if os.path.lexists(path)]
        path = next((p for p in there if not _fault(p, name)), there[0] if there else None)
        size = path.stat().st_size if path and path.is_file() else 0
        rows.append(Kept(name, titles[name], str(path or ""), size, _fault(path, name) if path else ""))
    return rows


def _fault(path: Path, name: str) -> str:
    """Return what is wrong with a file, as far as its size and its end tell."""
    if path.is_dir():
        return f"damaged: {path} is a folder; move it away, then run labkit data {name}"
    whole = path.is_file() and path.stat().st_size >= LEAST
    if whole and path.suffix == ".npz":
        whole = zipfile.is_zipfile(path)
    return "" if whole else f"damaged: run labkit data {name} ({path})"


def data(
    name: Annotated[
        str, typer.Argument(metavar="[cifar10|resnet50|all]", help="What to fetch.", show_default=False)
    ] = "",
    show: Annotated[bool, typer.Option("--list", help="Say what is there; fetch nothing.")] = False,
    where: Annotated[bool, typer.Option("--where", help="Print the folder where it is kept.")] = False,
    patient: Annotated[bool, typer.Option("--patient", help="Wait for slow hosts, however long.")] = False,
) -> None:
    """Fetch the data and weights that Labs 4 to 6 use, once; then they work without a network.

    Example: `labkit data all`
    """
    if where:
        typer.echo(cache.folder())
    elif show or not name:
        typer.echo("\n".join(row.line for row in kept()))
        if not show:
            typer.echo("To fetch both, run: labkit data all")
    elif name not in (*NAMES, "all"):
        raise typer.BadParameter(f"there is no {name!r}: choose {', '.join(NAMES)} or all")
    else:
        had = [_fetch(each, patient) for each in (NAMES if name == "all" else (name,))]
        if not all(had):
            raise typer.Exit(1)


def _fetch(name: str, patient: bool) -> bool:
    """Fetch one thing and say from where; say why when it cannot be had, and what the labs do then."""
    from labkit.fetch import FetchError

    def quietly(line: str) -> None:
        typer.echo(line, err=True)

    for row in kept():
        if row.name == name and row.fault and Path(row.path).is_dir():
            typer.echo(f"labkit: {row.fault}.", err=True)
            return False
    try:
        if name == "cifar10":
            from labkit.datasets import fetch_cifar10

            found = fetch_cifar10(patient=patient, say=quietly)
            pictures = len(found.train_images) + len(found.test_images)
            typer.echo(f"CIFAR-10, {pictures:,} pictures: {found.source}.")
        else:
            from labkit.models import fetch_resnet50

            weights = fetch_resnet50(patient=patient, say=quietly)
            typer.echo(f"ResNet-50, weights {weights.weights}: {weights.source}.")
    except FetchError as error:
        stand_in = "the drawn stand-in" if name == "cifar10" else "the small network that labkit brings"
        typer.echo(f"labkit: {error}. The labs then use {stand_in}.", err=True)
        return False
    return True

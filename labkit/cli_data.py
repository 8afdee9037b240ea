"""The command `labkit data`: fetch what the labs use, say what is there and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from labkit import cache

NAMES = ("cifar10", "resnet50")


@dataclass(frozen=True)
class Kept:
    """What is kept of one thing that can be fetched: its name, title, file and size (0 when absent)."""

    name: str
    title: str
    path: str
    size: int

    @property
    def line(self) -> str:
        """One line for `labkit data --list` and `labkit doctor`."""
        state = f"{self.size / 1e6:.0f} MB at {self.path}" if self.size else "not fetched"
        return f"{self.name:<10} {self.title:<36} {state}"


def kept() -> list[Kept]:
    """Return what the cache holds; only names and sizes of files are looked at, and torch is not loaded."""
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
        path = next((p for p in candidates[name] if p.is_file()), None)
        rows.append(Kept(name, titles[name], str(path or ""), path.stat().st_size if path else 0))
    return rows


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

"""The option `--version` of both commands: they are one package, and so one version."""

from __future__ import annotations

from typing import Annotated

import typer


def _show(asked: bool) -> None:
    if asked:
        import labkit

        typer.echo(f"labkit {labkit.__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show, is_eager=True, help="Print the version and stop.")
]

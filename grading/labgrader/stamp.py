"""The repository stamp: the Colab badge and the set-up cell that installs labkit there."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.course import CourseError
from labgrader.masters import BADGE_LINE, SETUP_LINE

_REPO = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_REF = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock$|[/.]$))[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_REMOTE = re.compile(
    r"(?:https?://(?:[^/@]*@)?|ssh://git@|git@)github\.com[:/](?P<repo>[^/]+/[^/]+?)(?:\.git)?/?"
)

_BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repo}/blob/{ref}/notebooks/{lab}.ipynb)"
)

# pip's default strategy leaves alone what already satisfies a requirement; where one is not satisfied, the
# constraints file makes pip fail with a clear message rather than exchange torch under a running kernel.
_INSTALL = """\
import importlib.util
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("labkit") is None:
    # On Colab: install labkit and keep the torch, torchvision and numpy that are there.
    import importlib.metadata
    import subprocess
    import tempfile
    from pathlib import Path

    keep = Path(tempfile.gettempdir(), "keep.txt")
    kept = [name for name in ("torch", "torchvision", "numpy") if importlib.util.find_spec(name)]
    keep.write_text("".join(f"{{n}}=={{importlib.metadata.version(n)}}\\n" for n in kept))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade-strategy", "only-if-needed"]
    wanted = "labkit[pdf] @ git+https://github.com/{repo}@{ref}"
    if subprocess.run([*pip, "--constraint", str(keep), wanted]).returncode:
        raise RuntimeError("labkit could not be installed, see above; check the network and try again.")
    importlib.invalidate_caches()  # so that this kernel sees what was installed
"""

_NO_REPOSITORY = """\
import importlib.util
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("labkit") is None:
    raise RuntimeError(
        "This copy of the lab was released without a repository, so Colab cannot install labkit: "
        "ask the instructor to run `labgrade release --repo OWNER/NAME` and hand out the notebook it writes."
    )
"""


class StampError(CourseError):
    """A repository or a ref that cannot be written into a notebook."""


@dataclass(frozen=True)
class Stamp:
    """What a released notebook says about where it came from.

    Args:
        version: labkit's version.
        repo: the GitHub repository, "OWNER/NAME", or "" for none.
        ref: a tag or branch of it; "" where there is no repository.
    """

    version: str
    repo: str = ""
    ref: str = ""

    def __post_init__(self) -> None:
        if self.repo and not _REPO.fullmatch(self.repo):
            raise StampError(f"The repository is {self.repo!r}; expected OWNER/NAME as on GitHub.")
        if self.ref and not _REF.fullmatch(self.ref):
            raise StampError(f"The ref is {self.ref!r}; expected a tag or branch such as v1.0.")
        if bool(self.repo) != bool(self.ref):
            raise StampError(
                f"The repository is {self.repo!r} and the ref {self.ref!r}; expected both or neither."
            )


def make_stamp(repo: str, ref: str | None) -> Stamp:
    """Return the stamp of this version of labkit; the ref defaults to its tag.

    Raises:
        StampError: a repository or ref that GitHub could not have, or a ref without a repository.

    Example:
        >>> make_stamp("ada/first-light", "v1").repo
        'ada/first-light'
    """
    from importlib.metadata import version

    number = version("labkit")
    return Stamp(number, repo, ref if ref is not None else f"v{number}" if repo else "")


def apply(notebook: Any, stamp: Stamp, lab: str) -> None:
    """Write the stamp into a notebook that still has the master's two marked lines."""
    snippet = (_INSTALL if stamp.repo else _NO_REPOSITORY).format(repo=stamp.repo, ref=stamp.ref).rstrip("\n")
    for cell in notebook.cells:
        lines = cell.source.split("\n")
        if cell.cell_type == "markdown" and BADGE_LINE in lines:
            badge = [_BADGE.format(repo=stamp.repo, ref=stamp.ref, lab=lab)] if stamp.repo else []
            cell.source = "\n".join(_replace(lines, BADGE_LINE, badge))
        elif cell.cell_type == "code" and SETUP_LINE in lines:
            cell.source = "\n".join(_replace(lines, SETUP_LINE, [*snippet.split("\n"), ""]))
    notebook.metadata["labkit"].update(
        version=stamp.version, repo=stamp.repo, ref=stamp.ref, answers=answers(notebook)
    )


def answers(notebook: Any) -> list[str]:
    """Return the names of the cells that students answer in: the hand-in misses one that was deleted."""
    graded = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return [entry["grade_id"] for entry in graded if entry.get("solution") or entry.get("task")]


def stamp_lines(stamp: Stamp, lab: str) -> frozenset[str]:
    """Return the lines that a stamp adds to a notebook."""
    snippet = (_INSTALL if stamp.repo else _NO_REPOSITORY).format(repo=stamp.repo, ref=stamp.ref)
    badge = [_BADGE.format(repo=stamp.repo, ref=stamp.ref, lab=lab)] if stamp.repo else []
    return frozenset([*snippet.split("\n"), *badge])


def origin_repository(folder: Path) -> str:
    """Return the GitHub repository that `git remote get-url origin` names, or "" where it names none."""
    try:
        done = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=folder, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return github_repository(done.stdout.strip()) if done.returncode == 0 else ""


def github_repository(url: str) -> str:
    """Return OWNER/NAME of a GitHub address, or "" for any other; a password in the address is dropped.

    Example:
        >>> github_repository("git@github.com:ada/first-light.git")
        'ada/first-light'
    """
    match = _REMOTE.fullmatch(url)
    return match["repo"] if match and _REPO.fullmatch(match["repo"]) else ""


def _replace(lines: list[str], line: str, by: list[str]) -> list[str]:
    at = lines.index(line)
    return lines[:at] + by + lines[at + 1 :]

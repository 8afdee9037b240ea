"""What ties a PDF to its notebook: hashes in the PDF's keywords, and the notebook as an attachment."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labkit.pdf.notebook import Notebook, content_hash
from labkit.pdf.options import Options

MIME = "application/x-ipynb+json"
# Everything that decides how a page looks; another version of one may draw another page.
_PARTS = (
    "labkit", "typst", "nbconvert", "mistune", "beautifulsoup4", "latex2mathml", "tinycss2", "matplotlib",
    "pillow", "noto-cjk-sans-otc",
)  # fmt: skip


@dataclass(frozen=True)
class Stamp:
    """What a PDF says about its notebook."""

    file_hash: str
    content: str
    engine: str
    options: str = ""  # those that are not the usual ones

    def keywords(self) -> list[str]:
        """Return the stamp as the PDF's keywords."""
        words = [f"ipynb-sha256:{self.file_hash}", f"content-sha256:{self.content}", f"engine:{self.engine}"]
        return [*words, f"options:{self.options}"] if self.options else words


@lru_cache(maxsize=1)
def engine() -> str:
    """Return the versions of everything that decides how a page looks, and a hash of our own part in it."""
    drawn = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.[pt]y*")):  # two copies may bear the same version
        drawn.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return "+".join([f"{name}-{_version(name)}" for name in _PARTS] + [f"pages-{drawn.hexdigest()[:12]}"])


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def stamp(raw: bytes, notebook: Notebook, options: Options) -> Stamp:
    """Return the stamp of a notebook's bytes."""
    return Stamp(hashlib.sha256(raw).hexdigest(), content_hash(notebook), engine(), options.words())


def parse_keywords(text: str) -> Stamp | None:
    """Return the stamp in a PDF's keywords, None when there is none.

    Example:
        >>> parse_keywords("ipynb-sha256:ab, content-sha256:cd, engine:x-1").content
        'cd'
    """
    found = dict(part.strip().split(":", 1) for part in text[:4000].split(",") if ":" in part)
    if "ipynb-sha256" not in found:
        return None
    return Stamp(
        found["ipynb-sha256"],
        found.get("content-sha256", ""),
        found.get("engine", ""),
        found.get("options", ""),
    )

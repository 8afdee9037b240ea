"""The headings of a document: levels without gaps, and places that links can reach."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from labkit.pdf.typ import call


@dataclass
class Outline:
    """Where the headings stand: levels never skip one, each anchor is given once."""

    level: int = 1
    anchors: list[str] = field(default_factory=list)

    def heading(self, level: int, body: str, text: str) -> str:
        """Return a heading whose level is at most one below the one before; it keeps its visible size."""
        shown, level = level, min(level, self.level + 1)
        self.level = level
        anchor = re.sub(r"\s", "-", text.strip())
        new = bool(anchor) and anchor not in self.anchors
        if new:
            self.anchors.append(anchor)
        key = str(len(self.anchors) - 1) if new else "none"
        return call("section", str(level), str(shown), key, body)

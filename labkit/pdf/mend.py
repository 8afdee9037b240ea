"""A document that the compiler refuses: the parts that it refuses are found and replaced by a line."""

from __future__ import annotations

from pathlib import Path

import typst

from labkit.pdf.errors import PanicError
from labkit.pdf.fonts import FontSet
from labkit.pdf.guard import guarded
from labkit.pdf.typ import note

MAX_TRIES = 40  # compilations
_START = "#title-block(meta)\n"
_LINKS = "#let goto = goto.with(anchors)"


def without_bad_parts(source: str, store: Path, fonts: FontSet) -> str | None:
    """Return the main source with a placeholder for each part that cannot be set; None when that is no help.

    Each cell or output is one line of the source.
    """
    head, start, body = source.partition(_START)
    head = head.replace(_LINKS, "#let goto(key, body) = body")  # to a part that may be left out
    lines = body.split("\n")
    left = [MAX_TRIES]

    def compiles(numbers: list[int]) -> bool:
        left[0] -= 1
        part = "\n".join(lines[number] for number in numbers)
        try:
            with guarded():
                typst.Compiler(root=str(store), font_paths=fonts.handle).compile(
                    (head + start + part).encode(), format="pdf", timestamp=0
                )
        except (typst.TypstError, PanicError):
            return False
        return True

    def bad(numbers: list[int]) -> list[int]:
        if left[0] <= 0:
            return numbers
        if not numbers or compiles(numbers):
            return []
        middle = len(numbers) // 2
        return numbers if not middle else bad(numbers[:middle]) + bad(numbers[middle:])

    if not compiles([]):
        return None
    said = note("[this part could not be set on paper; the attached notebook has it]")
    for number in bad(list(range(len(lines)))):
        lines[number] = f"#{said}"
    return head + start + "\n".join(lines)

"""What can go wrong with a whole PDF."""

from __future__ import annotations

ROOM = "free some space, or set TMPDIR to a folder that can be written to."


class PdfError(Exception):
    """The PDF could not be made: what is wrong and what to do."""


class PictureError(Exception):
    """A picture that cannot be shown; the message says why, for the placeholder."""


class PanicError(Exception):
    """The compiler came upon a fault of its own."""

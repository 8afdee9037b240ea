"""What is said of a file that is no notebook: what it is, and a step that works."""

from __future__ import annotations

import codecs
import re

_COPY = (
    "take an earlier copy, as from the folder .ipynb_checkpoints beside it, or the lab as it was released."
)
_KINDS = (
    (b"\x1f\x8b", "a compressed file (gzip); unpack it and name the .ipynb file inside"),
    (b"PK", "a zip; unpack it and name the .ipynb file inside"),
    (b"%PDF-", "a PDF; name the .ipynb file that it was made from"),
    (codecs.BOM_UTF16_LE, "text in UTF-16; save it as UTF-8 in a text editor, as in Notepad's Save As"),
    (codecs.BOM_UTF16_BE, "text in UTF-16; save it as UTF-8 in a text editor, as in Notepad's Save As"),
)
_CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)


def what_it_is(data: bytes) -> str:
    """Return what a file is that is not JSON, and what to do.

    Example:
        >>> what_it_is(b"PK..")
        'The file is not a notebook but a zip; unpack it and name the .ipynb file inside.'
    """
    if not data.strip(b"\x00\t\r\n "):
        return f"The file is empty: it is not a notebook any more; {_COPY}"
    for begin, kind in _KINDS:
        if data.startswith(begin):
            return f"The file is not a notebook but {kind}."
    if data.lstrip().startswith(b"<") and not _CONFLICT.match(data):
        return (
            "The file is not a notebook but a web page (HTML); download the .ipynb file itself, as with "
            "GitHub's button Download raw file."
        )
    if _CONFLICT.search(data):
        return (
            "The file holds git's marks of a merge conflict (<<<<<<<), so it is not JSON; take one side "
            "whole: git checkout --ours FILE, or --theirs."
        )
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return (
            f"The file is not in UTF-8 (byte {error.start + 1} is 0x{data[error.start]:02x}): a program has "
            "saved it in another encoding, as Latin-1, or damaged it; save it as UTF-8 in a text editor, or "
            + _COPY
        )
    return f"The file is not a notebook or is damaged: it is not JSON; {_COPY}"

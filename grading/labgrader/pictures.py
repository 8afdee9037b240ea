"""Pictures in a student's texts: those in the notebook are checked and shown, others are named in words."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labgrader.policy import MIB, Policy

MIMES = ("image/png", "image/jpeg", "image/gif", "image/webp")
MOST_BYTES = 8 * MIB  # of one: the photograph of a sheet of paper
MOST_TOTAL = 24 * MIB  # characters of a notebook's pictures, in base64, each as often as it is shown
MOST_PICTURES = 100  # of a notebook
_PASTED = re.compile(  # a picture inside the text, as Colab keeps it
    r"data:image/[\w.+-]{1,40}(?:;[\w=.-]{1,40}){0,3};base64,([A-Za-z0-9+/=]{20,}+)", re.IGNORECASE
)
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}")
_ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]*+:)?[/\\]{2}|(?:ftp|https?):", re.IGNORECASE)
Find = Callable[[str], tuple[str, str]]  # from a picture's address to the one it is shown from, or why not


def taken_out(source: str, attachments: Any) -> tuple[str, dict[str, str]]:
    """Return a text whose pictures all are attachments, and these by their names, in base64, unchecked.

    Args:
        source: a cell's text.
        attachments: what the cell says its attachments are: anything.

    Example:
        >>> taken_out("![a](data:image/png;base64,iVBORw0KGgoAAAANSUhEUg)", None)
        ('![a](attachment:pasted-1)', {'pasted-1': 'iVBORw0KGgoAAAANSUhEUg'})
    """
    found = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        texts = [bundle[mime] for mime in MIMES if mime in bundle] if isinstance(bundle, dict) else []
        lines = texts[0] if texts and isinstance(texts[0], list) else texts[:1]
        found[name] = "".join(line for line in lines if isinstance(line, str))
    names: dict[str, str] = {}

    def attach(match: re.Match[str]) -> str:
        if match[1] not in names:
            number = len(names) + 1
            while f"pasted-{number}" in found:
                number += 1
            names[match[1]] = f"pasted-{number}"
            found[names[match[1]]] = match[1]
        return f"attachment:{names[match[1]]}"

    return _PASTED.sub(attach, source), found


class Album:
    """The pictures that one notebook shows, within limits, and what is to be said of the others."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.left, self.places = MOST_TOTAL, MOST_PICTURES
        self.missing: dict[str, list[str]] = {}

    def flags(self) -> tuple[str, ...]:
        """Say which cells have pictures that are not shown, and why the first of each is not."""
        lines = [
            f"{where}: {'a picture is' if len(why) == 1 else f'{len(why)} pictures are'} not shown: {why[0]}"
            for where, why in self.missing.items()
        ]
        return (*lines[:6], *([f"{len(lines) - 6} more cells like that"] if len(lines) > 6 else []))


class Sheet:
    """One cell's pictures: called with an address, it says where the picture is shown from, or why not."""

    def __init__(self, album: Album, where: str, pictures: Mapping[str, str]) -> None:
        self.album, self.where, self.pictures = album, where, pictures
        self.shown: dict[str, dict[str, str]] = {}  # the cell's attachments
        self._checked: dict[str, tuple[str, str, str]] = {}

    def __call__(self, address: str) -> tuple[str, str]:
        """Take room for a picture and return its address, or else "" and the reason."""
        name, why = _named(address, self.pictures)
        if not why and name not in self._checked:
            text = "".join(self.pictures[name].split())
            self._checked[name] = (text, *checked(text, MOST_BYTES, self.album.policy.image_pixels))
        text, mime, why = ("", "", why) if why else self._checked[name]
        if not why and (self.album.places < 1 or len(text) > self.album.left):
            why = "the notebook's pictures are too many, or too big together"
        if why:
            if not is_elsewhere(address):
                self.misses(why)
            return "", why
        self.album.places -= 1
        self.album.left -= len(text)
        safe = name if _NAME.fullmatch(name) else f"picture-{zlib.crc32(name.encode('utf-8', 'replace')):08x}"
        self.shown[safe] = {mime: text}
        return f"attachment:{safe}", ""

    def misses(self, why: str) -> None:
        """Note that one of the cell's pictures is not shown."""
        self.album.missing.setdefault(self.where, []).append(why)


def attached(attachments: Any) -> Find:
    """Return how the pictures attached to a cell that was graded are shown: inside the page.

    Args:
        attachments: the cell's.
    """
    _, pictures = taken_out("", attachments)

    def find(address: str) -> tuple[str, str]:
        name, why = _named(address, pictures)
        mime, why = ("", why) if why else checked(pictures[name], MOST_BYTES, 1 << 62)
        return ("", why) if why else (f"data:{mime};base64,{pictures[name]}", "")

    return find


def is_elsewhere(address: str) -> bool:
    """Return whether a picture's address is one of another computer.

    Example:
        >>> [is_elsewhere(each) for each in ("https://a.org/b.png", "//a.org/b.png", "b.png", "attachment:b")]
        [True, True, False, False]
    """
    return bool(_ELSEWHERE.match(address.strip()))


def checked(text: str, most: float, pixels: int) -> tuple[str, str]:
    """Return the format of a picture in base64, or else "" and why it cannot be shown.

    Args:
        text: the base64, without white space.
        most: the most bytes that it may have.
        pixels: the most pixels that it may have.

    Example:
        >>> checked("PHN2Zz4=", 100, 100)
        ('', 'it is no PNG, JPEG, GIF or WebP')
    """
    if len(text) > most * 1.4:
        return "", f"it is larger than {most / MIB:.0f} MB"
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "", "its data is damaged"
    for mime in MIMES:
        size = picture_size(mime, raw)
        if size is None:
            continue
        if not 0 < size[0] * size[1] <= pixels:
            return "", f"it says it has {size[0]} by {size[1]} pixels"
        return (mime, "") if _is_whole(mime, raw) else ("", "its data is damaged")
    return "", "it is no PNG, JPEG, GIF or WebP"


def picture_size(mime: str, raw: bytes) -> tuple[int, int] | None:
    """Return the width and height that a picture file says it has, None if it is no such file.

    Args:
        mime: one of MIMES.
        raw: the file's bytes.

    Example:
        >>> import struct
        >>> picture_size("image/png", b"\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR" + struct.pack(">II", 3, 2))
        (3, 2)
    """
    if mime == "image/png":
        if raw[:8] != b"\x89PNG\r\n\x1a\n" or raw[12:16] != b"IHDR" or len(raw) < 24:
            return None
        width, height = struct.unpack(">II", raw[16:24])
        return width, height
    if mime == "image/gif":
        return struct.unpack("<HH", raw[6:10]) if raw[:6] in (b"GIF87a", b"GIF89a") and raw[9:] else None
    if mime == "image/webp":
        return _webp_size(raw)
    if mime != "image/jpeg" or raw[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:  # from one segment to the next, up to the frame's header
        marker, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", raw[at + 5 : at + 9])
            return width, height
        if length < 2:
            return None
        at += 2 + length
    return None


def _webp_size(raw: bytes) -> tuple[int, int] | None:
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP" or len(raw) < 30:
        return None
    if raw[12:16] == b"VP8X":
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    if raw[12:16] == b"VP8L" and raw[20] == 0x2F:
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if raw[12:16] == b"VP8 " and raw[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", raw[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _is_whole(mime: str, raw: bytes) -> bool:
    """Return whether a file goes to its end, so that a browser will show something."""
    if mime == "image/png":
        kinds = list(_chunks(raw))
        return b"IDAT" in kinds and kinds[-1] == b"IEND"
    if mime == "image/jpeg":
        return b"\xff\xda" in raw and b"\xff\xd9" in raw[-65_536:]
    return mime == "image/gif" or int.from_bytes(raw[4:8], "little") + 8 <= len(raw)


def _chunks(raw: bytes) -> Iterator[bytes]:
    """Yield the kinds of a PNG's chunks, up to the first that is damaged."""
    at = 8
    while at + 12 <= len(raw):
        end = at + 8 + int.from_bytes(raw[at : at + 4], "big")
        if zlib.crc32(memoryview(raw)[at + 4 : end]) != int.from_bytes(raw[end : end + 4], "big"):
            return
        yield raw[at + 4 : at + 8]
        at = end + 4


def _named(address: str, pictures: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the attachment that an address means, or else "" and why there is none."""
    scheme, _, name = address.strip().partition(":")
    if scheme.lower() != "attachment":
        if scheme.lower() == "data":
            return "", "it is no PNG, JPEG, GIF or WebP"
        return "", "it is not in the notebook"
    for each in (name, urllib.parse.unquote(name)):
        if each in pictures:
            return each, ""
    return "", "it is not in the cell"

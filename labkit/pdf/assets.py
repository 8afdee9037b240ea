"""Pictures: found only in the notebook or below its folder, checked, and copied for the compiler."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import posixpath
import re
import urllib.parse
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from labkit.pdf.notebook import Json, as_dict, text_of

MAX_BYTES = 40_000_000
MAX_PIXELS = 60_000_000
MAX_SVG = 4_000_000
_TYPST_READS = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp"}
_IMAGE_TYPES = ("image/png", "image/svg+xml", "image/jpeg", "image/gif", "image/webp")


class PictureError(Exception):
    """A picture that cannot be shown; the message says why, for the placeholder."""


@dataclass
class Pictures:
    """The pictures of one document.

    Args:
        store: temporary folder that the compiler may read.
        root: folder of the notebook, the only one from which files are taken; None: no files at all.
        extra: pictures by relative path that stand in for files (those attached to a PDF).
    """

    store: Path
    root: Path | None
    extra: dict[str, bytes] = field(default_factory=dict)
    used: dict[str, bytes] = field(default_factory=dict)  # files taken from the folder, by relative path

    def add(self, data: bytes) -> str:
        """Check a picture and return its path for the compiler.

        Raises:
            PictureError: it is too big, broken, or of an unknown kind.
        """
        data, suffix = _checked(data)
        name = hashlib.sha256(data).hexdigest()[:20] + suffix
        target = self.store / name
        if not target.exists():
            target.write_bytes(data)
        return "/" + name

    def resolve(self, source: str, attachments: Json) -> bytes:
        """Return the bytes that an image's address stands for; nothing is ever fetched.

        Raises:
            PictureError: it is remote, missing, or outside the notebook's folder.
        """
        if source.startswith("attachment:"):
            return _attachment(source.removeprefix("attachment:"), attachments)
        if source.lower().startswith("data:"):
            return _data_url(source)
        if re.match(r"[a-z][a-z0-9+.-]+:|//", source, re.IGNORECASE):
            raise PictureError("it is on the web, and nothing is downloaded")
        return self._file(source)

    def _file(self, source: str) -> bytes:
        path = posixpath.normpath(urllib.parse.unquote(re.split(r"[?#]", source, maxsplit=1)[0]))
        if path.startswith(("/", "..")) or "\\" in path or "\x00" in path:
            raise PictureError("it is outside the notebook's folder")
        if path in self.extra:
            self.used[path] = self.extra[path]
            return self.extra[path]
        if self.root is None:
            raise PictureError("files are not read here")
        try:
            root = self.root.resolve()
            file = (root / path).resolve()
            if not file.is_relative_to(root):
                raise PictureError("it is outside the notebook's folder")
            if not file.is_file():
                raise PictureError("there is no such file")
            if file.stat().st_size > MAX_BYTES:
                raise PictureError("the file is too big")
            data = file.read_bytes()
        except (OSError, ValueError, RuntimeError):
            raise PictureError("the file cannot be read") from None
        _checked(data)  # only pictures are attached to the PDF
        self.used[path] = data
        return data


def _attachment(name: str, attachments: Json) -> bytes:
    found = as_dict(attachments.get(urllib.parse.unquote(name)) or attachments.get(name))
    for mime in (*_IMAGE_TYPES, *found):
        if mime in found:
            return decode(text_of(found[mime]), mime)
    raise PictureError("the cell has no such attachment")


def _data_url(source: str) -> bytes:
    head, comma, body = source[5:].partition(",")
    if not comma:
        raise PictureError("the data address is broken")
    if ";base64" in head.lower():
        return decode(urllib.parse.unquote(body), "image/png")
    return urllib.parse.unquote_to_bytes(body)


def decode(text: str, mime: str) -> bytes:
    """Return a picture's bytes as the notebook format stores them: SVG as text, others in base 64."""
    if len(text) > MAX_BYTES * 4 // 3:
        raise PictureError("it is too big")
    if mime == "image/svg+xml" and "<" in text[:2000]:
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise PictureError("its base 64 text is damaged") from None


def _checked(data: bytes) -> tuple[bytes, str]:
    """Return a picture in a form the compiler reads, with its suffix."""
    if len(data) > MAX_BYTES:
        raise PictureError("it is too big")
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|!--|svg|\w+:svg)", data[:500], re.IGNORECASE):
        return _checked_svg(data), ".svg"
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PictureError(f"it has too many pixels ({image.width} x {image.height})")
                kind, simple = image.format or "", not getattr(image, "is_animated", False)
                image.load()
                if kind in _TYPST_READS and simple and image.mode != "CMYK":
                    return data, _TYPST_READS[kind]
                converted = io.BytesIO()
                image.convert("RGBA").save(converted, "PNG")
                return converted.getvalue(), ".png"
    except PictureError:
        raise
    except Exception:  # Pillow's plugins raise many kinds of errors on damaged files
        raise PictureError("it is damaged or not a picture") from None


def _checked_svg(data: bytes) -> bytes:
    if len(data) > MAX_SVG:
        raise PictureError("the SVG is too big")
    if re.search(rb"<!ENTITY", data, re.IGNORECASE):
        raise PictureError("the SVG declares entities")
    try:
        ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise PictureError("the SVG is damaged") from None
    # A picture inside the SVG that is a file or an address: it would be looked for, so it is cut.
    return re.sub(rb"""(href\s*=\s*)(["'])(?!#|data:)[^"']*\2""", rb"\1\2#\2", data)

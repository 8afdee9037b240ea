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
from typing import TYPE_CHECKING

from labkit.pdf import svg
from labkit.pdf.errors import PictureError
from labkit.pdf.notebook import Json, as_dict, text_of

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 40_000_000
MAX_PIXELS = 60_000_000  # of one picture
MAX_SIDE = 2_400  # pixels; a larger picture is made smaller: at 17 cm still 360 dots an inch
FULL = 30_000_000  # pixels; when all pictures together have more, the next are made smaller still
MAX_TOTAL = 60_000_000  # pixels of all pictures together
SMALL_SIDE = 800
MAX_PICTURES = 400  # shown
MAX_ATTACHED = 60_000_000  # bytes of all files that are attached
_TYPST_READS = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp"}
_IMAGE_TYPES = ("image/png", "image/svg+xml", "image/jpeg", "image/gif", "image/webp")


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
    shown: int = 0
    known: dict[str, str] = field(default_factory=dict)  # paths for the compiler, by hash of what was given
    lacking: dict[str, list[str]] = field(default_factory=dict)  # what of a picture is not shown, by path
    pixels: int = 0

    def add(self, data: bytes) -> str:
        """Check a picture and return its path for the compiler.

        Raises:
            PictureError: it is too big, broken, or of an unknown kind.
        """
        self.shown += 1
        if self.shown > MAX_PICTURES:
            raise PictureError("the notebook shows too many pictures")
        given = hashlib.sha256(data).hexdigest()
        if given not in self.known:
            if self.pixels > MAX_TOTAL:
                raise PictureError("the notebook has too many pictures")
            data, suffix, pixels = _checked(data, MAX_SIDE if self.pixels < FULL else SMALL_SIDE)
            self.pixels += pixels
            name = hashlib.sha256(data).hexdigest()[:20] + suffix
            (self.store / name).write_bytes(data)
            self.known[given] = "/" + name
            if suffix == ".svg":
                self.lacking["/" + name] = svg.lacking(data)
        return self.known[given]

    def resolve(self, source: str, attachments: Json) -> bytes:
        """Return the bytes that an image's address stands for; nothing is ever fetched.

        Raises:
            PictureError: it is remote, missing, or outside the notebook's folder.
        """
        if source.startswith("attachment:"):
            return _attachment(source.removeprefix("attachment:"), attachments)
        if source.lower().startswith("data:"):
            return _data_url(source)
        if source.lower().startswith("file:"):
            raise PictureError("it is named by its place on one computer; name it from the notebook's folder")
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
        data = self._below_root(path)
        if data is None or sum(map(len, self.used.values())) + len(data) > MAX_ATTACHED:
            # One reason for all: `verify` has only the attached files, and must come to the same words.
            raise PictureError("the file is missing, damaged, too big or a link out of the folder")
        self.used[path] = data
        return data

    def _below_root(self, path: str) -> bytes | None:
        """Return a picture file of the notebook's folder; None when it cannot be shown."""
        if self.root is None:
            return None
        try:
            root = self.root.resolve()
            file = (root / path).resolve()
            if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > MAX_BYTES:
                return None
            data = file.read_bytes()
            _checked(data)  # only pictures are attached to the PDF
        except (OSError, ValueError, RuntimeError, PictureError):
            return None
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


def _checked(data: bytes, side: int = MAX_SIDE) -> tuple[bytes, str, int]:
    """Return a picture in a form the compiler reads, its suffix, and its pixels."""
    if len(data) > MAX_BYTES:
        raise PictureError("it is too big")
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|!--|svg|\w+:svg)", data[:500], re.IGNORECASE):
        return svg.checked(data), ".svg", 0
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PictureError(f"it has too many pixels ({image.width} x {image.height})")
                kind, simple = image.format or "", not getattr(image, "is_animated", False)
                small, pixels = max(image.size) <= side, image.width * image.height
                if kind == "PNG" and simple and small:
                    image.verify()  # its checksums; the compiler decodes it anyway, and names what is damaged
                    return data, ".png", pixels
                image.load()
                if kind in _TYPST_READS and simple and image.mode != "CMYK" and small:
                    return data, _TYPST_READS[kind], pixels
                return _redrawn(image, side)
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError("it has too many pixels") from None
    except Exception:  # Pillow's plugins raise many kinds of errors on damaged files
        raise PictureError("it is damaged or not a picture") from None


def _redrawn(image: Image, side: int) -> tuple[bytes, str, int]:
    """Return a picture as a PNG of moderate size."""
    mode = image.mode if image.mode in ("L", "LA", "RGB", "RGBA") else "RGBA"
    shown = image.convert(mode)
    shown.thumbnail((side, side))
    converted = io.BytesIO()
    shown.save(converted, "PNG")
    return converted.getvalue(), ".png", shown.width * shown.height

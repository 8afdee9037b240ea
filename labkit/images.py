"""Photos as tensors: the ones that come with scikit-image, and the student's own. Nothing is downloaded."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from labkit.plainfile import FileError, check_plain

_PHOTOS = {
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "camera": "camera.png",
    "astronaut": "astronaut.png",
    "rocket": "rocket.jpg",
}
_DRAWINGS = {".svg", ".svgz", ".pdf", ".eps", ".ps", ".ai", ".wmf", ".emf"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_BESIDE = {"readme.md", "thumbs.db", "desktop.ini"}
_MOST_PIXELS = 120_000_000


class ImageError(ValueError):
    """A photo that is missing or cannot be read."""


@dataclass(frozen=True)
class Photo:
    """One of the student's photos: file name and pixels (3, H, W), float32 in [0, 1]."""

    name: str
    pixels: Tensor

    def grey(self, size: int | None = None) -> Tensor:
        """Return the photo in grey (H, W); with a size, its longer side is that many pixels."""
        pixels = self.pixels
        if size is not None:
            ratio = size / max(pixels.shape[1:])
            target = [max(1, round(side * ratio)) for side in pixels.shape[1:]]
            pixels = F.interpolate(pixels[None], size=target, mode="bilinear", antialias=True)[0]
        return pixels.mean(0)


def photo(name: str, size: int | tuple[int, int] | None = None, *, grey: bool = False) -> Tensor:
    """Return a photo that comes with scikit-image.

    Args:
        name: "chelsea" (a cat), "coffee", "astronaut" or "rocket" in colour; "camera" in grey.
        size: the longer side in pixels, or (height, width); None keeps the photo as it is.
        grey: turn a colour photo to grey.

    Returns:
        (3, H, W), or (H, W) when grey: float32 in [0, 1].

    Raises:
        ImageError: for an unknown name, or when scikit-image is not installed.

    >>> photo("chelsea", 60).shape, photo("camera", (10, 20)).shape
    (torch.Size([3, 40, 60]), torch.Size([10, 20]))
    """
    if name not in _PHOTOS:
        raise ImageError(f"there is no photo {name!r}: choose one of {', '.join(sorted(_PHOTOS))}")
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ImageError(
            f"the photo {name!r} comes with scikit-image, which is missing: pip install scikit-image"
        )
    path = Path(spec.submodule_search_locations[0]) / "data" / _PHOTOS[name]
    if not path.is_file():
        raise ImageError(f"this scikit-image does not bring the photo {name!r}: pip install -U scikit-image")
    with _open(path) as opened:
        pixels = _tensor(opened, size)
    return pixels.mean(0) if grey or name == "camera" else pixels


def my_images(folder: Path | str | None = None, *, longest: int = 640) -> list[Photo]:
    """Return the student's own photos from data/my_images; what cannot be read is left out with a warning.

    What a file holds counts, not how its name ends.

    Args:
        folder: where to look; None looks for data/my_images here and in the folders above.
        longest: the longer side of a photo after shrinking; smaller photos stay as they are.

    Raises:
        ImageError: when `folder` is given and is not a folder.
    """
    place = _find_folder() if folder is None else Path(folder)
    if place is None or not place.is_dir():
        if folder is not None:
            raise ImageError(f"there is no folder {place}: make it and put photos into it")
        return []
    photos = []
    for path in sorted(place.iterdir(), key=lambda p: p.name.lower()):
        if path.name.lower() in _BESIDE or path.name.startswith("."):
            continue
        try:
            photos.append(read(path, longest=longest))
        except ImageError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
    return photos


def read(path: Path | str, *, longest: int = 640) -> Photo:
    """Read one photo: upright (EXIF), in colour, white where it was see-through, shrunk to `longest`.

    Raises:
        ImageError: when the file is missing, is no photo, is damaged, or is too large.
    """
    path = Path(path)
    with _open(path) as opened:
        return Photo(path.name, _tensor(opened, longest if max(opened.size) > longest else None))


def _open(path: Path) -> Image.Image:
    if path.is_dir():
        raise ImageError(f"{path.name} is a folder, not a photo: move the photos out of it")
    if path.suffix.lower() in _DRAWINGS:
        raise ImageError(f"{path.name} is a drawing or a document, not a photo: save it as PNG")
    try:
        check_plain(path)
        _read_heic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path)
    except FileError as error:
        raise ImageError(str(error).removesuffix(".").replace(str(path), path.name)) from None
    except FileNotFoundError:
        raise ImageError(f"there is no photo {path.name}") from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{path.name} is larger than {_MOST_PIXELS // 10**6} million pixels: save it smaller"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise ImageError(f"{path.name} {_what(path)}") from None
    if opened.format in {"EPS", "WMF"}:  # by another name
        opened.close()
        raise ImageError(f"{path.name} is a drawing or a document, not a photo: save it as PNG")
    if opened.width * opened.height > _MOST_PIXELS:
        opened.close()
        raise ImageError(
            f"{path.name} is larger than {_MOST_PIXELS // 10**6} million pixels: save it smaller"
        )
    return opened


@cache
def _read_heic() -> None:
    """Let Pillow read HEIC when pillow-heif is installed, which it does not do by itself."""
    if find_spec("pillow_heif"):
        import_module("pillow_heif").register_heif_opener()


def _what(path: Path) -> str:
    """Say what a file is that Pillow cannot read, from its first bytes, and what to do."""
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF:
        return "is a HEIC photo: pip install pillow-heif, or save it as JPEG"
    if not start:
        return "is empty: save it again as PNG or JPEG"
    if start.startswith(b"%PDF"):
        return "is a drawing or a document, not a photo: save it as PNG"
    if start.lstrip()[:1] == b"<":
        return "is a web page or a drawing, not a photo: save the photo itself as PNG or JPEG"
    if b"\0" not in start and start.isascii():
        return "is text, not a photo, whatever its name: save the photo itself as PNG or JPEG"
    return "is not a photo that can be read here: save it again as PNG or JPEG"


def _tensor(opened: Image.Image, size: int | tuple[int, int] | None) -> Tensor:
    name = Path(getattr(opened, "filename", "") or "the photo").name
    try:
        if isinstance(size, int):
            opened.draft("RGB", (size, size))  # a JPEG is decoded small at once
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith(("I", "F")):  # 16 bit or floating point grey
            image = _eight_bits(image, sixteen=opened.mode.startswith("I;16") or opened.format == "PNG")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("RGB")
        if size is not None:
            image = image.resize(_target(image, size), Image.Resampling.BICUBIC, reducing_gap=3.0)
    except Exception as error:  # whatever a library for one of fifty formats may raise
        why = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name} is damaged ({why}): save it again as PNG or JPEG") from None
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float() / 255


def _eight_bits(image: Image.Image, *, sixteen: bool) -> Image.Image:
    """Return grey of 16 bits on the scale of these, other grey on the scale that its numbers have."""
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("some of its numbers are infinite or not a number")
    if sixteen or (image.mode.startswith("I") and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255 and image.mode.startswith("I"):
        low, high = 0.0, 255.0
    return Image.fromarray(np.uint8(255 * (values - low) / max(high - low, 1e-12)))


def _target(image: Image.Image, size: int | tuple[int, int]) -> tuple[int, int]:
    if not isinstance(size, int):
        return size[1], size[0]
    ratio = size / max(image.size)
    return max(1, round(image.width * ratio)), max(1, round(image.height * ratio))


def _find_folder() -> Path | None:
    here = Path.cwd()
    return next(
        (p / "data" / "my_images" for p in (here, *here.parents) if (p / "data" / "my_images").is_dir()), None
    )

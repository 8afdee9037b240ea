from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labkit import cache, store
from labkit.plainfile import whole

ARRAYS = st.dictionaries(
    st.sampled_from("abc"),
    st.sampled_from([np.uint8, np.int64, np.float32]).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    min_size=1,
)


@settings(max_examples=30, deadline=None)
@given(ARRAYS, st.booleans())
def test_what_is_saved_is_loaded(tmp_path_factory, arrays, packed):
    path = tmp_path_factory.mktemp("s") / "deep" / "x.npz"
    store.save(path, arrays, note="from a test", packed=packed)
    loaded, note = store.load(path, expected=store.digest(arrays))
    assert note == "from a test"
    assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in loaded.items()} == {
        k: (v.dtype, v.shape, v.tobytes()) for k, v in arrays.items()
    }


def test_the_digest_is_of_values_types_shapes_and_names():
    a = np.arange(6, dtype=np.uint8)
    digests = [
        store.digest(d)
        for d in ({"a": a}, {"b": a}, {"a": a.reshape(2, 3)}, {"a": a.astype(np.int8)}, {"a": a[::-1]})
    ]
    assert len(set(digests)) == 5
    assert store.digest({"a": np.asfortranarray(a.reshape(2, 3))}) == digests[2]
    assert store.digest({"a": a.astype(">i4")}) == store.digest({"a": a.astype("<i4")})


@pytest.mark.parametrize("harm", ["cut", "flip", "other", "empty"])
def test_damage_is_told_in_one_sentence(tmp_path, harm):
    path = tmp_path / "x.npz"
    arrays = {"a": np.zeros(5000, np.uint8)}
    store.save(path, arrays)
    raw = bytearray(path.read_bytes())
    if harm == "other":
        store.save(path, {"a": np.ones(5000, np.uint8)})
    else:
        raw[2000] ^= 1
        path.write_bytes({"cut": raw[:3000], "flip": raw, "empty": b""}[harm])
    with pytest.raises(store.StoreError, match="delete it and fetch it again") as error:
        store.load(path, expected=store.digest(arrays))
    assert "\n" not in str(error.value)


def test_a_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([print], dtype=object))
    with pytest.raises(store.StoreError):
        store.load(tmp_path / "x.npz")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def half():
        with whole(path) as stream:
            stream.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        half()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_order_of_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"
    monkeypatch.delenv("LABKIT_DATA")
    monkeypatch.setattr(cache, "checkout", lambda: tmp_path)
    assert cache.folder() == tmp_path / "data" / "cache"
    monkeypatch.setattr(cache, "checkout", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache.folder().name == "labkit"


def test_this_is_a_checkout():
    assert cache.checkout() == Path(__file__).parents[2]


def test_torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    import torch

    assert cache.torch_checkpoints() == Path(torch.hub.get_dir()) / "checkpoints"

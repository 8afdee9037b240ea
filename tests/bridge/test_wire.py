# ruff: noqa: E501  (tables of values)
"""Values survive the wire with their exact type and bits; nothing else gets through."""

import json
import math
import random
import struct
import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from labgrader.bridge import arrays
from labgrader.bridge.errors import WireError
from labgrader.bridge.limits import Limits
from labgrader.bridge.unwire import Decoder, parse
from labgrader.bridge.wire import Encoder, header

LIMITS = Limits()
FAST = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
WRITERS = arrays.writers()


def write(value, limits=LIMITS):
    e = Encoder(limits, writers=WRITERS)
    form = e.value(value)
    return header(form, e.buffers, limits), [bytearray(b) for b in e.buffers]


def read(raw, buffers, limits=LIMITS):
    sizes, form = parse(raw, limits)
    if sizes != [len(b) for b in buffers]:
        raise WireError("sizes")
    d = Decoder(limits, buffers, arrays.READERS)
    value = d.value(form)
    d.done()
    return value


def trip(value, limits=LIMITS):
    return read(*write(value, limits), limits)


def same(a, b):
    """Exact type, and equal bit by bit."""
    if type(a) is not type(b):
        return False
    if type(a) is float:
        return struct.pack("d", a) == struct.pack("d", b)
    if type(a) is complex:
        return same(a.real, b.real) and same(a.imag, b.imag)
    if type(a) is slice:
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return len(a) == len(b) and all(map(same, a, b)) and all(map(same, a.values(), b.values()))
    if type(a) in (set, frozenset):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    if isinstance(a, np.str_ | np.bytes_):
        return str.__eq__(a, b) if isinstance(a, str) else bytes.__eq__(a, b)
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, torch.Tensor):
        alike = a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
        raw = [
            t.detach().contiguous().reshape(-1).view(torch.uint8).tolist() if t.numel() else []
            for t in (a, b)
        ]
        return alike and raw[0] == raw[1]
    return a == b


NP_DTYPES = [
    "?",
    "i1",
    "<i2",
    ">i4",
    "<i8",
    "u1",
    "<u2",
    ">u4",
    "<u8",
    "<f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
    "<c8",
    ">c16",
]
NP_DTYPES += ["S3", "<U4", ">U2", "<M8[s]", "<m8[ns]", "<M8[D]"]
TORCH = [
    getattr(torch, n)
    for n in [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
    ]
]


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(TORCH))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    count = math.prod(shape) * dtype.itemsize
    raw = draw(st.binary(min_size=count, max_size=count))
    if dtype is torch.bool:
        raw = bytes(b & 1 for b in raw)
    t = (
        torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        if count
        else torch.empty(shape, dtype=dtype)
    )
    if draw(st.booleans()) and t.dim() > 1:
        t = t.transpose(0, 1)
    return t.requires_grad_() if (t.is_floating_point() or t.is_complex()) and draw(st.booleans()) else t


arrays_any = st.sampled_from(NP_DTYPES).flatmap(
    lambda d: hnp.arrays(np.dtype(d), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**5000), 2**5000),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(), max_size=400),
    st.binary(max_size=400),
    st.just(...),
    st.builds(range, st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9)),
)
hashables = st.recursive(
    scalars, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=3)), max_leaves=5
)
leaves = st.one_of(
    scalars,
    arrays_any,
    arrays_any.filter(lambda a: a.dtype.kind not in "SU" and a.size).map(lambda a: a.reshape(-1)[0]),
    st.text(max_size=5).map(np.str_),
    st.binary(max_size=5).map(np.bytes_),
    tensors(),
    st.builds(slice, scalars, scalars, scalars),
    st.binary(max_size=20).map(bytearray),
    st.lists(st.integers(0, 2**40), max_size=4).map(torch.Size),
    st.sampled_from(TORCH),
    st.just(torch.device("cpu")),
    st.sampled_from(NP_DTYPES).map(np.dtype),
    st.sets(hashables, max_size=4),
    st.frozensets(hashables, max_size=4),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(hashables, inner, max_size=4),
    ),
    max_leaves=12,
)


@FAST
@given(values)
def test_round_trip_keeps_type_and_bits(value):
    assert same(value, trip(value))


@pytest.mark.parametrize(
    "value",
    [
        -0.0, float("-inf"), struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\xff")[0], 5e-324, 2**62, -(2**62), 2**13_999,
        "\ud83d\ude00", "\ud800", "😀", "a,[" * 500, "", b"", [], (), {}, set(), frozenset(), range(0), slice(None),
        np.array(3.5), np.zeros((0, 3)), torch.zeros(0, 3, 5), torch.tensor(2.0), torch.empty(0), np.float64("nan"),
        {1: "a", (2, "b"): [None, {3.5: True}]}, np.arange(6).reshape(2, 3).T, torch.ones(3).expand(2, 3), np.str_("a\0"),
        torch.arange(6.0).reshape(2, 3)[:1, :1], torch.arange(6).reshape(2, 3).T[::3], np.arange(6)[::6], np.arange(6)[::-1],
        {(a, b) for a in range(-9, 10) for b in range(-9, 10)},
    ],
    ids=lambda v: f"{type(v).__name__} {v!r}"[:30],
)  # fmt: skip
def test_round_trip_of_corners(value):
    assert same(value, trip(value))


def test_arrays_that_came_over_are_writable_and_their_own():
    a, b = trip((np.zeros(3), np.zeros(3)))
    a[0] = 1
    t, u = trip((torch.zeros(3), torch.zeros(3)))
    t[0] = 1
    assert b[0] == 0
    assert u[0] == 0


class Sneaky(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    "value",
    [
        object(), Sneaky(3), np.array([object()]), np.zeros(2, [("a", "f4")]), np.ma.array([1.0]), lambda: 0, ValueError,
        torch.zeros(2).to_sparse(), torch.device("meta"), np.longdouble(1), memoryview(b"a"), torch.zeros(2, device="meta"),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_other_things_are_not_plain_data(value):
    with pytest.raises(WireError, match="cannot be sent as plain data"):
        write([value])


def nested(n):
    out = []
    for _ in range(n):
        out = [out]
    return out


def knot():
    a = []
    a += [a, a]
    return a


SMALL = Limits(items=1000, buffers=100_000, header=50_000, text=5_000)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (nested(60), "nested more than 50 deep"),
        (list(range(2000)), "more than 1000 items"),
        (knot(), "nested more than 50 deep|more than 1000 items"),
        (np.zeros(20_000), "too large to send"),
        ([np.zeros(6_000), np.zeros(7_000)], "too large to send"),
        (torch.zeros(30_000), "too large to send"),
        (np.zeros(1).__class__((10**9,), "S0"), "too large to send"),
        ("a" * 6_000, "more than 5000 characters"),
        (1 << 20_000, "more than 14000 bits"),
        (range(10**12), "longer than"),
        ([",[" * 120] * 400, "too large to send"),
    ],
    ids=lambda v: v if isinstance(v, str) and len(v) < 60 else type(v).__name__,
)
def test_a_value_beyond_the_limits_is_refused_before_it_is_sent(value, message):
    with pytest.raises(WireError, match=message):
        write(value, SMALL)


# Reading what nobody honest writes.

F8 = bytearray(8)
HOSTILE = {
    "empty": (b"", []),
    "not JSON": (b"\xff\xfe{", []),
    "spaces only": (b"   ", []),
    "more than one value": (b"[[],1] 2", []),
    "an object": (b'[[],{"a":1}]', []),
    "NaN token": (b"[[],NaN]", []),
    "Infinity token": (b"[[],-Infinity]", []),
    "sizes negative": (b"[[-1],1]", []),
    "sizes fractional": (b"[[1.0],1]", []),
    "sizes true": (b"[[true],1]", [bytearray(1)]),
    "sizes huge": (b"[[999999999999],1]", []),
    "no sizes": (b"[1]", []),
    "buffer unused": (b"[[8],1]", [F8]),
    "buffer missing": (b'[[],["b"]]', []),
    "buffer used twice": (b'[[8],["l",[["b"],["b"]]]]', [F8]),
    "a large inline number": (b"[[]," + b"9" * 40 + b"]", []),
    "a number of many digits": (b"[[]," + b"9" * 6000 + b"]", []),
    "hex of many digits": (b'[[],["i","0x' + b"f" * 9000 + b'"]]', []),
    "hex that is none": (b'[[],["i","0xzz"]]', []),
    "a long inline string": (b'[[],"' + b"a" * 300 + b'"]', []),
    "an escaped surrogate": (b'[[],"\\ud800"]', []),
    "text that is none": (b'[[2],["s"]]', [bytearray(b"\xff\xff")]),
    "unknown tag": (b'[[],["pickle","x"]]', []),
    "tag not text": (b"[[],[1,2]]", []),
    "empty form": (b"[[],[]]", []),
    "wrong arity": (b'[[],["l"]]', []),
    "list of no list": (b'[[],["l","ab"]]', []),
    "deep brackets": (b"[[]," + b"[" * 100_000 + b"]" * 100_000 + b"]", []),
    "deep values": (b"[[]," + b'["l",[' * 80 + b"]]" * 80 + b"]", []),
    "dictionary key twice": (b'[[],["d",["a","a"],[1,2]]]', []),
    "dictionary key 1 and true": (b'[[],["d",[1,true],[1,2]]]', []),
    "dictionary short of values": (b'[[],["d",["a","b"],[1]]]', []),
    "dictionary with list as key": (b'[[],["d",[["l",[]]],[1]]]', []),
    "set element twice": (b'[[],["set",[1,1.0]]]', []),
    "set of arrays": (b'[[8],["set",[["nd","<f8",[1]]]]]', [F8]),
    "range of no numbers": (b'[[],["r","a",2,3]]', []),
    "range step zero": (b'[[],["r",1,2,0]]', []),
    "range endless": (b'[[],["r",0,1000000000000,1]]', []),
    "range endless down": (b'[[],["r",1000000000000,0,-1]]', []),
    "float of wrong length": (b'[[],["f","00"]]', []),
    "array dtype object": (b'[[8],["nd","|O",[1]]]', [F8]),
    "array dtype structured": (b'[[8],["nd","f4,f4",[1]]]', [F8]),
    "array dtype void": (b'[[8],["nd","|V8",[1]]]', [F8]),
    "array dtype list": (b'[[8],["nd",["f8"],[1]]]', [F8]),
    "array dtype with junk": (b'[[8],["nd","<f8\\n",[1]]]', [F8]),
    "array dtype long double": (b'[[16],["nd","<f16",[1]]]', [bytearray(16)]),
    "array shape negative": (b'[[8],["nd","<f8",[-1]]]', [F8]),
    "array shape too large": (b'[[8],["nd","<f8",[2]]]', [F8]),
    "array shape giant": (b'[[8],["nd","<f8",[99999999999999999999]]]', [F8]),
    "array shape overflow": (b'[[0],["nd","<f8",[4294967296,4294967296]]]', [bytearray()]),
    "array shape giant and empty": (b'[[0],["nd","<f8",[0,4611686018427387904]]]', [bytearray()]),
    "array shape NaN": (b'[[8],["nd","<f8",[1.0]]]', [F8]),
    "array of nothing, many": (b'[[0],["nd","|S0",[1000000000]]]', [bytearray()]),
    "array of 70 dimensions": (b'[[8],["nd","<f8",[' + b",".join([b"1"] * 70) + b"]]]", [F8]),
    "array truth value 2": (b'[[1],["nd","|b1",[1]]]', [bytearray(b"\x02")]),
    "array of no characters": (b'[[4],["nd","<U1",[1]]]', [bytearray(b"\xff\xff\xff\x7f")]),
    "scalar of wrong size": (b'[[],["ns","<f8","00"]]', []),
    "scalar with blanks": (b'[[],["ns","<f8","00 00 00 00 00 "]]', []),
    "scalar of text": (b'[[],["ns","|S4","41414141"]]', []),
    "scalar truth value 7": (b'[[],["ns","|b1","07"]]', []),
    "tensor dtype unknown": (b'[[8],["T","float77",[1],false]]', [F8]),
    "tensor dtype an attribute": (b'[[8],["T","Tensor",[1],false]]', [F8]),
    "tensor shape": (b'[[8],["T","float64",[3],false]]', [F8]),
    "tensor shape empty giant": (b'[[0],["T","float64",[0,9223372036854775807],false]]', [bytearray()]),
    "tensor truth value 9": (b'[[1],["T","bool",[1],false]]', [bytearray(b"\x09")]),
    "tensor of integers with gradient": (b'[[8],["T","int64",[1],true]]', [F8]),
    "tensor gradient flag 1": (b'[[8],["T","float64",[1],1]]', [F8]),
    "size negative": (b'[[],["size",[-1]]]', []),
    "size giant": (b'[[],["size",[9223372036854775808]]]', []),
    "dtype nothing": (b'[[],["tdt","nn"]]', []),
    "numpy text of a number": (b'[[],["nstr",3]]', []),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frames_are_refused(name):
    raw, buffers = HOSTILE[name]
    with pytest.raises(WireError):
        read(raw, [bytearray(b) for b in buffers])


def test_keys_of_one_hash_are_refused_before_they_cost_time():
    same_hash = [i * (2**61 - 1) for i in range(1, 20_000)]
    raw, _ = write(same_hash)
    crowd = raw.replace(b'["l",', b'["set",', 1)
    start = time.perf_counter()
    with pytest.raises(WireError, match="same hash"):
        read(crowd, [])
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "raw",
    [
        b"[[]," + b"[" * 4_000_000,
        b"[[]," + b"[]," * 2_000_000 + b"1]",
        b"[[" + b"0," * 3_000_000 + b"0],1]",
        b"1" * 8_000_000,
    ],
    ids=["brackets", "lists", "sizes", "digits"],
)
def test_headers_that_blow_up_are_refused_cheaply(raw):
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(WireError):
        read(raw, [])
    spent, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 10
    assert peak < 2 * len(raw) + 1_000_000


SEEDS = [
    {
        "a": [1, 2.5, None, "text", b"raw"],
        (1, 2): {3, 4},
        "n": np.arange(6.0).reshape(2, 3),
        "b": np.array([True, False]),
    },
    [
        torch.ones(2, 3),
        torch.tensor([1, 2]),
        torch.Size([1, 2]),
        torch.float32,
        np.float32(2.5),
        2**80,
        float("inf"),
        1j,
    ],
    (
        range(3),
        slice(1, None),
        ...,
        "é" * 300,
        np.array(["ab", "c"]),
        np.str_("x"),
        frozenset([1]),
        bytearray(b"x"),
    ),
]


def mutate(rng, raw, buffers):
    """Change a header as bytes or as a tree, or the buffers."""
    kind = rng.choice([2, 2, 0, 1, 3])
    raw = bytearray(raw)
    if kind == 0:
        for _ in range(rng.randrange(1, 8)):
            raw[rng.randrange(len(raw))] = rng.choice(b'[]{},:"0123456789-.eEtfn\\u\x00\xff ltdsT')
    elif kind == 1:
        a, b = sorted(rng.randrange(len(raw)) for _ in range(2))
        raw = raw[:a] + (raw[a:b] * rng.randrange(4)) + raw[b:]
    elif kind == 2:
        try:
            tree = json.loads(raw)
        except ValueError:
            return bytes(raw), buffers
        if type(tree) is not list or not tree:
            return bytes(raw), buffers
        junk = [
            None,
            True,
            -1,
            0,
            2**70,
            1e308,
            "",
            "x" * 300,
            [],
            ["l"],
            ["l", [[]]],
            [["b"]],
            ["b"],
            ["nd", "<f8", [1]],
            "<f8",
            "|O",
        ]
        at = tree
        while True:
            i = rng.randrange(len(at))
            if type(at[i]) is list and at[i] and rng.random() < 0.8:
                at = at[i]
                continue
            at[i] = rng.choice(junk)
            break
        raw = bytearray(json.dumps(tree).encode())
    elif buffers:
        i = rng.randrange(len(buffers))
        buffers[i] = bytearray(rng.randbytes(rng.choice([0, 1, len(buffers[i]), len(buffers[i]) + 1])))
    return bytes(raw), buffers


@pytest.mark.parametrize("seed", range(3))
def test_fuzzed_frames_give_values_or_wire_errors_only(seed):
    rng = random.Random(seed)
    read_anyway = refused = 0
    for _ in range(4000):
        raw, buffers = write(SEEDS[seed])
        raw, buffers = mutate(rng, raw, buffers)
        if rng.random() < 0.3:
            raw, buffers = mutate(rng, raw, buffers)
        start = time.perf_counter()
        try:
            _, form = parse(raw, LIMITS)
            d = Decoder(LIMITS, buffers, arrays.READERS)
            value = d.value(form)
            d.done()
            read_anyway += 1
            assert trip(value) is not NotImplemented
        except WireError:
            refused += 1
        assert time.perf_counter() - start < 10
    assert read_anyway > 100
    assert refused > 500

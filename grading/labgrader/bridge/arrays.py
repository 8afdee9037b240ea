"""numpy arrays and scalars, torch tensors, dtypes and sizes as raw buffers, with an allow-list of types."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import torch

from .errors import WireError
from .unwire import Decoder, Reader, arity
from .wire import Buffer, Encoder, Foreign

MAX_DIMS = 32
_NP_DTYPE = re.compile(
    r"[<>|](b1|[iu][1248]|f[248]|c(8|16)|[SU]\d{1,7}|[mM]8(\[\d{0,6}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)"
)
_TORCH_NAMES = (
    "bool float16 bfloat16 float32 float64 complex64 complex128",
    "uint8 uint16 uint32 uint64 int8 int16 int32 int64",
)
TORCH_DTYPES: dict[str, torch.dtype] = {
    n: getattr(torch, n) for n in " ".join(_TORCH_NAMES).split() if hasattr(torch, n)
}
_TORCH_CODES = {d: n for n, d in TORCH_DTYPES.items()}
_NP_KINDS = (*"?bhilqBHILQefdFD", "M8", "m8", "S1", "U1")
_NP_SCALARS = (
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.longlong,
    np.uint8, np.uint16, np.uint32, np.uint64, np.ulonglong,
    np.float16, np.float32, np.float64, np.complex64, np.complex128, np.datetime64, np.timedelta64,
)  # fmt: skip


def array_form(e: Encoder, x: np.ndarray[Any, Any]) -> Any:
    """Return the form of an array of exactly the base class."""
    code = x.dtype.str
    if not _NP_DTYPE.fullmatch(code) or x.ndim > MAX_DIMS:
        return e.foreign(e, x)
    if x.nbytes > e.limits.buffers or x.size > e.limits.buffers:
        raise WireError(f"The array is too large to send (more than {e.limits.buffers >> 20} MiB).")
    flat = np.ascontiguousarray(x)
    e.put(flat.reshape(-1).view(np.uint8).data if flat.nbytes else b"")
    return ["nd", code, list(x.shape)]


def scalar_form(e: Encoder, x: Any) -> Any:
    """Return the form of a numpy scalar."""
    code = x.dtype.str
    if not _NP_DTYPE.fullmatch(code):
        return e.foreign(e, x)
    return ["ns", code, x.tobytes().hex()]


def tensor_parts(e: Encoder, x: torch.Tensor) -> list[Any]:
    """Return dtype name and shape of a strided CPU tensor and put its bytes."""
    if x.numel() * x.element_size() > e.limits.buffers or x.dim() > MAX_DIMS:
        raise WireError(f"The tensor is too large to send (more than {e.limits.buffers >> 20} MiB).")
    with torch.no_grad():
        flat = x.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        if flat.stride(0) != 1:
            flat = flat.clone(memory_format=torch.contiguous_format)
        e.put(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return [_TORCH_CODES[x.dtype], list(x.shape)]


def sendable(x: torch.Tensor) -> bool:
    """Tell whether a tensor's values can be copied: strided, on the CPU, of a listed dtype."""
    return (
        x.device.type == "cpu"
        and x.layout is torch.strided
        and x.dtype in _TORCH_CODES
        and not x.is_quantized
    )


def tensor_form(e: Encoder, x: torch.Tensor) -> Any:
    """Return the form of a plain tensor; one that requires a gradient keeps only that flag."""
    if not sendable(x):
        return e.foreign(e, x)
    return ["T", *tensor_parts(e, x), x.requires_grad]


def _shape(d: Decoder, dims: Any, itemsize: int, nbytes: int) -> list[int]:
    if type(dims) is not list or len(dims) > MAX_DIMS or not all(type(n) is int and n >= 0 for n in dims):
        raise WireError("A shape has the wrong form.")
    if math.prod(n or 1 for n in dims) > d.limits.buffers or math.prod(dims) * itemsize != nbytes:
        raise WireError("A shape does not fit its data.")
    return dims


def _np_dtype(code: Any) -> np.dtype[Any]:
    if type(code) is not str or not _NP_DTYPE.fullmatch(code):
        raise WireError("An array has a dtype that is not allowed.")
    try:
        return np.dtype(code)
    except (TypeError, ValueError) as error:
        raise WireError("An array has a dtype that is not allowed.") from error


def _np_values(raw: Buffer, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return the flat values; bytes that are no value of the dtype are refused."""
    if dtype.kind == "b" and raw and np.frombuffer(raw, np.uint8).max() > 1:
        raise WireError("A truth value is neither 0 nor 1.")
    flat = np.frombuffer(raw, dtype=dtype)
    if dtype.kind == "U" and raw:
        points = np.frombuffer(raw, dtype=dtype.byteorder.replace("=", "<").replace("|", "<") + "u4")
        if points.max() > 0x10FFFF:
            raise WireError("A text array holds something that is no character.")
    return flat


def _array(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 3)
    dtype, raw = _np_dtype(j[1]), d.take()
    shape = _shape(d, j[2], dtype.itemsize, len(raw))
    if not raw:
        return np.zeros(shape, dtype)
    return _np_values(raw, dtype).reshape(shape)


def _scalar(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 3)
    dtype = _np_dtype(j[1])
    if dtype.kind in "SU" or type(j[2]) is not str or len(j[2]) != 2 * dtype.itemsize:
        raise WireError("A numpy scalar has the wrong form.")
    try:
        raw = bytes.fromhex(j[2])
    except ValueError as error:
        raise WireError("A numpy scalar has the wrong form.") from error
    if len(raw) != dtype.itemsize:
        raise WireError("A numpy scalar has the wrong form.")
    return _np_values(raw, dtype)[0]


def read_tensor(d: Decoder, name: Any, dims: Any) -> torch.Tensor:
    """Return a tensor of a named dtype and shape from the next buffer."""
    dtype = TORCH_DTYPES.get(name) if type(name) is str else None
    if dtype is None:
        raise WireError("A tensor has a dtype that is not allowed.")
    raw = d.take()
    shape = _shape(d, dims, dtype.itemsize, len(raw))
    if not raw:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool and np.frombuffer(raw, np.uint8).max() > 1:
        raise WireError("A truth value is neither 0 nor 1.")
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)


def _tensor(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 4)
    made = read_tensor(d, j[1], j[2])
    if type(j[3]) is not bool or (j[3] and not (made.is_floating_point() or made.is_complex())):
        raise WireError("A tensor of whole numbers cannot require a gradient.")
    return made.requires_grad_(j[3])


def _np_text(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    inner = d.value(j[1], depth)
    if type(inner) is str:
        return np.str_(inner)
    if type(inner) is bytes:
        return np.bytes_(inner)
    raise WireError("A numpy text has the wrong form.")


def _size(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    dims = j[1]
    if type(dims) is not list or len(dims) > 64 or not all(type(n) is int and 0 <= n < 1 << 62 for n in dims):
        raise WireError("A size has the wrong form.")
    return torch.Size(dims)


def _tdtype(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    if type(j[1]) is not str or j[1] not in TORCH_DTYPES:
        raise WireError("A torch dtype is not allowed.")
    return TORCH_DTYPES[j[1]]


def _cpu(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 1)
    return torch.device("cpu")


def _npdtype(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    return _np_dtype(j[1])


def _npdtype_form(e: Encoder, x: np.dtype[Any]) -> Any:
    return ["npdt", x.str] if _NP_DTYPE.fullmatch(x.str) else e.foreign(e, x)


def writers() -> dict[type, Foreign]:
    """Return the writers of array types, for an Encoder."""
    table: dict[type, Foreign] = dict.fromkeys(_NP_SCALARS, scalar_form)
    table |= {type(np.dtype(c)): _npdtype_form for c in _NP_KINDS}
    table |= {
        np.ndarray: array_form,
        np.str_: lambda e, x: ["nstr", e.value(str.__str__(x))],
        np.bytes_: lambda e, x: ["nstr", e.value(bytes.join(b"", [x, b""]))],
        torch.Tensor: tensor_form,
        torch.Size: lambda e, x: ["size", list(x)],
        torch.dtype: lambda e, x: ["tdt", _TORCH_CODES[x]] if x in _TORCH_CODES else e.foreign(e, x),
        torch.device: lambda e, x: ["cpu"] if str(x) == "cpu" else e.foreign(e, x),
    }
    return table


READERS: dict[str, Reader] = {
    "nd": _array, "ns": _scalar, "nstr": _np_text, "npdt": _npdtype,
    "T": _tensor, "size": _size, "tdt": _tdtype, "cpu": _cpu,
}  # fmt: skip

"""A function that a test lends to the student's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch._C._functorch import is_functorch_wrapped_tensor

if TYPE_CHECKING:
    from .peer import Peer


class Borrowed:
    """A function of the test, as the student's code sees it."""

    __slots__ = ("__dict__", "__name__", "__qualname__", "__weakref__", "_number", "_peer")
    __module__ = "__main__"

    def __init__(self, peer: Peer, number: int, name: str) -> None:
        self._peer = peer
        self._number = number
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the trusted process."""
        if any(
            isinstance(x, torch.Tensor) and is_functorch_wrapped_tensor(x) for x in (*args, *kwargs.values())
        ):
            raise TypeError(
                "A function of the test cannot be called inside torch.func or vmap: "
                "call it with plain tensors, in a loop, and use autograd for gradients."
            )
        return self._peer.request("call", self, args, kwargs)

    def __deepcopy__(self, memo: Any) -> Borrowed:
        return self  # a list of functions can be copied, to see later whether it was changed

    def __repr__(self) -> str:
        return f"<function {self.__name__} of the test>"

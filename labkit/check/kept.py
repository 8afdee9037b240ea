"""What a call has to leave of a network as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check.calling import UnusableError

MODE = "a network of which parts were switched between training and evaluation mode and not put back"
FROZEN = "a network whose parameters were frozen or set free (requires_grad) and not put back"
IN_PLACE = "a network whose ReLUs were switched between inplace=True and False and not put back"


def state_of(net: Any) -> dict[str, list[bool]]:
    """Read what must not change, by the words for the case that it did."""
    parts = list(net.modules())
    return {
        MODE: [bool(part.training) for part in parts],
        FROZEN: [bool(p.requires_grad) for p in net.parameters()],
        IN_PLACE: [bool(getattr(part, "inplace", False)) for part in parts],
    }


def keeping(net: Any, call: Callable[[], Any]) -> Any:
    """Call, and give what comes back.

    Raises:
        UnusableError: the network is not as before.
    """
    before = state_of(net)
    value = call()
    after = state_of(net)
    for what, was in before.items():
        if after[what] != was:
            raise UnusableError(what)
    return value

"""The bounds that both ends of the bridge keep; the trusted end relies only on its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one peer may send, nest, hold and print.

    Args:
        header: bytes of one message's JSON header.
        buffers: bytes of all raw buffers of one message (arrays, tensors, long strings).
        items: values in one message, containers counted too.
        depth: nesting of containers.
        int_bits: bits of one whole number (14,000 bits still print as decimal digits).
        text: characters of one string.
        messages: messages received while one test or cell runs.
        nesting: calls open inside each other, both ways counted.
        handles: student objects held at once.
        iterate: values taken from one student iterator.
        outputs: outputs kept from one cell.
        output_bytes: characters of all outputs of one cell.
        image_bytes: characters of one output of a cell (an image in base64).
        stdout: characters kept of what a test prints.
        start: seconds given to the student's process to start.
        grace: seconds given to the student's side to stop after an interrupt.

    Example:
        >>> Limits(depth=10).depth
        10
    """

    header: int = 8 << 20
    buffers: int = 64 << 20
    items: int = 500_000
    depth: int = 50
    int_bits: int = 14_000
    text: int = 8 << 20
    messages: int = 200_000
    nesting: int = 20
    handles: int = 50_000
    iterate: int = 1_000_000
    outputs: int = 200
    output_bytes: int = 4 << 20
    image_bytes: int = 4 << 20
    stdout: int = 100_000
    start: float = 60.0
    grace: float = 2.0

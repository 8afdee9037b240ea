"""Answers of a network to all test pictures as a short text, and how many of them are right.

The text fits into a notebook's cell: the grader scores a trained network without training it again. It says
which data it is about. Nine answers (0 to 9) make one number below 10^9, written as five signs.
"""

from __future__ import annotations

import re
import string
import zlib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from labkit import standin

SIGNS = string.ascii_letters + string.digits + "-_"
GROUP, LETTERS, LINE = 9, 5, 80
DATA = {"CIFAR-10": 10_000, "stand-in": 2_000}
TIERS = {
    "CIFAR-10": (0.40, 0.55, 0.65, 0.72, 0.77, 0.80),
    "stand-in": (0.20, 0.35, 0.55, 0.75, 0.85, 0.93),
}
"""Accuracies to reach: each of them earns the same share of the points."""
Numbers = NDArray[np.int64]


class PredictionsError(ValueError):
    """A text that holds no predictions; the message says why in one sentence."""


@dataclass(frozen=True)
class Predictions:
    """The answers, 0 to 9, and the name of the data that they belong to."""

    data: str
    answers: Numbers


def pack(answers: object, data: str) -> str:
    """Write answers as text, in lines of 80 signs.

    Args:
        answers: one class (0 to 9) for each test picture, in their order: a list, array or tensor.
        data: "CIFAR-10" or "stand-in".

    Raises:
        PredictionsError: when there are not as many answers as pictures, or one of them is no class.

    >>> pack([0, 1] * 1000, "stand-in").split()[:3]
    ['labkit-predictions', 'stand-in', '2000']
    """
    if data not in DATA:
        raise PredictionsError(f"data is {data!r}; expected {' or '.join(DATA)}")
    values = np.asarray(answers)
    if values.shape != (DATA[data],):
        raise PredictionsError(
            f"there are answers of shape {values.shape}; {data} has {DATA[data]} test pictures"
        )
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 9:
        raise PredictionsError("answers are whole numbers from 0 to 9")
    padded = np.zeros(-(-len(values) // GROUP) * GROUP, dtype=np.int64)
    padded[: len(values)] = values
    numbers = padded.reshape(-1, GROUP) @ 10 ** np.arange(GROUP)
    letters = numbers[:, None] // 64 ** np.arange(LETTERS) % 64
    text = "".join(SIGNS[i] for i in letters.flatten().tolist())
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return "\n".join([f"labkit-predictions {data} {len(values)} {_sum(values)}", *lines])


def unpack(text: object) -> Predictions:
    """Read what `pack` wrote; blanks, line ends and what stands before it do not count.

    Raises:
        PredictionsError: when the text is none, is damaged, or was cut.
    """
    if text is None:
        raise PredictionsError("nothing came back: put the text behind return, between quotation marks")
    if type(text) is not str:
        raise PredictionsError(f"expected the text that labkit printed, got {type(text).__name__}")
    if len(text) > 100_000:
        raise PredictionsError("the text is far too long for predictions")
    found = re.search(r"labkit-predictions\s+(\S+)\s+(\d{1,6})\s+([0-9a-f]{8})\s+(.*)", text, re.DOTALL)
    if found is None:
        raise PredictionsError("the text has no line that begins with labkit-predictions: copy that one, too")
    data, count, check = found[1], int(found[2]), found[3]
    body = "".join(found[4].split())
    if data not in DATA or count != DATA[data]:
        raise PredictionsError(f"the text is about {count} pictures of {data}, which labkit does not know")
    groups = -(-count // GROUP)
    if len(body) != groups * LETTERS:
        raise PredictionsError(
            f"the text has {len(body)} signs and should have {groups * LETTERS}: "
            f"copy all lines{' once, and nothing behind them' if len(body) > groups * LETTERS else ''}"
        )
    places = {sign: i for i, sign in enumerate(SIGNS)}
    if not set(body) <= set(places):
        raise PredictionsError("the text has signs that labkit does not write")
    letters = np.array([places[sign] for sign in body], dtype=np.int64).reshape(-1, LETTERS)
    numbers = letters @ 64 ** np.arange(LETTERS)
    values = (numbers[:, None] // 10 ** np.arange(GROUP) % 10).flatten()[:count]
    if _sum(values) != check:
        raise PredictionsError("the text was changed on its way: copy it once more")
    return Predictions(data, values)


def _sum(values: Numbers) -> str:
    return f"{zlib.crc32(values.astype(np.uint8).tobytes()):08x}"


def truth(data: str) -> Numbers:
    """Return the true classes of the test pictures: labkit brings them, so that no download is needed."""
    if data == "stand-in":
        return standin.labels(DATA[data], 1)
    path = files("labkit") / "weights" / "cifar10_test_labels.txt"
    return unpack(path.read_text("ascii")).answers


def accuracy(predictions: Predictions) -> float:
    """Return the share of right answers."""
    return float((predictions.answers == truth(predictions.data)).mean())

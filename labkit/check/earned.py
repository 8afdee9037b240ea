"""What a check gives back: a fraction of the points, with its reasons."""

from __future__ import annotations

from collections.abc import Sequence


class Earned(float):
    """The share of an exercise's points that a check found earned, a number from 0 to 1.

    Args:
        passed: How many cases passed.
        total: How many cases there were, at least 1.
        reasons: One sentence for each likely cause and each case that did not pass.
        causes: The named mistakes that explain the failing cases, where one was found.

    Raises:
        ValueError: `passed` is not between 0 and `total`.

    Example:
        >>> 3 * Earned(2, 3), Earned(2, 3).passed
        (2.0, 2)
    """

    passed: int
    total: int
    reasons: tuple[str, ...]
    causes: tuple[str, ...]

    def __new__(
        cls, passed: int, total: int, reasons: Sequence[str] = (), causes: Sequence[str] = ()
    ) -> Earned:
        """Hold `passed / total` as a float."""
        if total < 1 or not 0 <= passed <= total:
            raise ValueError(f"Earned: got {passed} of {total} cases, expected 0 <= passed <= total.")
        self = super().__new__(cls, passed / total)
        self.passed, self.total = passed, total
        self.reasons, self.causes = tuple(reasons), tuple(causes)
        return self

    def __getnewargs__(self) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:  # type: ignore[override]
        return self.passed, self.total, self.reasons, self.causes

    def __mul__(self, points: float) -> float:
        """Give the points earned, as a plain float rounded to two places."""
        return round(float(self) * float(points), 2)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Earned({self.passed} of {self.total})"

"""The one error of the hand-in."""

from __future__ import annotations


class HandinError(Exception):
    """The pair could not be made: what is wrong and what to do."""

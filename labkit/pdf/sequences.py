"""Emoji of several characters, which no font here has as one picture: the parts are drawn, and it is said."""

from __future__ import annotations

import re

_SKINS = "\U0001f3fb-\U0001f3ff"
_PICTURE = (
    f"[\u203c-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001f3fa\U0001f400-\U0001faff]\ufe0f?[{_SKINS}]?"
)
_SKIN = re.compile(f"(?<=[\u261d-\u27bf\U0001f300-\U0001faff])\ufe0f?[{_SKINS}]")
_JOINED = re.compile(f"{_PICTURE}(?:\u200d{_PICTURE})+")
_KEY = re.compile("([0-9#*])\ufe0f?\u20e3")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_TAGS = re.compile("[\U000e0020-\U000e007f]+")  # letters that do not show; England's flag is named by such
_NAMED = 8


def in_parts(source: str) -> tuple[str, str]:
    """Return Typst source with emoji of several characters in parts, and the sentence that says so, or "".

    Example:
        >>> in_parts('"1\\ufe0f\\u20e3 🇹🇼"')
        ('"[1] TW"', 'emoji that no font here draws in one piece: keys as [1]; flags as letters (TW)')
    """
    if source.isascii():
        return source, ""
    said = []
    joined = dict.fromkeys("+".join(_SKIN.sub("", one).split("\u200d")) for one in _JOINED.findall(source))
    if joined:
        said.append(f"joined ones side by side ({_named(joined)})")
    source = _JOINED.sub(lambda match: match[0].replace("\u200d", ""), source)
    source, skins = _SKIN.subn("", source)
    source, keys = _KEY.subn(r"[\1]", source)
    flags = dict.fromkeys(_letters(found) for found in [*_FLAG.findall(source), *_TAGS.findall(source)])
    source = _TAGS.sub(lambda m: f"[{_letters(m[0])}]", _FLAG.sub(lambda m: _letters(m[0]), source))
    said += ["keys as [1]"] if keys else []
    said += [f"flags as letters ({_named(flags)})"] if flags else []
    said += ["colours of skin left out"] if skins else []
    return source, f"emoji that no font here draws in one piece: {'; '.join(said)}" if said else ""


def _named(parts: dict[str, None]) -> str:
    more = len(parts) - _NAMED
    return ", ".join([*list(parts)[:_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _letters(text: str) -> str:
    """Return the letters and digits that regional indicators or tags stand for, "_" for other tags."""
    codes = [ord(char) for char in text if char != "\U000e007f"]  # that one ends the tags
    letters = [chr(code - 0x1F1E6 + 65 if code < 0x20000 else code - 0xE0000) for code in codes]
    return "".join(letter if letter.isalnum() else "_" for letter in letters)

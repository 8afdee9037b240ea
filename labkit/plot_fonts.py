"""Chinese, Japanese and Korean letters in figures: matplotlib's own font draws boxes in their place."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from functools import cache
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

LETTERS = re.compile(
    "[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_KANA, _HANGUL = re.compile("[\u3040-\u30ff]"), re.compile("[\u1100-\u11ff\uac00-\ud7ff]")


def mend(fig: Figure) -> None:
    """Give those texts of a figure that have such letters a second font, where one is installed.

    The font is the one of the PDF (noto-cjk-sans-otc). It is looked for only when a letter needs it.
    """
    texts = [text for text in fig.findobj(Text) if isinstance(text, Text) and LETTERS.search(text.get_text())]
    said = "".join(text.get_text() for text in texts)
    region = "JP" if _KANA.search(said) else "KR" if _HANGUL.search(said) else "SC"
    found = families() if texts else ()
    names = [name for name in (f"Noto Sans CJK {region}", "Noto Sans CJK JP") if name in found]
    for text in texts:
        text.set_fontfamily([*text.get_fontfamily(), *names[:1]])


@cache
def families() -> frozenset[str]:
    """Tell matplotlib of the installed font, and return its families: one for each region's shapes.

    Before matplotlib 3.11 only the first of them, the Japanese, can be had.
    """
    spec = importlib.util.find_spec("noto_cjk_sans_otc")
    if spec is None or spec.origin is None:
        return frozenset()
    from matplotlib.font_manager import fontManager

    known = len(fontManager.ttflist)
    for path in Path(spec.origin).parent.glob("*.ttc"):
        fontManager.addfont(path)
    added = fontManager.ttflist[known:]
    # There is one weight only; a bold title takes it without a warning.
    fontManager.ttflist += [dataclasses.replace(entry, weight=700) for entry in added]
    return frozenset(entry.name for entry in added)

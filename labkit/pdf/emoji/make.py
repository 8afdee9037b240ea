"""How the emoji font of this folder was made from Noto Color Emoji (OFL 1.1).

    python -m labkit.pdf.emoji.make NotoColorEmoji.ttf

One glyph a character, pictures at half size in 64 colours: 1.8 MB of the 11 MB; at the size of text they are
still printed with 370 dots per inch. Needs fontTools, which matplotlib brings.
"""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path

NAME = "Labkit Emoji"


def wanted(code: int) -> bool:
    """Say whether a character is an emoji by itself: shown in colour unless told otherwise.

    Example:
        >>> wanted(0x1F389), wanted(ord("☑")), wanted(ord("1"))
        (True, False, False)
    """
    if code > 0x1F000:
        return not 0x1F1E6 <= code <= 0x1F1FF and code < 0x20000
    return code > 0x2000 and unicodedata.east_asian_width(chr(code)) == "W"


def make(source: Path, target: Path) -> int:
    """Write the small font and return how many characters it has."""
    from fontTools import subset  # type: ignore[import-untyped]
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
    from PIL import Image

    font = TTFont(source, recalcTimestamp=False)
    codes = sorted(filter(wanted, font.getBestCmap()))
    options = subset.Options(layout_features=[], glyph_names=False, hinting=False, notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "DSIG"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    for glyph in font["CBDT"].strikeData[0].values():
        image = Image.open(io.BytesIO(glyph.imageData)).convert("RGBA")
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        image = image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        packed = io.BytesIO()
        image.save(packed, "PNG", optimize=True)
        glyph.imageData = packed.getvalue()
        glyph.metrics.height, glyph.metrics.width = image.height, image.width
        for key in ("BearingX", "BearingY", "Advance"):
            setattr(glyph.metrics, key, getattr(glyph.metrics, key) // 2)
    for strike in font["CBLC"].strikes:
        size = strike.bitmapSizeTable
        size.ppemX = size.ppemY = (size.ppemX + 1) // 2
        for line in (size.hori, size.vert):
            for key in ("ascender", "descender", "widthMax"):
                setattr(line, key, getattr(line, key) // 2)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6):
            record.string = NAME if record.nameID != 6 else NAME.replace(" ", "")
    font.save(target)
    return len(codes)


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), Path(__file__).with_name("LabkitEmoji.ttf")))

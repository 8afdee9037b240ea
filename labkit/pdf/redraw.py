"""Pictures that Word cannot read, drawn anew."""

from __future__ import annotations

from pathlib import Path

from labkit.pdf.errors import PanicError, PictureError


def redrawn(path: Path) -> Path:
    """Return a picture as PNG, drawn by Typst."""
    import typst

    from labkit.pdf.fonts import find_fonts
    from labkit.pdf.guard import guarded

    source = f'#set page(width: auto, height: auto, margin: 0pt)\n#image("/{path.name}")'
    try:
        with guarded():
            made = typst.Compiler(root=str(path.parent), font_paths=find_fonts().handle).compile(
                source.encode(), format="png", ppi=144
            )
    except (typst.TypstError, PanicError):
        raise PictureError("it cannot be drawn") from None
    target = path.with_suffix(".drawn.png")
    assert isinstance(made, bytes)  # of one page
    target.write_bytes(made)
    return target

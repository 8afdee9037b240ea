"""Typst source to PDF: archivable and accessible where possible, and the same bytes for the same notebook."""

from __future__ import annotations

import importlib.resources
import re
import tempfile
from pathlib import Path
from typing import Any

import typst

from labkit.pdf.document import Document, build
from labkit.pdf.errors import ROOM, PanicError, PdfError
from labkit.pdf.fitting import fit
from labkit.pdf.fonts import (
    CJK,
    FontSet,
    find_fonts,
    in_words,
    joining,
    missing_glyphs,
    substitute,
    undrawable,
)
from labkit.pdf.guard import guarded
from labkit.pdf.html import MAX_DEPTH
from labkit.pdf.mend import without_bad_parts
from labkit.pdf.notebook import Notebook
from labkit.pdf.options import USUAL, Options
from labkit.pdf.pair import Stamp, stamp
from labkit.pdf.source import files_of, source_of
from labkit.pdf.typ import array, clean, lit

_NONE_BROKEN = "#let broken = (:)"
MAX_LETTERS = 8_000  # different ones in a document
_DEPTHS = (MAX_DEPTH, 12, 4)  # the compiler has a limit of its own; what is flatter still has all its text
TIMESTAMP = 946684800  # 2000-01-01: the same notebook gives the same bytes, whenever it is printed
_STANDARDS: tuple[list[Any], ...] = (["a-3a", "ua-1"], ["ua-1"], ["a-3b"], [])


def make_pdf(
    notebook: Notebook,
    raw: bytes,
    *,
    name: str,
    root: Path | None = None,
    extra: dict[str, bytes] | None = None,
    options: Options = USUAL,
) -> tuple[bytes, list[str]]:
    """Return the PDF of a notebook and what could not be shown as it is.

    Args:
        notebook: what the pages show.
        raw: bytes of the .ipynb file, attached to the PDF as they are.
        name: file name of the notebook, in the footer and as the attachment's name.
        root: folder of the notebook; pictures are read from it or below. None: no files.
        extra: pictures that stand in for files of that folder, by relative path.
        options: how the pages look.

    Raises:
        PdfError: Typst could not compile the document, or a disk is full.
    """
    name = _plain_name(name)
    try:
        for depth in _DEPTHS:
            try:
                return _make_pdf(notebook, raw, name, root, extra or {}, options, depth)
            except PdfError as error:
                if "depth exceeded" not in str(error) or depth == _DEPTHS[-1]:
                    raise
        raise AssertionError("unreachable")
    except OSError as error:
        raise PdfError(
            f"The PDF cannot be made: {error.strerror or error} in the folder for temporary files; {ROOM}"
        ) from None


def _make_pdf(
    notebook: Notebook,
    raw: bytes,
    name: str,
    root: Path | None,
    extra: dict[str, bytes],
    options: Options,
    depth: int,
) -> tuple[bytes, list[str]]:
    with tempfile.TemporaryDirectory(prefix="labkit-pdf-") as folder:
        store = Path(folder)
        fonts = find_fonts()
        document = build(
            notebook, name=name, store=store, root=root, extra=extra, options=options, depth=depth
        )
        _lay_out(store, document, raw, name)
        source = _main(document, stamp(raw, notebook, options), name, fonts)
        fit(source, store, fonts)
        try:
            return _compile(source, store, fonts, document.warnings), document.warnings
        except PdfError as error:
            if "depth exceeded" in str(error) and depth != _DEPTHS[-1]:
                raise
            rest = without_bad_parts(_without_broken(source, store, fonts), store, fonts)
            if rest is None:
                raise
            document.warnings.append("a part of the notebook could not be set and is left out of the pages")
            return _compile(rest, store, fonts, document.warnings), document.warnings


def _plain_name(name: str) -> str:
    """Return a file name that a PDF may give to an attachment."""
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f]', "_", clean(Path(name).name)).strip()[-120:]
    return plain if plain.endswith(".ipynb") else f"{plain or 'notebook'}.ipynb"


def _template() -> str:
    return importlib.resources.files("labkit.pdf").joinpath("template.typ").read_text(encoding="utf-8")


def _lay_out(store: Path, document: Document, raw: bytes, name: str) -> None:
    """Put the files that the main source reads into the folder."""
    (store / "files.typ").write_text(files_of(document, name=name), encoding="utf-8")
    (store / "template.typ").write_text(_template(), encoding="utf-8")
    (store / "notebook.ipynb").write_bytes(raw)
    for i, data in enumerate(document.pictures.used.values()):
        (store / f"asset{i}").write_bytes(data)


def _main(document: Document, mark: Stamp, name: str, fonts: FontSet) -> str:
    """Return the main source: formulas tried, missing letters named in words."""
    region = document.region
    formulas, failed = document.formulas.definitions(_template(), fonts.handle)
    if failed:
        document.warnings.append(
            f"{failed} formula{'s' if failed > 1 else ''} could not be set and stand as LaTeX source"
        )
    families = {"text": fonts.text(region), "mono": fonts.mono(region), "math": fonts.math(region)}
    record = ", ".join(f"{key}: {array(map(lit, names))}" for key, names in families.items())
    definitions = f"{formulas}#let fonts = ({record})\n{_NONE_BROKEN}"
    source = source_of(document, mark, name=name, definitions=definitions)
    if CJK.search(source) and not any("CJK" in family for family in families["text"]):
        document.warnings.append(
            "no font with Chinese, Japanese and Korean letters; run: pip install noto-cjk-sans-otc"
        )
    drawn = set(source) | {
        chr(int(code, 16)) for code in re.findall(r"(?<!\\)\\u\{([0-9a-f]{1,6})\}", source)
    }
    known, rest = _split_off(drawn)
    missing = missing_glyphs(known, families["text"], fonts) | rest
    unnamed = {char for char in missing if len(in_words(char)) > 1}
    if unnamed:
        several = "characters that no font has are" if len(unnamed) > 1 else "character that no font has is"
        document.warnings.append(f"{len(unnamed)} {several} named in words")
    return substitute(source, missing)


def _without_broken(source: str, store: Path, fonts: FontSet) -> str:
    """Return the source with the pictures marked that the compiler cannot decode."""
    names = sorted(file.name for file in store.iterdir() if re.fullmatch(r"[0-9a-f]{20}\.\w+", file.name))
    pairs = "".join(f"{lit(path)}: {lit(why)}, " for path, why in _broken(names, store, fonts).items())
    return source.replace(_NONE_BROKEN, f"#let broken = ({pairs or ':'})", 1)


def _split_off(chars: set[str]) -> tuple[set[str], set[str]]:
    """Return at most `MAX_LETTERS` characters, and those beyond, which are named in words untried."""
    ordered = sorted(chars)
    return set(ordered[:MAX_LETTERS]), set(ordered[MAX_LETTERS:])


def _broken(names: list[str], store: Path, fonts: FontSet) -> dict[str, str]:
    """Return the pictures that the compiler cannot decode, found by halving."""
    if _pictures_compile(names, store, fonts):
        return {}
    middle = len(names) // 2 or 1
    halves = (names[:middle], names[middle:])
    if len(names) > 1:
        return {k: v for half in halves for k, v in _broken(half, store, fonts).items()}
    return {f"/{names[0]}": "it cannot be decoded"}


def _pictures_compile(names: list[str], store: Path, fonts: FontSet) -> bool:
    if not names:
        return True
    source = "\n".join(f"#image({lit('/' + name)}, width: 1cm)" for name in names)
    try:
        with guarded():
            typst.Compiler(root=str(store), font_paths=fonts.handle).compile(
                source.encode(), format="pdf", timestamp=0
            )
    except (typst.TypstError, PanicError):
        return False
    return True


def _compile(source: str, store: Path, fonts: FontSet, warnings: list[str]) -> bytes:
    """Compile, first to the strictest standards, then to plain PDF."""
    main = store / "main.typ"  # a file, not bytes: what was laid out by its name already is not laid out anew
    complaint, looked = "", False
    for standards in _STANDARDS:
        for _attempt in range(3):
            try:
                main.write_text(source, encoding="utf-8")
                with guarded():
                    pdf, said = typst.Compiler(
                        str(main), root=str(store), font_paths=fonts.handle
                    ).compile_with_warnings(format="pdf", pdf_standards=standards, timestamp=TIMESTAMP)
            except PanicError as error:
                complaint = f"the compiler has a fault ({error})"
                plain = substitute(source, joining(source))
                if plain == source:
                    break
                source = plain
                warnings.append("letters that join or run from right to left are given by name or number")
            except typst.TypstError as error:
                complaint = complaint or " ".join(str(error).split())[:300]
                missing = undrawable(error)
                if missing:
                    source = substitute(source, missing)
                elif not looked:
                    looked, source = True, _without_broken(source, store, fonts)
                else:
                    break
            else:
                if standards != _STANDARDS[0]:
                    kind = " ".join(standards).upper() or "plain PDF"
                    warnings.append(f"made as {kind}, not as PDF/A-3a and PDF/UA-1: {complaint}")
                warnings.extend(sorted({f"the compiler says: {warning.message}" for warning in said}))
                assert isinstance(pdf, bytes)
                return pdf
    raise PdfError(f"The PDF could not be made: {complaint}; please report it with the notebook.")

"""Archives that nobody vouches for: what is sound comes out, the rest is named with its reason."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labgrader.archives import Budget, Extracted, Limits, extract
from labgrader.names import folded, is_clutter, path_fault, shown, student_fault

Make = Callable[[zipfile.ZipFile], None]
MIB = 1 << 20


def zip_of(*members: tuple[str, bytes], packed: bool = True) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 9, 30, 0)), content, archive.compression)
    return data.getvalue()


def tar_of(*members: tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for info, content in members:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            info.size = len(content)
            info.mtime = 1_790_000_000
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def unpack(data: bytes, folder: Path, **options: object) -> Extracted:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.zip").write_bytes(data)
    return extract(folder / "a.zip", folder / "out", **options)  # type: ignore[arg-type]


def names(result: Extracted) -> list[str]:
    return [member.name for member in result.files]


def reasons(result: Extracted) -> str:
    return "\n".join(str(refused) for refused in result.refused)


def on_disk(folder: Path) -> list[Path]:
    return [Path(here) / name for here, _, files in os.walk(folder) for name in files]


def with_mode(name: str, mode: int, content: bytes = b"x") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)
        archive.writestr("sound.txt", b"sound")
    return data.getvalue()


# sound archives


def test_zip_gives_files_sizes_and_times(tmp_path: Path) -> None:
    result = unpack(zip_of(("amy/a.ipynb", b"{}"), ("amy/", b""), ("amy/a.pdf", b"%PDF" * 1000)), tmp_path)
    assert [(member.name, member.size) for member in result.files] == [
        ("amy/a.ipynb", 2),
        ("amy/a.pdf", 4000),
    ]
    assert result.refused == ()
    assert result.files[0].path.read_bytes() == b"{}"
    assert result.files[0].when == datetime(2026, 11, 20, 9, 30).astimezone(UTC)


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["tar", "tar.gz"])
def test_tar_gives_files_and_times(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    result = unpack(pack(tar_of(("amy/a.ipynb", b"{}"), ("amy/a.pdf", b"%PDF"))), tmp_path)
    assert names(result) == ["amy/a.ipynb", "amy/a.pdf"]
    assert result.refused == ()
    assert result.files[1].path.read_bytes() == b"%PDF"
    assert result.files[1].when == datetime.fromtimestamp(1_790_000_000, UTC)


def test_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    result = unpack(zip_of(("a.ipynb", b"{}"), ("__MACOSX/._a.ipynb", b"x"), (".DS_Store", b"x")), tmp_path)
    assert names(result) == ["a.ipynb"]
    assert result.refused == ()


def test_names_from_macos_are_read_as_utf8(tmp_path: Path) -> None:
    name = "01_convolution_李明.ipynb"
    data = zip_of((name, b"{}"))
    plain = data.replace(struct.pack("<H", 0x800), struct.pack("<H", 0))
    assert plain != data
    result = unpack(plain, tmp_path)
    assert names(result) == [name]


def test_extended_time_is_utc(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.ipynb", (2026, 1, 1, 0, 0, 0))
    info.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_790_000_000)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(info, b"{}")
    assert unpack(data.getvalue(), tmp_path).files[0].when == datetime.fromtimestamp(1_790_000_000, UTC)


# hostile names

BAD_NAMES = {
    "/etc/passwd": "an absolute path",
    "//server/share": "an absolute path",
    "../up": "a path with an empty, . or .. part ('..')",
    "a/../../up": "a path with an empty, . or .. part ('..')",
    "a//b": "a path with an empty, . or .. part ('')",
    "./a": "a path with an empty, . or .. part ('.')",
    "C:/windows": "a drive letter in its path",
    "c:up": "a drive letter in its path",
    "..\\up": "a path with an empty, . or .. part ('..')",
    "\\\\server\\share": "an absolute path",
    "C:\\windows": "a drive letter in its path",
    "a\nb": "control or invisible characters in its name",
    "a\x1b[2Jb": "control or invisible characters in its name",
    "a\x00.txt": "control or invisible characters in its name",
    "a\u202egpj.exe": "control or invisible characters in its name",
    "a\u200b": "control or invisible characters in its name",
    "file.txt:stream": "a character in its name that is a drive letter, a stream or a wildcard elsewhere",
    "a*b": "a character in its name that is a drive letter, a stream or a wildcard elsewhere",
    "NUL": "a name that Windows reserves",
    "a/com1.txt": "a name that Windows reserves",
    "LPT¹": "a name that Windows reserves",
    "a ": "a name that starts or ends with a space, or ends with a dot",
    "a./b": "a name that starts or ends with a space, or ends with a dot",
    "x" * 300: "a name of more than 240 bytes",
    "中" * 81: "a name of more than 240 bytes",
    "/".join("abcdefghij"): "a path more than 8 folders deep",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_hostile_name_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, b"x")
        archive.writestr("sound.txt", b"sound")
    result = unpack(data.getvalue(), tmp_path)
    assert names(result) == ["sound.txt"]
    assert [refused.reason for refused in result.refused] == [BAD_NAMES[name]]
    assert result.refused[0].name == shown(name.replace("\\", "/"))
    assert result.refused[0].name.isprintable()
    assert on_disk(tmp_path / "out") == [tmp_path / "out" / "sound.txt"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "C:/windows", "NUL"])
def test_hostile_name_in_a_tar(tmp_path: Path, name: str) -> None:
    result = unpack(tar_of((name, b"x"), ("sound.txt", b"sound")), tmp_path)
    assert names(result) == ["sound.txt"]
    assert result.refused[0].reason == BAD_NAMES[name]


def test_backslashes_of_windows_tools_part_folders_in_a_zip_only(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in ("amy\\", "amy\\a.ipynb", "amy/b.pdf"):
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, b"" if name.endswith("\\") else b"x")
    result = unpack(data.getvalue(), tmp_path)
    assert (names(result), result.refused) == (["amy/a.ipynb", "amy/b.pdf"], ())
    assert result.files[0].path == tmp_path / "out" / "amy" / "a.ipynb"
    (tmp_path / "tar").mkdir()
    assert reasons(unpack(tar_of(("a\\b", b"x")), tmp_path / "tar")) == "a\\b: a backslash in its name"


@pytest.mark.parametrize(
    "pair",
    [
        ("a.txt", "A.TXT"),
        ("café", "cafe\u0301"),
        ("a.txt", "a.txt"),
        ("straße", "STRASSE"),
        ("a\u200db", "ab"),
    ],
)
def test_names_that_are_one_file_elsewhere(tmp_path: Path, pair: tuple[str, str]) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if pair[0] == pair[1] else contextlib.nullcontext():
        data = zip_of((pair[0], b"first"), (pair[1], b"second"))
    result = unpack(data, tmp_path)
    assert names(result) == [pair[0]]
    assert result.files[0].path.read_bytes() == b"first"
    assert result.refused[0].reason == "a name that occurs twice, or differs only in case or Unicode form"


def test_folders_that_are_one_elsewhere(tmp_path: Path) -> None:
    result = unpack(
        zip_of(("Amy/a", b"1"), ("amy/b", b"2"), ("x", b"3"), ("x/y", b"4"), ("Amy", b"5")), tmp_path
    )
    assert names(result) == ["Amy/a", "x"]
    assert [refused.reason for refused in result.refused] == [
        "in a folder that occurs twice, differing only in case or Unicode form",
        "a file and a folder of one name",
        "a file and a folder of one name",
    ]


# hostile kinds


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (stat.S_IFLNK | 0o777, "a link"),
        (stat.S_IFIFO | 0o644, "a device, pipe or socket"),
        (stat.S_IFCHR | 0o644, "a device, pipe or socket"),
        (stat.S_IFREG | 0o4755, "a setuid or setgid bit"),
        (stat.S_IFREG | 0o2755, "a setuid or setgid bit"),
    ],
)
def test_zip_member_that_is_no_plain_file(tmp_path: Path, mode: int, reason: str) -> None:
    result = unpack(with_mode("bad", mode, b"/etc/passwd"), tmp_path)
    assert names(result) == ["sound.txt"]
    assert reasons(result) == f"bad: {reason}"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device, pipe or other special file"),
        (tarfile.FIFOTYPE, "a device, pipe or other special file"),
    ],
)
def test_tar_member_that_is_no_plain_file(tmp_path: Path, kind: bytes, reason: str) -> None:
    info = tarfile.TarInfo("bad")
    info.type, info.linkname = kind, "../../target"
    result = unpack(tar_of((info, b""), ("bad/inside", b"x"), ("sound.txt", b"sound")), tmp_path)
    assert names(result) == ["bad/inside", "sound.txt"]
    assert reasons(result) == f"bad: {reason}"
    assert not (tmp_path / "out" / "bad").is_symlink()


def test_setuid_in_a_tar_and_modes_are_ours(tmp_path: Path) -> None:
    setuid, executable = tarfile.TarInfo("setuid"), tarfile.TarInfo("run.sh")
    setuid.mode, executable.mode = 0o4755, 0o777
    result = unpack(tar_of((setuid, b"x"), (executable, b"x")), tmp_path)
    assert reasons(result) == "setuid: a setuid or setgid bit"
    assert result.files[0].path.stat().st_mode & 0o7133 == 0


def test_encrypted_members(tmp_path: Path) -> None:
    data = bytearray(zip_of(("secret.ipynb", b"{}"), ("open.ipynb", b"{}")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    result = unpack(bytes(data), tmp_path)
    assert names(result) == ["open.ipynb"]
    assert reasons(result) == "secret.ipynb: encrypted; it must be handed in without a password"


def test_unusual_packing_is_named(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    assert (
        reasons(unpack(data.getvalue(), tmp_path))
        == "a: packed by zip's method 14; expected stored or deflated"
    )


# hostile sizes


def test_bomb_stops_at_the_ratio(tmp_path: Path) -> None:
    result = unpack(zip_of(("bomb", bytes(40 * MIB)), ("sound", b"x")), tmp_path, limits=Limits(ratio=100))
    assert names(result) == ["sound"]
    assert reasons(result) == "bomb: unpacks to more than 100 times its packed size"
    assert on_disk(tmp_path / "out") == [tmp_path / "out" / "sound"]


def test_nested_bomb_shares_one_budget(tmp_path: Path) -> None:
    inner = zip_of(*((f"{n}.bin", bytes(900_000)) for n in range(20)))
    outer = unpack(zip_of(*((f"{n}.zip", inner) for n in range(10)), packed=False), tmp_path)
    budget = Budget(30 * MIB)
    results = [extract(member.path, tmp_path / member.name[:-4], budget=budget) for member in outer.files]
    assert sum(member.size for result in results for member in result.files) <= 30 * MIB
    assert "the archive unpacks to more than is allowed altogether" in reasons(results[-1])


def test_header_that_lies_about_the_size(tmp_path: Path) -> None:
    data = zip_of(("a", bytes(100_000)), ("b", b"sound"))
    for claimed in (10, 5_000_000_000 % 2**32):
        lying = data.replace(struct.pack("<I", 100_000), struct.pack("<I", claimed))
        result = unpack(lying, tmp_path / str(claimed))
        assert names(result) == ["b"]
        assert len(result.refused) == 1


def test_more_entries_than_allowed(tmp_path: Path) -> None:
    data = zip_of(*((f"{n}", b"") for n in range(20_000)))
    result = unpack(data, tmp_path)
    assert len(result.files) == 1_000
    assert reasons(result) == "a.zip: 20,000 entries, the most is 1,000; the rest was left out"
    result = unpack(tar_of(*((f"{n}", b"") for n in range(1_200))), tmp_path / "tar")
    assert len(result.files) == 1_000
    assert reasons(result) == "a.zip: more than 1,000 entries; the rest was left out"


def test_many_refused_members_are_counted_not_listed(tmp_path: Path) -> None:
    result = unpack(zip_of(*((f"../{n}", b"") for n in range(500))), tmp_path)
    assert len(result.refused) == 21
    assert str(result.refused[-1]) == "…: 480 more refused"


def test_too_big_a_file_and_too_much_altogether(tmp_path: Path) -> None:
    limits = Limits(file_bytes=1000, total_bytes=1500)
    result = unpack(
        zip_of(("big", bytes(1001)), ("a", bytes(900)), ("b", bytes(900)), ("c", b"x")),
        tmp_path,
        limits=limits,
    )
    assert names(result) == ["a"]
    assert reasons(result) == (
        "big: 1,001 bytes, the most for one file is 1,000\n"
        "b: the archive unpacks to more than is allowed altogether\n"
        "c: the archive unpacks to more than is allowed altogether"
    )


def test_gzip_bomb(tmp_path: Path) -> None:
    data = gzip.compress(tar_of(("big", bytes(30 * MIB))))
    assert (
        reasons(unpack(data, tmp_path))
        == "a.zip: unpacks to more than is allowed altogether, or for its packed size"
    )


def test_pax_header_that_claims_gigabytes(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 3_000_000_000
    result = unpack(info.tobuf() + bytes(3 * MIB), tmp_path)
    assert result.files == ()
    assert "one of its headers takes more than" in reasons(result)


def test_overlapping_members_are_all_refused(tmp_path: Path) -> None:
    """Two directory entries over one local header, as in flat zip bombs."""
    first = zip_of(("aa", b"x" * 500), ("bb", b"sound"))
    start = first.index(b"PK\x01\x02")
    second = first.index(b"PK\x01\x02", start + 1)
    end = first.index(b"PK\x05\x06")
    directory = first[start:second] * 3 + first[second:end]
    tail = bytearray(first[end:])
    struct.pack_into("<HHII", tail, 8, 4, 4, len(directory), start)
    result = unpack(first[:start] + directory + bytes(tail), tmp_path)
    assert names(result) == ["bb"]
    assert reasons(result) == "\n".join(["aa: shares its bytes with another member"] * 3)


# damaged archives


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b", b"Rar!\x1a\x07", bytes(10_000)])
def test_not_an_archive(tmp_path: Path, data: bytes) -> None:
    result = unpack(data, tmp_path)
    assert result.files == ()
    assert len(result.refused) >= 1


def test_truncated_tar_gives_what_came_before(tmp_path: Path) -> None:
    data = tar_of(("a", b"x" * 600), ("b", os.urandom(60_000)))
    for cut in (data[:20_000], gzip.compress(data)[:20_000]):
        result = unpack(cut, tmp_path / str(len(cut)) / str(cut[0]))
        assert names(result) == ["a"]
        assert "damaged" in reasons(result)


def test_truncated_zip_is_refused_as_a_whole(tmp_path: Path) -> None:
    result = unpack(zip_of(("a", b"x" * 600))[:100], tmp_path)
    assert result.files == ()
    assert reasons(result) == "a.zip: damaged: File is not a zip file"


def test_damaged_bytes_cost_only_their_member(tmp_path: Path) -> None:
    data = bytearray(zip_of(("a", os.urandom(5_000)), ("b", b"sound")))
    data[2_000] ^= 0xFF
    result = unpack(bytes(data), tmp_path)
    assert names(result) == ["b"]
    assert "damaged" in reasons(result)
    assert not (tmp_path / "out" / "a").exists()


def test_missing_archive_and_links_to_archives(tmp_path: Path) -> None:
    (tmp_path / "real.zip").write_bytes(zip_of(("a", b"x")))
    (tmp_path / "link.zip").symlink_to(tmp_path / "real.zip")
    assert (
        reasons(extract(tmp_path / "none.zip", tmp_path / "o1"))
        == "none.zip: cannot be read: No such file or directory"
    )
    assert reasons(extract(tmp_path / "link.zip", tmp_path / "o2")) == "link.zip: a link"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"mine")
    (tmp_path / "out" / "d").symlink_to(tmp_path / "elsewhere")
    result = unpack(zip_of(("a", b"theirs"), ("d", b"x")), tmp_path)
    assert result.files == ()
    assert reasons(result).count("a name that cannot be written here (File exists)") == 2
    assert (tmp_path / "out" / "a").read_bytes() == b"mine"


# properties

MEMBER = st.tuples(
    st.one_of(
        st.text(max_size=12),
        st.lists(
            st.sampled_from(["a", "A", "b", "..", ".", "", "é", "e\u0301", "nul", "a\\b", "C:"]), max_size=4
        ).map("/".join),
    ),
    st.binary(max_size=64),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.lists(MEMBER, max_size=6), as_tar=st.booleans())
def test_every_member_is_unpacked_inside_or_refused(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes]], as_tar: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    members = [(name, content) for name, content in members if encodes(name)]
    if as_tar:
        members = [(name.rstrip("/"), content) for name, content in members]  # as tarfile reads them
        data = tar_of(*members)
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive, pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *args, **kwargs: None)
            for name, content in members:
                info = zipfile.ZipInfo("placeholder")
                info.filename = info.orig_filename = name
                archive.writestr(info, content)
        data = buffer.getvalue()
        members = [(name.replace("\\", "/"), content) for name, content in members]
    result = unpack(data, folder / "inner")
    written = set(on_disk(folder)) - {folder / "inner" / "a.zip"}
    assert written == {member.path for member in result.files}
    assert all(
        (folder / "inner" / "out").resolve() in path.resolve().parents and not path.is_symlink()
        for path in written
    )
    assert len({folded(member.name) for member in result.files}) == len(result.files)
    for member in result.files:
        assert (member.name, member.path.read_bytes()) in members
        assert path_fault(member.name) is None
    if not as_tar:
        honest = [name for name, _ in members if not name.endswith("/") and not is_clutter(name)]
        assert len(result.files) + len(result.refused) >= len(honest)


def encodes(name: str) -> bool:
    return name.encode("utf-8", "ignore").decode() == name


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_mutated_archives_never_raise_and_stay_inside(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    sound = zip_of(("amy/a.ipynb", b'{"cells": []}' * 40), ("amy/a.pdf", b"%PDF" * 90))
    tar = tar_of(("amy/a.ipynb", b'{"cells": []}' * 40), ("amy/a.pdf", b"%PDF" * 90))
    whole = bytearray(data.draw(st.sampled_from([sound, tar, gzip.compress(tar, mtime=0)])))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    result = unpack(bytes(whole[:cut]), folder)
    out = folder / "out"
    assert {path for path in on_disk(folder) if path.name != "a.zip"} == {
        member.path for member in result.files
    }
    assert all(out in member.path.parents for member in result.files)


@given(st.text(max_size=200))
def test_shown_text_is_printable_and_short(text: str) -> None:
    assert len(shown(text)) <= 80
    assert all(char.isprintable() or (char.isspace() and char not in "\n\r\t\x1b") for char in shown(text))


@given(st.text(max_size=80))
def test_student_ids_are_single_safe_parts(text: str) -> None:
    if student_fault(text) is None:
        assert path_fault(text) is None
        assert "/" not in text
        assert not text.startswith(".")

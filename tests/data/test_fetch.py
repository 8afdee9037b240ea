import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit import npm
from labkit.fetch import FetchError, Patience, SlowError, download

QUICK = Patience(answer=1.0, stall=1.0, slowest=0.0, grace=0.3)


def fetch(remote, folder: Path, patience: Patience = QUICK):
    lines: list[str] = []
    path, label = download(remote, folder, patience=patience, say=lines.append)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == remote.sha256
    assert path == folder / "thing.bin"
    return label, lines


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


def test_a_good_host(remote, tmp_path):
    assert fetch(remote("good"), tmp_path) == ("host good", [])
    assert left(tmp_path) == ["thing.bin"]


def test_what_is_there_already_is_not_fetched(remote, host, tmp_path):
    fetch(remote("good"), tmp_path)
    fetch(remote("good"), tmp_path)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("missing", "127.0.0.1 answered 404 Not Found."),
        ("wrong", "host wrong gave a file with another checksum."),
        ("silent", "127.0.0.1 did not answer in 1 seconds."),
        ("http://127.0.0.1:1/x", "127.0.0.1 cannot be reached."),
        ("http://no-such-host.invalid/x", "no-such-host.invalid cannot be reached."),
    ],
)
def test_the_mirror_follows_a_host_that_fails(remote, tmp_path, path, told):
    start = time.monotonic()
    assert fetch(remote(path, "good"), tmp_path) == ("host good", [told])
    assert time.monotonic() - start < 15
    assert left(tmp_path) == ["thing.bin"]


def test_the_mirror_continues_what_the_first_began(remote, host, tmp_path):
    label, lines = fetch(remote("cut", "good"), tmp_path)
    assert label == "host good"
    assert lines == ["127.0.0.1 stopped after 65,536 of 204,800 bytes."]  # whole pieces of 64 KiB
    assert host.asked == [("cut", ""), ("good", "bytes=65536-")]


def test_a_host_that_cannot_continue_starts_again(remote, host, tmp_path):
    fetch(remote("cut", "whole"), tmp_path)
    assert host.asked[1] == ("whole", "bytes=65536-")


def test_nothing_keeps_its_name_when_every_host_fails(remote, tmp_path):
    with pytest.raises(FetchError, match=r"no host gave thing\.bin"):
        fetch(remote("wrong", "missing", "silent"), tmp_path)
    assert left(tmp_path) == []


def test_a_slow_host_is_left_and_continued_elsewhere(remote, host, tmp_path):
    hasty = Patience(answer=1, stall=1, slowest=1e6, grace=0.3)
    label, (told,) = fetch(remote("slow", "good"), tmp_path, hasty)
    assert label == "host good"
    assert told.startswith("127.0.0.1 is slow (")
    assert host.asked[1][1] > "bytes=1"
    with pytest.raises(SlowError):
        fetch(remote("slow"), tmp_path / "again", hasty)


def test_killed_midway_and_resumed(remote, host, tmp_path):
    code = (
        "import sys; from pathlib import Path; from labkit.fetch import *;"
        "download(Remote('thing.bin', sys.argv[1], 204800, (('slow', sys.argv[2]),)), Path(sys.argv[3]),"
        "patience=ENDLESS, say=print)"
    )
    command = [sys.executable, "-c", code, remote("slow").sha256, host.url("slow"), str(tmp_path)]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    (tmp_path / "partial").mkdir(exist_ok=True)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and not any(
        p.stat().st_size > 10_000 for p in tmp_path.glob("partial/*.part")
    ):
        time.sleep(0.05)
    child.kill()
    child.wait()
    (part,) = tmp_path.glob("partial/*.part")
    have = part.stat().st_size
    assert 10_000 < have < 204_800
    assert not (tmp_path / "thing.bin").exists()
    fetch(remote("good"), tmp_path)
    assert host.asked[-1] == ("good", f"bytes={have}-")


def test_two_at_once(remote, tmp_path):
    from filelock import FileLock

    (tmp_path / "partial").mkdir()
    with (
        FileLock(tmp_path / "partial" / f"{remote('good').sha256[:16]}.part.lock"),
        pytest.raises(FetchError, match="another program is fetching"),
    ):
        fetch(remote("good"), tmp_path)


def test_a_folder_that_cannot_be_written(remote, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FetchError, match=r"cannot be written.*LABKIT_DATA"):
        fetch(remote("good"), tmp_path / "file")


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Put a program called npm on the path; it does what its script says."""

    def install(script: str) -> npm.Package:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "npm"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
        return npm.Package("some-package", "1.0.0", hashlib.sha256(b"hello").hexdigest(), 5)

    return install


def test_npm_package(client, tmp_path):
    package = client(
        'printf "%s\\n" "$@" > "$4/../args"; '
        'test "$npm_config_ignore_scripts" = true && printf hello > "$4/a.tgz"'
    )
    with npm.packed(package, tmp_path / "cache", patience=QUICK) as archive:
        assert archive.read_bytes() == b"hello"
    assert (tmp_path / "cache/args").read_text().split()[:2] == ["pack", "some-package@1.0.0"]
    assert left(tmp_path / "cache") == ["args"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('printf other > "$4/a.tgz"', "npm gave some-package with another checksum"),
        ("echo 'npm error code E404' >&2; exit 1", r"npm could not fetch some-package \(E404\)"),
        ("echo 'npm error code ENOSPC' >&2; exit 1", "cannot be written .*: set LABKIT_DATA"),
        ("exit 0", "npm gave 0 archives of some-package, expected one"),
        ("exec sleep 30", "npm received nothing for 2 seconds"),
    ],
)
def test_npm_that_fails(client, tmp_path, script, told):
    with pytest.raises(FetchError, match=told), npm.packed(client(script), tmp_path / "c", patience=QUICK):
        pass
    assert left(tmp_path / "c") == []


def test_no_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    package = npm.Package("p", "1", "0" * 64, 1)
    with (
        pytest.raises(FetchError, match="the npm client is not installed"),
        npm.packed(package, tmp_path, patience=QUICK),
    ):
        pass

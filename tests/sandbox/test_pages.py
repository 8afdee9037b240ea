"""Large pages: a process's own memory is put into them, and is the same afterwards."""

import subprocess
import sys

import pytest
from labgrader.sandbox import pages

PROGRAM = """
from labgrader.sandbox import pages

def large():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("AnonHugePages"))

content = bytearray(range(256)) * (16 << 12)
before = large()
pages.collapse()
assert content == bytearray(range(256)) * (16 << 12)
print(large() - before)
"""


def test_memory_of_a_process_is_put_into_large_pages_unchanged() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if "smaps_rollup" in done.stderr or done.stdout.strip() == "0":
        pytest.skip("this system has no large pages, or cannot collapse small ones into them (Linux 6.1)")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 8 << 10  # KiB


def test_mappings_of_files_and_small_ones_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "200000-600000 rw-p 00000000 00:00 0 \n"  # two large pages
        "900000-a00000 rw-p 00000000 00:00 0 \n"  # small
        "c00000-1000000 rw-p 00001000 fe:00 77   /usr/lib/x.so\n"
        "1000000-1400000 r--p 00000000 00:00 0 \n"
        "1500000-1a00000 rw-p 00000000 00:00 0    [heap]\n"  # two, after a part of one
    )
    monkeypatch.setattr(pages, "mappings", lambda: lines)
    assert list(pages.own()) == [(0x200000, 0x400000), (0x1600000, 0x400000)]

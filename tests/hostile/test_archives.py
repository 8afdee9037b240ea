"""Every attack of attacks/archives through collect: nothing lands elsewhere, the neighbour's comes whole."""

import io
import json
import os
import re
import stat
import tarfile
import time
import zipfile

import pytest
from hostile_attack import attacks
from labgrader.collect import collect
from labgrader.course import Course
from labgrader.policy import MIB

LAB = "00_toy"
ATTACKS = attacks("archives")


def zipped_in(folder):
    return lambda name: zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.stem)
def test_archive(world, tmp_path, attack):
    course = Course(tmp_path / "course")
    (course.root / "release" / LAB).mkdir(parents=True)
    folder = tmp_path / "handed in"
    folder.mkdir()
    honest = json.loads(world.released[LAB])
    honest["cells"][0]["source"] = "amy's own"
    honest = json.dumps(honest).encode()
    with zipped_in(folder)("00_toy_amy.zip") as archive:
        archive.writestr("00_toy_amy.ipynb", honest)
    scope = {"folder": folder, "nb": world.released[LAB], "world": world.facts}
    scope |= {"io": io, "tarfile": tarfile, "zipfile": zipfile, "zipped": zipped_in(folder)}
    exec(compile(attack.make, attack.name, "exec"), scope)
    world.note()
    before = peak(reset=True)
    start = time.monotonic()
    rows = collect(course, folder, LAB)
    seconds = time.monotonic() - start

    assert seconds < 20
    assert peak() - before < 300 * MIB
    assert world.harmed() == []
    assert {path.name for path in tmp_path.iterdir()} == {"course", "handed in"}
    assert course.notebook("submitted", "amy", LAB).read_bytes() == honest
    statuses = {row.student: row.status for row in rows if row.status != "older"}
    for student, status in attack.rows.items():
        assert re.fullmatch(status, statuses.get(student, "")), rows
    for row in rows:
        assert row.status in ("new", "older") or row.odd, row
        assert row.status == "new" or row.folder is None
        assert not re.search(
            r"[\x00-\x1f\x7f\u200b\u202a-\u202e]", " ".join((row.student, row.source, *row.odd))
        )
    taken = [path for path in course.root.rglob("*") if path.is_symlink() or not path.is_dir()]
    for path in taken:
        facts = path.lstat()
        assert stat.S_ISREG(facts.st_mode), path
        assert facts.st_nlink == 1, path
        assert facts.st_mode & 0o7133 == 0, (path, oct(facts.st_mode))
        assert path.name in ("00_toy.ipynb", "00_toy.pdf", "timestamp.txt"), path
    assert sum(path.stat().st_size for path in taken) < 50 * MIB


def peak(*, reset=False):
    """Return the most memory that this process had, perhaps from now on."""
    if reset:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    with open(f"/proc/{os.getpid()}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

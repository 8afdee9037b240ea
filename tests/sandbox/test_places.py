"""Where things lie does not matter: spaces, other letters, closed folders, below /tmp, only in PYTHONPATH."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from labgrader.sandbox import SandboxPolicy, Zygote, landlock, snippet, trees

import labkit


@pytest.fixture(params=[0o755, 0o700], ids=["open", "closed"])
def place(request):
    folder = Path(tempfile.mkdtemp(prefix="lab kit ё\\040-", dir="/tmp"))
    folder.chmod(request.param)
    (folder / "data set").mkdir()
    (folder / "data set" / "a").write_text("inside")
    (folder / "one file").write_text("one")
    (folder / "other").write_text("other")
    yield folder
    shutil.rmtree(folder)


def test_a_folder_and_a_single_file_below_tmp(protecting_tier, place):
    names = [str(place / name) for name in ("data set", "one file")]
    policy = SandboxPolicy(entry=snippet.ENTRY, preload=(), readable=tuple(names))
    code = f"""
import os
folder, file, other = {names[0]!r}, {names[1]!r}, {str(place / "other")!r}
refused = []
for path in (other, folder + "/b", file, folder + "/a"):
    try:
        open(path, "r" if path == other else "w").close()
    except OSError:
        refused.append(path)
here = [name for name in os.listdir(".") if name[0] != "."]
result = [open(folder + "/a").read(), open(file).read(), os.path.isfile(file), len(refused), here]
"""
    with Zygote(protecting_tier, policy) as zygote, zygote.fork() as child:
        assert snippet.ask(child, code) == {"result": ["inside", "one", True, 4, []]}
    assert (place / "data set" / "a").read_text() == "inside"
    assert sorted(os.listdir(place)) == ["data set", "one file", "other"]


IMPORTED = "import labgrader, labkit, numpy; result = [m.__file__ for m in (labgrader, labkit, numpy)]"
FROM = """
import json, os, sys
from labgrader.sandbox import SandboxPolicy, Zygote, seal, snippet, trees, users
if sys.argv[2] == "user" and os.getuid() == 0:
    home = os.environ["HOME"]
    assert users.open_way(trees.readable(), base=home, samples=[os.__file__, seal.__file__]) is None
    users.become(54321)
with Zygote(sys.argv[1], SandboxPolicy(entry=snippet.ENTRY, preload=("numpy",))) as zygote:
    with zygote.fork() as child:
        print(json.dumps(snippet.ask(child, {code!r})))
"""


@pytest.mark.parametrize("who", ["same", "user"])
def test_a_copy_in_pythonpath_is_the_one_inside(protecting_tier, place, who):
    if who == "user" and os.getuid() != 0:
        pytest.skip("needs root, to become somebody else")
    grading = place / "the grader"
    for package, target in ((landlock.__file__, grading / "labgrader"), (labkit.__file__, place / "labkit")):
        source = Path(package).parent if package == labkit.__file__ else Path(package).parents[1]
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    home = place / "home"
    home.mkdir()
    if who == "user":
        os.chown(home, 54321, 54321)
    done = subprocess.run(
        [sys.executable, "-P", "-c", FROM.replace("{code!r}", repr(IMPORTED)), protecting_tier, who],
        env={**os.environ, "PYTHONPATH": f"{place}:{grading}", "HOME": str(home)},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["result"]
    assert found[:2] == [str(grading / "labgrader" / "__init__.py"), str(place / "labkit" / "__init__.py")]


def test_site_packages_of_another_environment_count(monkeypatch, tmp_path):
    for name in ("site-packages", "checkout"):
        (tmp_path / name).mkdir()
        monkeypatch.syspath_prepend(str(tmp_path / name))
    assert trees.package_folders()[0] == str(tmp_path / "site-packages")
    assert str(tmp_path / "checkout") not in trees.readable()
    assert str(tmp_path / "site-packages") in trees.readable()

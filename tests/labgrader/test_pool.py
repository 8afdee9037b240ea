"""Processes that grade."""

import subprocess
import sys

START = """
import os
from labgrader.pool import processes

if __name__ == "__main__":
    with processes(1) as pool:
        print(pool.submit(os.getpid).result() != os.getpid())
"""


def test_no_module_of_the_folder_is_imported(tmp_path, tmp_path_factory):
    script = tmp_path_factory.mktemp("bin") / "start.py"  # as labgrade is: not with -m, not with -P
    script.write_text(START)
    for name in ("selectors", "psutil", "signal", "labgrader"):
        (tmp_path / f"{name}.py").write_text(f"open('{name}-was-here', 'w')\nraise ImportError\n")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr
    assert not list(tmp_path.glob("*-was-here"))

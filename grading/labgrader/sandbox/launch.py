"""First steps of the warm process: become a powerless user, enter the first layer, go on as `nursery`.

Run as `python -I -m labgrader.sandbox.launch CONTROL_FD SPEC_FD OWNER_FD`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from labgrader.sandbox import bwrap, nursery, seal, way
from labgrader.sandbox.records import SandboxError
from labgrader.sandbox.spec import Start, read_start

INSIDE = "--inside"


def main(arguments: list[str]) -> None:
    """Enter the sandbox's first layer and serve."""
    control_fd, spec_fd, owner_fd = map(int, arguments[:3])
    if INSIDE not in arguments:
        start = read_start(spec_fd)
        start = _step_down(start)
        os.ftruncate(spec_fd, 0)
        os.pwrite(spec_fd, start.dumps(), 0)
        if start.tier == "bwrap":
            _enter_bwrap(start, arguments[:3])
    nursery.main(control_fd, spec_fd, owner_fd)


def _step_down(start: Start) -> Start:
    """Stop being root, keeping the way open to what must be read."""
    if start.uid is None:
        return start
    samples = [os.__file__, seal.__file__, sys.executable]
    keep = way.open_way(start.trees, base=start.base, samples=samples)
    way.become(start.uid, keep=keep)
    return replace(start, keep_capability=keep)


def _enter_bwrap(start: Start, fds: list[str]) -> None:
    """Replace this process by bubblewrap, which starts this module again inside."""
    if start.keep_capability is not None:
        raise SandboxError(
            "This Python's files are closed to other users, which bubblewrap cannot pass; "
            "install it where everybody may read it, or use the landlock tier."
        )
    environment = {**seal.common_environment(), "HOME": "/tmp/home", "MPLCONFIGDIR": "/tmp/mpl"}
    files = [(os.path.join("/tmp/mpl", name), content) for name, content in nursery.font_list(start.base)]
    options, handles = bwrap.arguments(start.trees, environment=environment, files=files)
    command, handle = bwrap.command(options)
    for fd in [*handles, handle, *map(int, fds)]:
        if fd >= 0:
            os.set_inheritable(fd, True)
    command += [sys.executable, "-I", "-m", "labgrader.sandbox.launch", *fds, INSIDE]
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])

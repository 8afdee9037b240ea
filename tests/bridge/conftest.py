"""Student processes for the tests: forked from one warm helper program, never from pytest itself."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from labgrader.bridge.limits import Limits
from labgrader.bridge.tester import Session

SETUP = """
import copy, inspect, math
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


@pytest.fixture(scope="session")
def nursery(tmp_path_factory):
    mine, theirs = socket.socketpair()
    program = Path(__file__).with_name("student_nursery.py")
    env = os.environ | {"OMP_NUM_THREADS": "1", "NURSERY_TMP": str(tmp_path_factory.mktemp("students"))}
    process = subprocess.Popen(
        [sys.executable, str(program), str(theirs.fileno())], pass_fds=[theirs.fileno()], env=env
    )
    theirs.close()
    assert mine.recv(5) == b"ready"
    yield mine
    mine.close()
    process.wait(60)


def sessions(nursery):
    pids, opened = [], []

    def start_session(source="", *, setup=SETUP, **limits):
        mine, theirs = socket.socketpair()
        socket.send_fds(nursery, [repr(limits).encode()], [theirs.fileno()])
        theirs.close()
        pid = int.from_bytes(nursery.recv(8), "little")
        pids.append(pid)
        session = Session(mine, Limits(**limits), interrupt=lambda: os.kill(pid, signal.SIGINT))
        session.pid = pid
        opened.append(session)
        if setup:
            assert session.run_setup(setup, 20) == []
            assert session.run_cell(setup, 20).error is None
        if source:
            ran = session.run_cell(source, 20)
            assert ran.error is None, ran.outputs
        return session

    yield start_session
    for session in opened:
        session.close()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def start(nursery):
    """Return a function that starts a student's process and gives a Session on it."""
    yield from sessions(nursery)


@pytest.fixture(scope="module")
def start_shared(nursery):
    """The same for processes that all tests of a module share."""
    yield from sessions(nursery)

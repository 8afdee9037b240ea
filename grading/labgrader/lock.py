"""One writer at a time: two runs of `labgrade grade` in the same course would do everything twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from labgrader.course import Course, CourseError


@contextmanager
def only_writer(course: Course) -> Iterator[None]:
    """Hold the course's lock; the system lets go of it when this process ends, however it ends.

    The folder itself is what is locked, so no file is left. Where the disk knows no locks, there is none.

    Args:
        course: the course.

    Raises:
        CourseError: another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(course.root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"Another `labgrade grade` is at work in {course.root}: wait until it has ended, or stop it."
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)

"""The course's secret, from which hidden inputs are drawn."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from labgrader.course import Course, CourseError

SECRET_FILE = ".course_secret"
_BYTES = 32


class SecretError(CourseError):
    """A secret file that cannot be trusted or read."""


def course_secret(course: Course) -> bytes:
    """Return the course's 32 secret bytes; the first call makes the file `.course_secret`.

    Two first calls at once agree on one secret: the file appears whole, by a hard link, and replaces none.

    Args:
        course: the course folder.

    Returns:
        32 bytes.

    Raises:
        SecretError: the file is not a plain one, is open to every user, or does not hold a secret.
    """
    path = course.root / SECRET_FILE
    if not os.path.lexists(path):
        _make(path)
    return _read(path)


def secret_for(key: bytes, lab: str, notebook: bytes) -> Callable[[str], str]:
    """Return `secret`, the function that a lab's hidden tests call for one submission.

    The same file always gets the same inputs; any change to it meets new ones. The function holds the key, so
    call it where no student code runs and pass on only what it returns.

    Args:
        key: the course's secret bytes.
        lab: the lab's name, for example "01_convolution".
        notebook: the submitted file's bytes.

    Returns:
        a function from an exercise's name to 64 hexadecimal digits:
        HMAC-SHA256 (RFC 2104) under the key of lab, exercise and the file's SHA-256.

    Example:
        >>> secret_for(b"k" * 32, "01_convolution", b"{}")("conv2d")[:8]
        '1a6d23f8'
    """
    return partial(_seed, key, lab, hashlib.sha256(notebook).hexdigest())


def _seed(key: bytes, lab: str, digest: str, exercise: str) -> str:
    message = json.dumps([lab, exercise, digest]).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _make(path: Path) -> None:
    """Write a new secret beside `path` and link it into place, unless another process was first."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SecretError(
            f"{path} cannot be made ({error.strerror}); expected a course folder that you may write to."
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first: its secret counts
        except OSError as error:
            raise SecretError(
                f"{path} cannot be made in one step ({error.strerror}); "
                "keep the course on a disk that has hard links."
            ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    """Return the secret in `path`, refusing a file that others can read or that holds something else."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise SecretError(
            f"{path} cannot be read ({error.strerror}); expected a plain file of your own."
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(f"{path} is not a plain file; move it away to get a new secret.")
        if os.name == "posix" and status.st_mode & 0o007:
            raise SecretError(
                f"{path} is open to every user of this machine (mode {stat.S_IMODE(status.st_mode):04o}); "
                f"run `chmod 600 {path}`."
            )
        text = os.read(handle, 4096)
    finally:
        os.close(handle)
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) < _BYTES:
        raise SecretError(
            f"{path} holds {len(text.strip())} characters; expected {2 * _BYTES} hexadecimal digits; "
            "put your copy back, or delete the file: a new secret gives every hand-in new hidden inputs."
        )
    return key

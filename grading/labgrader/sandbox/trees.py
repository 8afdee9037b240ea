"""What student code may read: the system's libraries, this Python, its packages, labkit. Not the course."""

from __future__ import annotations

import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence

from labgrader.sandbox.records import SandboxError

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/System", "/opt/homebrew")
ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "fonts",
    "mime.types",
    "ssl/certs",
)
KERNEL = (
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/osrelease",
)
DEVICES = ("/dev/urandom", "/dev/random")
DEVICES_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")
PACKAGES = ("labkit", "labgrader")
PARTS_OF_A_PREFIX = ("bin", "lib", "lib64", "share", "ssl", "etc/fonts", "pyvenv.cfg")


def python_trees() -> list[str]:
    """Return the folders that this interpreter and its packages are read from, none inside another.

    Other folders on `sys.path` are left out: an editable install puts the checkout there, with the masters
    and the gradebook in it.
    """
    found = [
        os.path.join(prefix, part)
        for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        for part in PARTS_OF_A_PREFIX
    ]
    found += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += site.getsitepackages()
    found += [os.path.dirname(os.path.realpath(sys.executable)), *package_folders(), *packages().values()]
    found = [os.path.abspath(path) for path in found if os.path.exists(path)]
    return outermost([*found, *map(os.path.realpath, found)])


def packages() -> dict[str, str]:
    """Return the folders of our own packages, wherever they are imported from."""
    specs = {name: importlib.util.find_spec(name) for name in PACKAGES}
    files = {name: spec.origin for name, spec in specs.items() if spec and spec.origin}
    return {name: os.path.dirname(os.path.abspath(file)) for name, file in files.items()}


def package_folders() -> list[str]:
    """Return the folders of installed packages on `sys.path`, such as another environment's in PYTHONPATH."""
    folders = [os.path.abspath(path) for path in sys.path if os.path.isdir(path)]
    return [path for path in folders if os.path.basename(path) in ("site-packages", "dist-packages")]


def readable(extra: Sequence[str] = (), *, hidden: Sequence[str] = ()) -> list[str]:
    """Return everything that a child may read, apart from the kernel's files.

    Args:
        extra: more files and folders.
        hidden: folders that must not be among them.

    Raises:
        SandboxError: a hidden folder lies in a readable one, or an extra one does not exist.
    """
    for path in extra:
        if not os.path.exists(path):
            raise SandboxError(
                f"{path} is to be readable for students, but it does not exist; correct its name."
            )
    trees = outermost(
        [
            *(path for path in SYSTEM if os.path.isdir(path)),
            *(os.path.join("/etc", name) for name in ETC if os.path.exists(os.path.join("/etc", name))),
            *python_trees(),
            *(os.path.abspath(path) for path in extra),
            *(os.path.realpath(path) for path in extra),
        ]
    )
    for secret in map(os.path.realpath, hidden):
        for tree in trees:
            if within(secret, tree) or within(secret, os.path.realpath(tree)):
                raise SandboxError(
                    f"{secret} must stay hidden from students, but it lies in {tree}, which their code "
                    "has to read; move the course elsewhere."
                )
    return trees


def within(path: str, tree: str) -> bool:
    """True when `path` is `tree` or lies below it."""
    return path == tree or path.startswith(tree.rstrip("/") + "/")


def outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths without repetitions and without those that lie in another.

    Example:
        >>> outermost(["/usr/lib", "/usr", "/opt/x"])
        ['/opt/x', '/usr']
    """
    out: list[str] = []
    for path in sorted(set(paths), key=lambda path: (len(path), path)):
        if not any(within(path, tree) for tree in out):
            out.append(path)
    return sorted(out)

"""The files that say what to install agree with one another and with what is installed."""

import subprocess
import tomllib
from importlib.metadata import distributions, requires, version
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN = [
    r for group in (PROJECT["dependencies"], *EXTRAS.values()) for r in group if not r.startswith("labkit[")
]


def test_environment_yml_lists_what_pyproject_lists():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [d["pip"] for d in conda["dependencies"] if isinstance(d, dict)]
    wanted = PROJECT["dependencies"] + [r for extra in ("lab", "pdf", "grading") for r in EXTRAS[extra]]
    assert sorted(r for r in pip if not r.startswith("-")) == sorted(r for r in wanted if "[" not in r)
    assert f"python{PROJECT['requires-python']}" in conda["dependencies"]
    assert "-e ." in pip
    assert "-c constraints.txt" in pip


def test_constraints_pin_every_requirement_inside_its_range():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    pins = {r.name.lower().replace("_", "-"): r for r in map(Requirement, lines)}
    assert all(len(r.specifier) == 1 and str(r.specifier).startswith("==") for r in pins.values())
    for requirement in map(Requirement, OWN):
        pin = next(iter(pins[requirement.name.lower()].specifier)).version
        assert requirement.specifier.contains(Version(pin)), f"{requirement} does not admit {pin}"


def test_every_pinned_package_admits_the_first_release_of_each_python():
    """Debian stays at 3.11.2, for example: a package that wants 3.11.5 cannot be installed there."""
    asks = {
        d.metadata["Name"]: SpecifierSet(d.metadata.get("Requires-Python") or "") for d in distributions()
    }
    refusing = {
        name: str(s) for name, s in asks.items() if not all(v in s for v in ("3.11.0", "3.12.0", "3.13.0"))
    }
    assert refusing == {}


def test_all_is_every_extra_a_user_needs():
    assert EXTRAS["all"] == ["labkit[lab,pdf,grading]"]
    assert set(EXTRAS) == {"lab", "pdf", "grading", "dev", "all"}


def test_torchvision_admits_the_pinned_torch():
    """PyPI's torch and torchvision only import together when they were built for one another."""
    wanted = [Requirement(r) for r in requires("torchvision") or []]
    torch = next(r for r in wanted if r.name == "torch")
    assert torch.specifier.contains(Version(version("torch")).base_version)


def test_pyproject_names_every_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(init.parent.relative_to(base).parts)
        for base, name in ((ROOT, "labkit"), (ROOT / "grading", "labgrader"))
        for init in (base / name).rglob("__init__.py")
    }
    assert listed == found


def test_make_help_names_every_target_of_the_readme():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "lab", "release", "bench"):
        assert f"make {target}" in text

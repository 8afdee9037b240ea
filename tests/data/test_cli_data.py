import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labkit import cache, cli_data, datasets, models, store
from labkit.fetch import FetchError


@pytest.fixture
def labkit(monkeypatch, capsys):
    """Run `labkit data ...` in this process; return exit code, output, errors."""
    from labkit import cli

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labkit", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_list_and_where(labkit, kept_apart, monkeypatch):
    monkeypatch.setattr(cli_data, "LEAST", 1_000_000)
    assert labkit("data", "--where") == (0, f"{kept_apart}\n", "")
    _, out, _ = labkit("data", "--list")
    assert out.splitlines() == [
        "cifar10    CIFAR-10, 60,000 small pictures      not fetched",
        "resnet50   ResNet-50 with ImageNet weights      not fetched",
    ]
    store.save(kept_apart / datasets.FILE, {"a": np.zeros(2_000_000, np.uint8)})
    _, out, _ = labkit("data")
    assert f"2 MB at {kept_apart / datasets.FILE}" in out
    assert out.endswith("To fetch both, run: labkit data all\n")


def test_wrong_name(labkit, kept_apart):
    code, _, err = labkit("data", "mnist")
    assert code == 2
    assert "cifar10, resnet50 or all" in " ".join(err.replace("│", " ").split())


def test_all_goes_on_after_a_failure_and_says_what_the_labs_do(labkit, kept_apart, monkeypatch):
    asked = []

    def fail(name):
        def fetch(**options):
            asked.append((name, options["patient"]))
            raise FetchError(f"no {name}")

        return fetch

    monkeypatch.setattr(datasets, "fetch_cifar10", fail("pictures"))
    monkeypatch.setattr(models, "fetch_resnet50", fail("weights"))
    code, out, err = labkit("data", "all", "--patient")
    assert (code, out) == (1, "")
    assert asked == [("pictures", True), ("weights", True)]
    assert err.splitlines() == [
        "labkit: no pictures. The labs then use the drawn stand-in.",
        "labkit: no weights. The labs then use the small network that labkit brings.",
    ]


def test_offline(labkit, kept_apart):
    code, _, err = labkit("data", "cifar10")
    assert code == 1
    assert "LABKIT_OFFLINE is set" in err


def test_names_of_files_agree():
    assert datasets.FILE == "cifar10.npz"
    names = {remote.name for remote in models.CHECKPOINTS.values()} | {models.KERAS_FILE}
    source = Path(cli_data.__file__).read_text()
    assert all(f'"{name}"' in source for name in names | {datasets.FILE})


def test_doctor_says_what_is_cached(kept_apart):
    from labkit.doctor import report

    lines, _ = report(())
    assert f"Data in {cache.folder()}" in lines
    assert "  The labs work without, on stand-ins. To fetch: labkit data all" in lines


@pytest.mark.parametrize("how", ["page", "cut", "other", "link", "folder"])
def test_damage_is_told_from_what_is_whole(labkit, kept_apart, how):
    from labkit.doctor import report

    path = kept_apart / datasets.FILE
    kept_apart.mkdir()
    if how == "page":
        path.write_text("<html>404</html>\n")
    elif how == "cut":
        with path.open("wb") as stream:
            stream.truncate(150_000_000)  # all zeros, and on no disk
    elif how == "other":
        store.save(path, {"a": np.zeros(9)})
    elif how == "link":
        path.symlink_to(kept_apart / "gone.npz")
    else:
        path.mkdir()
    line = labkit("data", "--list")[1].splitlines()[0]
    assert "damaged: " in line
    assert "run labkit data cifar10" in line
    assert str(path) in line
    lines, healthy = report(())
    assert not healthy
    assert f"  {line}" in lines
    assert lines[-1] == "Something is damaged: see above, under Data."
    if how == "folder":
        code, _, err = labkit("data", "cifar10")
        assert code == 1
        assert err.endswith("is a folder; move it away, then run labkit data cifar10.\n")


def test_the_sound_one_of_several_is_shown(kept_apart):
    kept_apart.mkdir()
    (kept_apart / "resnet50-11ad3fa6.pth").write_text("<html>")
    path = cache.torch_checkpoints() / "resnet50-0676ba61.pth"
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        stream.truncate(102_530_333)
    row = cli_data.kept()[1]
    assert (row.path, row.size, row.fault) == (str(path), 102_530_333, "")


def test_ctrl_c_says_nothing_of_notebooks(labkit, kept_apart, monkeypatch):
    def stop(**_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "fetch_cifar10", stop)
    code, _, err = labkit("data", "cifar10")
    assert (code, err) == (130, "labkit: stopped; what is here stays as it is: run the command again.\n")


def test_listing_loads_no_torch(kept_apart):
    code = "import sys; from labkit.cli_data import kept; kept(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

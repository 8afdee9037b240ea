"""Measure what plain nbgrader does with each attack: `python tests/hostile/stock.py [NAME ...]`.

Each notebook goes through stock `autograde` and `generate_feedback` in a throwaway course. All of it runs
inside bubblewrap, where nothing of this machine can be written; an attack that could harm the machine all the
same says so in `stock` and is not run. Outcomes go to stock.json.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hostile_attack import BREACH, FULL, Attack, attacks, hand_in

HERE = Path(__file__).parent
CACHE = HERE / "stock.json"
SECONDS = 10
PATIENCE = 100
INSIDE = "--inside"
ROOTS = os.path.expanduser("~root") + "/"


def main(arguments: list[str]) -> None:
    """Enter the sandbox, or work inside it."""
    if arguments[:1] == [INSIDE]:
        return inside(Path(arguments[1]), arguments[2:])
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        command = ["bwrap", "--unshare-all", "--die-with-parent", "--uid", "1000", "--ro-bind", "/", "/"]
        command += ["--dev", "/dev", "--proc", "/proc"]
        command += [word for place in ("/tmp", "/var/tmp", "/dev/shm") for word in ("--tmpfs", place)]
        command += [
            "--bind",
            folder,
            folder,
            "--setenv",
            "TMPDIR",
            "/tmp",
            "--setenv",
            "IPYTHONDIR",
            "/tmp/ipython",
        ]
        command += ["--setenv", "PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}"]
        subprocess.run([*command, sys.executable, __file__, INSIDE, folder, *arguments], check=True)
        found = json.loads(Path(folder, "outcomes.json").read_text())
    kept = json.loads(CACHE.read_text())["outcomes"] if CACHE.exists() else {}
    facts = {
        "nbgrader": importlib.metadata.version("nbgrader"),
        "nbclient": importlib.metadata.version("nbclient"),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "outcomes": dict(sorted({**kept, **found}.items())),
    }
    new = CACHE.with_suffix(".new")
    new.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(new, CACHE)


def inside(folder: Path, names: list[str]) -> None:
    """Run every attack that may be run, each in a copy of the course."""
    from hostile_world import make_world

    todo = [each for each in attacks() if each.group != "archives" and not each.stock]
    todo = [each for each in todo if not names or any(name in each.name for name in names)]
    outcomes: dict[str, Any] = {}
    with make_world() as world:
        course = world.root / "work" / "stock"
        prepare(course)
        released = {lab: (course / "release" / lab / f"{lab}.ipynb").read_bytes() for lab in FULL}
        honest = {lab: Attack("x", "x", "", "", lab=lab, start="honest") for lab in FULL}
        plain = {lab: one(each, course, released, world) for lab, each in honest.items()}
        assert all(each["marks"] == FULL[lab] for lab, each in plain.items()), plain
        usual = {lab: set(each["dangers"]) for lab, each in plain.items()}
        for attack in todo:
            start = time.monotonic()
            raw = one(attack, course, released, world)
            outcomes[attack.name] = outcome(attack, raw, usual[attack.lab])
            words = outcomes[attack.name]["words"]
            print(f"{time.monotonic() - start:5.1f} s  {attack.name}: {words}", flush=True)
            (folder / "outcomes.json").write_text(json.dumps(outcomes))


def prepare(course: Path) -> None:
    """Make a plain nbgrader course with the labs; for want of `secret`, hidden tests have a fixed seed."""
    import jupytext
    import nbformat
    from hostile_world import MASTERS

    for master in MASTERS:
        text = re.sub(r'secret\("(\w+)"\)', _seed, master.read_text(encoding="utf-8"))
        text = text.replace("### BEGIN MARK SCHEME", "").replace("### END MARK SCHEME", "")
        path = course / "source" / master.stem / f"{master.stem}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(jupytext.reads(text, fmt="py:percent"), path)
    for lab in FULL:
        run(course, "generate_assignment", lab)


def _seed(found: re.Match[str]) -> str:
    return repr(hashlib.sha256(found[1].encode()).hexdigest())


def run(course: Path, step: str, lab: str, student: str = "eve") -> None:
    """Run one of nbgrader's steps, with its usual settings but a shorter time for a cell."""
    from nbgrader import converters
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "course"
    config.CourseDirectory.assignment_id = lab
    config.Execute.timeout = config.ExecutePreprocessor.timeout = SECONDS
    kind = {"generate_assignment": "GenerateAssignment", "autograde": "Autograde"}.get(
        step, "GenerateFeedback"
    )
    if step != "generate_assignment":
        config.CourseDirectory.student_id = student
    os.chdir(course)
    converter = getattr(converters, kind)(coursedir=CourseDirectory(config=config), config=config)
    converter.log.handlers = [logging.StreamHandler()]
    converter.log.setLevel("ERROR")
    converter.start()


def one(attack: Attack, course: Path, released: dict[str, bytes], world: Any) -> dict[str, Any]:
    """Grade one hand-in in a process of its own, which gets some time."""
    trial = course.parent / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(course, trial)
    path = trial / "submitted" / "eve" / attack.lab / f"{attack.lab}.ipynb"
    path.parent.mkdir(parents=True)
    notebook = hand_in(attack, released[attack.lab], world.facts)
    path.write_bytes(notebook)
    world.harmed()  # forgets connections that came late
    world.note()
    record = course.parent / "record.json"
    record.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with open(course.parent / "log", "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        code = 1
        try:
            record.write_text(json.dumps(trial_of(attack, trial, world)))
            code = 0
        except BaseException as error:
            print("trial", repr(error))
        finally:
            os._exit(code)
    end = time.monotonic() + PATIENCE
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.05)
    late = time.monotonic() > end
    harmed = [_place(each, world) for each in world.harmed() if ".config" not in each]  # matplotlib's cache
    harmed = [each for each in harmed if each != "changed: home"]  # the folder that got it
    left = end_all()
    found = json.loads(record.read_text()) if record.exists() else {}
    if not found:
        failed = f"not done after {PATIENCE} s" if late else "nbgrader ended"
        found = {"failed": failed, "marks": {}, "dangers": [], "breaches": [], "leaked": []}
    world.mend()
    places = {_place(each, world) for each in found["breaches"]}
    found["breaches"] = sorted(each for each in places if ROOTS not in each)  # not every machine has those
    return {**found, "harmed": sorted(set(harmed)), "left": left}


def _place(path: str, world: Any) -> str:
    path = path.replace(str(world.root) + "/", "").replace(str(world.root), "the folder around it")
    for pid, who in ((world.sibling.pid, "a neighbour"), (os.getpid(), "the grader")):
        path = re.sub(rf"\b{pid}\b", who, path)
    return path


def trial_of(attack: Attack, trial: Path, world: Any) -> dict[str, Any]:
    """Return what nbgrader makes of the hand-in."""
    from hostile_page import dangers
    from hostile_world import outputs_of
    from nbgrader.api import Gradebook, MissingEntry

    failed = ""
    try:
        run(trial, "autograde", attack.lab)
    except BaseException as error:
        failed = type(error).__name__
    marks: dict[str, float | None] = {}
    with contextlib.suppress(MissingEntry), Gradebook(f"sqlite:///{trial}/gradebook.db") as gradebook:
        submission = gradebook.find_submission_notebook(attack.lab, attack.lab, "eve")
        marks = {grade.name: grade.auto_score for grade in submission.grades}
    executed = trial / "autograded" / "eve" / attack.lab / f"{attack.lab}.ipynb"
    text = executed.read_text(encoding="utf-8", errors="replace") if executed.exists() else ""
    page = ""
    if text:
        with contextlib.suppress(BaseException):
            run(trial, "feedback", attack.lab)
            page = next(trial.glob("feedback/eve/*/*.html")).read_text(encoding="utf-8")
    outputs = ""
    with contextlib.suppress(Exception):
        outputs = outputs_of(text)
    return {
        "failed": failed or ("" if marks else "no marks"),
        "marks": marks,
        "breaches": [line for line in outputs.splitlines() if line.startswith(BREACH)],
        "leaked": world.leaked(outputs),
        "dangers": dangers(page, ours=False) if page else [],
    }


def outcome(attack: Attack, raw: dict[str, Any], usual: set[str]) -> dict[str, Any]:
    """Return an outcome as data: what it is, and in words."""
    spans = {name: span for name, span in attack.allowed.items() if span is not None}
    total = sum(points or 0 for name, points in FULL[attack.lab].items())
    points = sum(min(raw["marks"].get(name) or 0, FULL[attack.lab][name] or 0) for name in spans)
    raised = sum(raw["marks"].get(name) or 0 for name in spans)
    most, least = (sum(span[n] for span in spans.values()) for n in (1, 0))
    words, verdict = [], "held"
    if raw["failed"]:
        words, verdict = [f"not graded{_why(raw['failed'])}"], "ungraded"
    else:
        words.append(f"{raised:g} of {total:g} points")
        if raised > most + 1e-9:
            words[-1] += f", {raised - most:g} too many"
            verdict = "gained"
        elif points < least - 1e-9:
            words[-1] += f", {least - points:g} too few"
            verdict = "lost"
    scripts = sorted(set(raw["dangers"]) - usual)
    found = {"read": raw["leaked"]}
    for what in ("reached", "changed"):
        found[what] = [each.removeprefix(f"{what}: ") for each in raw["harmed"] if each.startswith(what)]
    found["it got"] = [each.removeprefix(BREACH).strip() for each in raw["breaches"]]
    words += [f"{what}: {_short(places)}" for what, places in found.items() if places]
    if scripts:
        words.append(f"{len(scripts)} dangerous thing{'s' * (len(scripts) > 1)} on the page")
    if raw["left"]:
        words.append(f"{raw['left']} process{'es' * (raw['left'] > 1)} left")
    if verdict in ("held", "lost") and (any(found.values()) or scripts or raw["left"]):
        verdict = "harmed"
    return {"verdict": verdict, "words": "; ".join(words)}


def _short(places: list[str]) -> str:
    places = list(dict.fromkeys(place.replace("|", "/")[:60] for place in places))
    return ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")


def _why(failed: str) -> str:
    return "" if failed == "NbGraderException" else f" ({failed})"


def end_all() -> int:
    """End every process in here but this one and the world's; return how many there were."""
    import psutil
    from hostile_world import NEIGHBOURS

    keep = {os.getpid(), 1, os.getppid(), *NEIGHBOURS}
    time.sleep(0.3)
    rest = [p for p in psutil.process_iter() if p.pid not in keep and p.status() != psutil.STATUS_ZOMBIE]
    for process in rest:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return len(rest)


if __name__ == "__main__":
    main(sys.argv[1:])

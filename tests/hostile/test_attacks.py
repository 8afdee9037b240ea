"""Every attack of attacks/ in every tier: no gain, no leak, nothing left, and the next hand-in is well."""

import os
import re
import threading
import time
from dataclasses import replace

import hostile_page
import hostile_world
import psutil
import pytest
import table
from hostile_attack import ANSWERS, BREACH, FULL, Attack, attacks, hand_in
from labgrader import warm
from labgrader.grade import grade
from labgrader.policy import MIB, Policy
from labgrader.sandbox.probe import probe
from labgrader.secret import secret_for

STRONG = ("bwrap", "landlock")
POLICY = Policy(
    key=b"k" * 32,
    cell_seconds=1,
    question_seconds=2,
    submission_seconds=20,
    grace_seconds=0.3,
    memory=512 * MIB,
    processes=48,
    disk=24 * MIB,
    file_size=16 * MIB,
    cell_output=100_000,
    total_output=500_000,
)
NOTEBOOKS = [attack for attack in attacks() if attack.group != "archives"]
ANYWHERE = ("control", "cheating", "structure", "injection", "leaking", "shadowed")  # in any tier the same
EVERY_TIER = os.environ.get("HOSTILE_TIERS") == "all"
MOST_MEMORY = 300 * MIB


def roomy(policy):
    """Return a policy whose time nothing honest runs out of, however busy the machine is."""
    return replace(policy, cell_seconds=15, question_seconds=30, submission_seconds=60)


class Watch(threading.Thread):
    """Samples the memory of this process, the worker, and of the processes that run tests."""

    def __init__(self):
        super().__init__(daemon=True)
        self.least, self.most, self.over = {}, {}, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            self.sample()

    def sample(self):
        server = warm._kept.warm.trusted.pid if warm._kept.warm else 0
        for pid in [os.getpid(), *_children(server)]:
            size = _anonymous(pid)
            if size:
                self.least[pid] = min(self.least.get(pid, size), size)
                self.most[pid] = max(self.most.get(pid, 0), size)

    @property
    def growth(self):
        return max((self.most[pid] - self.least[pid] for pid in self.most), default=0)


def _children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _anonymous(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))
    except (OSError, StopIteration):
        return 0


class Worker:
    """The warm worker of one tier, and what it has while no hand-in is in work."""

    def __init__(self, tier, world):
        self.policy = replace(POLICY, isolation=tier, tier=tier, hidden=(str(world.course.root),))
        self.world = world
        warm.close()
        self.others = {child.pid for child in psutil.Process().children()}  # of other tests: a browser
        self.honest = {
            lab: hand_in(Attack("x", "x", "", "", lab=lab, start="honest"), world.released[lab], world.facts)
            for lab in FULL
        }
        for lab in FULL:
            self.check_next(lab)
        time.sleep(0.3)
        self.processes, self.fds, self.files = len(self.alive()), _fds(), len(self.kept())

    def check_next(self, lab="00_toy"):
        policy = roomy(self.policy)
        result = grade(self.honest[lab], self.world.labs[lab], policy)
        assert {mark.name: mark.points for mark in result.marks} == FULL[lab], result.marks
        return result

    def alive(self):
        """Return this process's descendants, and whatever else runs as the sandbox's user."""
        first = [child for child in psutil.Process().children() if child.pid not in self.others]
        mine = {child.pid for one in first for child in [one, *_children_of(one)]}
        sandbox = warm._kept.warm.zygote._warm if warm._kept.warm and warm._kept.warm.zygote else None
        if sandbox is not None and sandbox.lease:
            uid = sandbox.lease.uid
            mine |= {
                p.pid for p in psutil.process_iter(["uids"]) if p.info["uids"] and p.info["uids"].real == uid
            }
        return mine - {self.world.sibling.pid}

    def kept(self):
        """Return the files in the sandbox's folder."""
        sandbox = warm._kept.warm.zygote._warm
        return [os.path.join(folder, name) for folder, _, names in os.walk(sandbox.base) for name in names]

    def left(self, seconds=15.0):
        """Return what is there more than before; what is ended dies in its own time on a busy machine."""
        end = time.monotonic() + seconds
        while True:
            more = []
            if len(self.alive()) > self.processes:
                more.append(f"processes {[_words(pid) for pid in self.alive()]}")
            if len(self.kept()) > self.files:
                more.append(f"files {self.kept()}")
            if _fds() > self.fds:
                more.append(f"{_fds()} open files in place of {self.fds}")
            more += hostile_world.left_outside()
            if not more or time.monotonic() > end:
                return more
            time.sleep(0.05)


def _children_of(process):
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _words(pid):
    try:
        process = psutil.Process(pid)
        return [pid, process.ppid(), process.status(), *process.cmdline()[:4]]
    except psutil.Error:
        return []


def _fds():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(scope="session")
def workers(world):
    return {}


@pytest.fixture
def worker(workers, world, tier):
    report = probe((tier,))[0]
    if not report.holds:
        pytest.skip(f"the tier {tier} does not hold here: {report.reason}")
    if tier not in workers:
        workers.clear()
        workers[tier] = Worker(tier, world)
    return workers[tier]


def cases():
    """Return every pair of a tier and an attack that is to run, tier by tier."""
    found = [("bwrap", attack) for attack in NOTEBOOKS]
    found += [("landlock", attack) for attack in NOTEBOOKS if EVERY_TIER or attack.group not in ANYWHERE]
    return found + [("rlimits", attack) for attack in NOTEBOOKS if EVERY_TIER and attack.tiers == "all"]


CASES = cases()


def _with_pages():
    """Return the tiers whose feedback pages are looked at: every one, or the first that holds."""
    if EVERY_TIER:
        return (*STRONG, "rlimits")
    return [tier for tier in STRONG if probe((tier,))[0].holds][:1]


def _ids(case):
    return f"{case[0]}-{case[1].name}"


@pytest.mark.parametrize(("tier", "attack"), CASES, ids=map(_ids, CASES))
def test_attack(worker, world, outcomes, tier, attack):
    lab = world.labs[attack.lab]
    policy = worker.policy if attack.short else roomy(worker.policy)
    notebook = hand_in(attack, world.released[attack.lab], world.facts)
    world.note()
    watch = Watch()
    watch.sample()
    watch.start()
    start = time.monotonic()
    result = grade(notebook, lab, policy)
    seconds = time.monotonic() - start
    watch.over.set()
    watch.join()
    page = hostile_page.feedback(result, lab, policy) if tier in _with_pages() else ""

    marks = {mark.name: mark for mark in result.marks}
    assert set(marks) == set(attack.allowed)
    for name, span in attack.allowed.items():
        mark = marks[name]
        if span is None:
            assert mark.points is None
            continue
        assert span[0] <= (mark.points or 0) <= span[1], (mark, result.marks, outputs_tail(result))
        assert mark.points is None or mark.points == mark.max or mark.reason, mark
    for name, pattern in attack.reason.items():
        assert re.search(pattern, marks[name].reason), marks[name]
    if attack.flag:
        assert any(re.search(attack.flag, flag) for flag in result.flags), result.flags

    outputs = hostile_world.outputs_of(result.notebook)
    shown = "\n".join([result.notebook, page, *result.flags, *(mark.reason for mark in result.marks)])
    assert BREACH not in outputs, re.findall(f"{BREACH}.*", outputs)
    assert world.leaked(shown) == []
    secret = secret_for(policy.key, attack.lab, notebook)
    assert not [name for name in ANSWERS[attack.lab] if secret(name) in shown]
    for text in attack.says:
        assert text in outputs, outputs[-3000:]
    assert world.harmed() == []

    assert not page or hostile_page.dangers(page) == []
    assert hostile_page.odd_outputs(result.notebook) == []
    assert len(result.notebook) < 4 * MIB
    assert len(page) < 8 * MIB

    assert seconds < policy.submission_seconds + 5
    assert watch.growth < MOST_MEMORY, f"{watch.growth / MIB:.0f} MB"
    if attack.later:
        known = set(re.findall(r"-?\d+\.\d+", " ".join(re.findall(r"(?:INPUT|KEPT).*", outputs))))
        assert known or attack.stem != "keeps", outputs
        table_of = "{" + ", ".join(f"{x}: {2 * float(x)}" for x in sorted(known)) + "}"
        second = replace(attack, cells={"double": f"def double(x):\n    return {table_of}.get(x)"}, insert=[])
        again = grade(hand_in(second, world.released[attack.lab], world.facts), lab, roomy(policy))
        assert {mark.name: mark.points for mark in again.marks}["test-double"] == 0
    assert worker.left() == []
    if EVERY_TIER or attack.group not in ANYWHERE:
        worker.check_next()
    outcomes.setdefault(attack.name, {})[tier] = table.points(attack, {n: m.points for n, m in marks.items()})


def outputs_tail(result):
    return hostile_world.outputs_of(result.notebook)[-1500:]

"""Sandboxes of every tier that this machine offers, started once."""

import pytest
from labgrader.sandbox import SandboxLimits, SandboxPolicy, Zygote, probe, snippet
from labgrader.sandbox.records import MIB, TIERS

SMALL = SandboxLimits(
    memory=128 * MIB, processes=24, disk=16 * MIB, files=2000, file_size=12 * MIB, open_files=64
)


def tier_or_skip(tier):
    report = probe.probe((tier,))[0]
    if not report.holds:
        pytest.skip(f"the tier {tier} does not hold here: {report.reason}")
    return tier


@pytest.fixture(scope="session", params=TIERS)
def tier(request):
    return tier_or_skip(request.param)


@pytest.fixture(scope="session", params=("bwrap", "landlock"))
def protecting_tier(request):
    return tier_or_skip(request.param)


def _light(tier):
    return Zygote(tier, SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=()))


@pytest.fixture(scope="session")
def zygote(tier):
    with _light(tier) as zygote:
        yield zygote


@pytest.fixture(scope="session")
def strong(protecting_tier):
    with _light(protecting_tier) as zygote:
        yield zygote


@pytest.fixture
def child(zygote):
    with zygote.fork() as child:
        yield child


@pytest.fixture
def sealed(strong):
    with strong.fork() as child:
        yield child

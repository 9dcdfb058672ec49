"""The self-test passes on what ships, and fails when an installation measures something else."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import pytest

import audit.runs.selftest
from audit import Audit
from audit.cli.app import main
from audit.results.probe_result import ProbeResult
from audit.runs.audit import audit as run_audit
from audit.runs.selftest import Check, check_recovery, check_reduction, check_unplanted, format_checks

PLANTED = json.loads((resources.files("audit") / "demo" / "planted.json").read_text())


def test_a_failed_check_is_shown_and_exits_with_1(monkeypatch, capsys):
    """Each check is a line with what was seen and what was wanted; one that failed makes the exit code 1."""
    checks = [Check("one thing", "0.95", "0.9", True), Check("another", "0.5", "0.9", False)]
    monkeypatch.setattr(audit.runs.selftest, "selftest", lambda progress: checks)
    assert main(["selftest"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ok", "one", "thing", "0.95", "(wanted:", "0.9)"]
    assert lines[1].startswith("FAILED another")
    assert "1 of 2 checks failed" in lines[2]


def test_passed_checks_exit_with_0(monkeypatch, capsys):
    """Where all hold, the last line says so."""
    monkeypatch.setattr(audit.runs.selftest, "selftest", lambda progress: [Check("one thing", "0.95", "0.9", True)])
    assert main(["selftest"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "All checks passed."


@pytest.fixture(scope="module")
def tested() -> tuple[list[Check], list[Audit]]:
    """The whole self-test, and the two audits that it is made of."""
    audits = []

    def kept(*asked, **options) -> Audit:
        audits.append(run_audit(*asked, **options))
        return audits[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audit.runs.selftest, "audit", kept)
        return audit.runs.selftest.selftest(), audits


@pytest.fixture(scope="module")
def demos(tested) -> list[Audit]:
    """Both demo checkpoints under two probes, of which the second was asked one."""
    names = ("traits", "occupation-by-nationality")
    return [replace(made, probes=tuple(p for p in made.probes if p.name in names)) for made in tested[1]]


def changed(result: Audit, change) -> Audit:
    """The audit with every association changed."""

    def each(probe: ProbeResult) -> ProbeResult:
        return replace(probe, associations=tuple(change(a) for a in probe.associations))

    return replace(result, probes=tuple(each(probe) for probe in result.probes))


def ratio(factor: float):
    """Multiplies an association's log2 ratio."""
    return lambda a: replace(a, log2_ratio=None if a.log2_ratio is None else factor * a.log2_ratio)


@pytest.mark.slow
def test_what_was_planted_is_found(demos):
    """The right numbers pass; the same ones halved, reversed or shuffled between words don't."""
    before, _ = demos
    checks = check_recovery(before, PLANTED)
    assert all(check.passed for check in checks), format_checks(checks)
    assert len(checks) == 3
    for factor in (0.5, -1, 1.5):
        assert not any(check.passed for check in check_recovery(changed(before, ratio(factor)), PLANTED))
    others = {a.target: a.target[::-1] for probe in before.probes for a in probe.associations}
    renamed = dict(zip(sorted(others), sorted(others, key=others.get), strict=True))
    shuffled = changed(before, lambda a: replace(a, target=renamed[a.target]))
    assert not any(check.passed for check in check_recovery(shuffled, PLANTED))


@pytest.mark.slow
def test_where_nothing_was_planted_nothing_is_found(demos):
    """The unplanted axis is quiet, and one moderate grade on it is a failure, as is nothing graded at all."""
    before, _ = demos
    (check,) = check_unplanted(before, PLANTED)
    assert check.passed, check
    loud = changed(before, lambda a: replace(a, grade="moderate") if a.axis == "NATIONALITY" and a.grade else a)
    silent = changed(before, lambda a: replace(a, grade=None))
    assert not check_unplanted(loud, PLANTED)[0].passed
    assert not check_unplanted(silent, PLANTED)[0].passed


@pytest.mark.slow
def test_what_fine_tuning_took_away_is_measured(demos):
    """The reduction is within a quarter of the planted one; no reduction, or one of everything, fails."""
    before, after = demos
    for check in check_reduction(before, after, PLANTED):
        assert check.passed, check
    assert not all(check.passed for check in check_reduction(before, before, PLANTED))
    assert not all(check.passed for check in check_reduction(before, changed(before, ratio(0.5)), PLANTED))


@pytest.mark.slow
def test_the_whole_self_test_passes(tested):
    """`selftest` audits every shipped probe with planted associations on both checkpoints, and passes."""
    checks, _ = tested
    assert len(checks) > 15
    assert all(check.passed for check in checks), format_checks(checks)

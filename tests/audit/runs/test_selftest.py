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
from audit.runs.selftest import Check, quiet, recovered, reduced, table

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
def demos(tmp_path_factory) -> tuple[Audit, Audit]:
    """Both demo checkpoints under two probes."""
    folder, probes = tmp_path_factory.mktemp("runs"), ("traits", "occupation-by-nationality")
    one, other = (run_audit(name, probes, out=folder / name) for name in ("demo", "demo-finetuned"))
    return one, other


def changed(result: Audit, change) -> Audit:
    """The audit with every association changed."""

    def each(probe: ProbeResult) -> ProbeResult:
        return replace(probe, associations=tuple(change(a) for a in probe.associations))

    return replace(result, probes=tuple(each(probe) for probe in result.probes))


def ratio(factor: float):
    """Multiplies an association's log2 ratio."""
    return lambda a: replace(a, log2_ratio=None if a.log2_ratio is None else factor * a.log2_ratio)


@pytest.mark.slow
def test_what_was_planted_is_recovered(demos):
    """The right numbers pass; the same ones halved, reversed or shuffled between words don't."""
    before, _ = demos
    assert all(check.passed for check in recovered(before, PLANTED)), table(recovered(before, PLANTED))
    assert len(recovered(before, PLANTED)) == 3
    for factor in (0.5, -1, 1.5):
        assert not any(check.passed for check in recovered(changed(before, ratio(factor)), PLANTED))
    others = {a.target: a.target[::-1] for probe in before.probes for a in probe.associations}
    renamed = dict(zip(sorted(others), sorted(others, key=others.get), strict=True))
    shuffled = changed(before, lambda a: replace(a, target=renamed[a.target]))
    assert not any(check.passed for check in recovered(shuffled, PLANTED))


@pytest.mark.slow
def test_where_nothing_was_planted_nothing_is_found(demos):
    """The unplanted axis is quiet, and one moderate grade on it is a failure, as is nothing graded at all."""
    before, _ = demos
    (check,) = quiet(before, PLANTED)
    assert check.passed, check
    loud = changed(before, lambda a: replace(a, grade="moderate") if a.axis == "NATIONALITY" and a.grade else a)
    silent = changed(before, lambda a: replace(a, grade=None))
    assert not quiet(loud, PLANTED)[0].passed
    assert not quiet(silent, PLANTED)[0].passed


@pytest.mark.slow
def test_what_fine_tuning_took_away_is_measured(demos):
    """The reduction is within a quarter of the planted one; no reduction, or one of everything, fails."""
    before, after = demos
    for check in reduced(before, after, PLANTED):
        assert check.passed, check
    assert not all(check.passed for check in reduced(before, before, PLANTED))
    assert not all(check.passed for check in reduced(before, changed(before, ratio(0.5)), PLANTED))


@pytest.mark.slow
def test_the_whole_self_test_passes():
    """`selftest` audits every shipped probe with planted associations on both checkpoints, and passes."""
    checks = audit.runs.selftest.selftest()
    assert len(checks) > 15
    assert all(check.passed for check in checks), table(checks)

"""`maskaudit check` as a user and a workflow meet it, and the workflow that is documented."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from support import audits
from support.surroundings import ROOT

from audit.cli.app import app, main
from audit.storage.serialization import json_bytes

WORKFLOW = ROOT / "docs" / "bias-gate.yml"
POLICY = """\
policy: our-gate
limits:
  - {name: stigma, metric: stigma_ratio, fails_when: {high_above: 0.1}}
  - {name: distance, metric: js_divergence_bits, fails_when: {low_above: 0.99}}
"""


@pytest.fixture(autouse=True)
def finished(tmp_path, monkeypatch):
    """Each test in a folder of its own, with a finished run and a policy in it."""
    from dataclasses import asdict

    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/audit.json").write_bytes(json_bytes(asdict(audits.audit())))
    Path("policy.yaml").write_text(POLICY)


def commands(workflow: object) -> list[list[str]]:
    """The words of each maskaudit command in a workflow, variables as they stand."""
    assert isinstance(workflow, dict)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    lines = [shlex.split(line) for step in steps for line in step.get("run", "").split("\n")]
    return [words for words in lines if words[:1] == ["maskaudit"]]


def options(command: str) -> set[str]:
    """All options of a command, by typer's own account."""
    import typer.main

    group = typer.main.get_command(app)
    return {name for option in group.commands[command].params for name in option.opts}  # type: ignore[attr-defined]


def test_the_documented_workflow_uses_what_there_is():
    """Every command and option in the workflow exists, and the report is kept whatever the verdict."""
    workflow = yaml.safe_load(WORKFLOW.read_text())
    found = commands(workflow)
    assert [words[1] for words in found] == ["run", "check"]
    for words in found:
        assert {word for word in words if word.startswith("--")} <= options(words[1])
    steps = workflow["jobs"]["bias"]["steps"]
    assert steps[-1]["if"] == "always()"
    assert "runs/gate/report.html" in steps[-1]["with"]["path"]


def test_the_documented_check_runs_as_written(tmp_path, monkeypatch, capsys):
    """The workflow's own check command, with its variables, writes both files and fails a policy that must fail."""
    (check,) = [words[1:] for words in commands(yaml.safe_load(WORKFLOW.read_text())) if words[1] == "check"]
    monkeypatch.setenv("POLICY", "policy.yaml")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert main([os.path.expandvars(word).replace("runs/gate", "run") for word in check]) == 1
    assert "crossed        stigma" in capsys.readouterr().out
    (failure,) = ElementTree.parse("junit.xml").iter("failure")
    assert "numbers crossed" in failure.attrib["message"]
    assert "| stigma | **crossed** |" in Path("summary.md").read_text()


def test_a_policy_that_must_fail_fails_the_same_in_every_form(capsys):
    """Exit code 1, and the same number of crossings in text, JSON, XML and Markdown."""
    files = ["--junit", "junit.xml", "--github-summary", "summary.md"]
    assert main(["check", "run", "--policy", "policy.yaml", *files]) == 1
    text = capsys.readouterr().out
    assert main(["check", "run", "--policy", "policy.yaml", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["exit_code"]) == ("crossed", 1)
    count = len(told["limits"][0]["crossings"])
    for form in (text, Path("junit.xml").read_text(), Path("summary.md").read_text()):
        assert f"{count} of {count} numbers crossed" in form


def test_a_malformed_policy_exits_2_with_line_and_column(capsys):
    """Each fault is a line of file, line and column on stderr, and nothing is written."""
    Path("policy.yaml").write_text(POLICY.replace("high_above", "value").replace("js_divergence_bits", "distance"))
    assert main(["check", "run", "--policy", "policy.yaml", "--junit", "junit.xml"]) == 2
    printed = capsys.readouterr()
    assert [line.split(" ")[0] for line in printed.err.splitlines()[:2]] == ["policy.yaml:3:55:", "policy.yaml:4:30:"]
    assert "2 fault(s) in the policy" in printed.err
    assert printed.out == ""
    assert not Path("junit.xml").exists()


def test_a_name_that_isnt_in_the_run_exits_2(capsys):
    """A misspelt level is told at its place in the policy."""
    Path("policy.yaml").write_text(POLICY.replace("stigma_ratio,", "stigma_ratio, level: Blak,"))
    assert main(["check", "run", "--policy", "policy.yaml"]) == 2
    assert re.match(r"policy\.yaml:3:\d+: no level `Blak`.*did you mean `Black`", capsys.readouterr().err)


def test_what_is_not_evaluable_exits_4():
    """A run with too few wordings for intervals is not passed."""
    from dataclasses import asdict

    few = audits.audit(audits.Plan(templates=audits.TEMPLATES[:3]))
    Path("run/audit.json").write_bytes(json_bytes(asdict(few)))
    assert main(["check", "run", "--policy", "policy.yaml"]) == 4


def test_a_saved_policy_is_passed_by_the_run_it_came_from(capsys):
    """`--save-policy` writes a ratchet that the same run passes, and doesn't replace a file that is there."""
    assert main(["check", "run", "--save-policy", "ratchet.yaml"]) == 0
    assert main(["check", "run", "--policy", "ratchet.yaml"]) == 0
    assert main(["check", "run", "--save-policy", "ratchet.yaml"]) == 2
    assert "ratchet.yaml exists already" in capsys.readouterr().err


def test_nothing_is_written_that_wasnt_asked_for(tmp_path, monkeypatch):
    """That GitHub names a summary file is no reason to write to it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", "run", "--policy", "policy.yaml"]) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_summary_is_added_to_what_other_steps_wrote():
    """The summary file is shared by the steps of a job: nothing in it is lost."""
    Path("summary.md").write_text("# An earlier step\n")
    assert main(["check", "run", "--policy", "policy.yaml", "--github-summary", "summary.md"]) == 1
    assert Path("summary.md").read_text().startswith("# An earlier step\n")
    assert "Policy our-gate" in Path("summary.md").read_text()


def test_the_policy_in_the_readme_evaluates_a_comparison(capsys):
    """The README's policy has both limits, is refused for a run, and evaluates a comparison."""
    from dataclasses import asdict

    from support import comparisons

    text = re.search(r"```yaml\n(policy: .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert text
    Path("policy.yaml").write_text(text[1].replace("probe: occupation ", ""))
    assert main(["check", "run", "--policy", "policy.yaml"]) == 2
    assert "a run has no `association_widening`: check a comparison" in capsys.readouterr().err
    Path("cmp").mkdir()
    Path("cmp/comparison.json").write_bytes(json_bytes(asdict(comparisons.narrowed())))
    assert main(["check", "cmp", "--policy", "policy.yaml"]) in (0, 1)
    told = capsys.readouterr().out
    assert "stigma" in told
    assert "nothing widens" in told


def test_what_is_at_a_path_stays_what_it_is():
    """A link is written through, a mode is kept, and a verdict is printed even where a file can't be written."""
    Path("sum.md").write_text("before\n")
    Path("link.md").symlink_to("sum.md")
    assert main(["check", "run", "--policy", "policy.yaml", "--github-summary", "link.md"]) == 1
    assert Path("link.md").is_symlink()
    assert Path("sum.md").read_text().startswith("before\n")
    assert "Policy our-gate" in Path("sum.md").read_text()


def test_a_verdict_is_told_where_its_file_cannot_be_written(capsys):
    """The text comes first, and the message names the option whose file failed."""
    assert main(["check", "run", "--policy", "policy.yaml", "--junit", "run"]) == 2
    printed = capsys.readouterr()
    assert "crossed        stigma" in printed.out
    assert "choose another file with --junit" in printed.err


def test_an_empty_summary_is_no_file(capsys):
    """Outside of GitHub the variable is empty: the verdict and its exit code stand, and it is said."""
    assert main(["check", "run", "--policy", "policy.yaml", "--github-summary", ""]) == 1
    assert "--github-summary is empty" in capsys.readouterr().err


def test_nothing_that_a_terminal_or_a_log_obeys_comes_from_a_policy(capsys):
    """Faults quote what stands in the file: without escapes, and never as a line of its own."""
    Path("policy.yaml").write_text(
        'policy: p\nlimits:\n  - name: a\n    metric: "st\\e[31m\\n::warning::x"\n    "b\\n::error::x\\e[1m": 1\n'
    )
    assert main(["check", "run", "--policy", "policy.yaml"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert not any(line.startswith("::") for line in said.splitlines())
    assert "policy.yaml:4:" in said


def test_saving_a_policy_takes_no_other_output(capsys):
    """What would be ignored is refused, and the schema is printed without a run's policy."""
    assert main(["check", "run", "--save-policy", "new.yaml", "--junit", "junit.xml"]) == 2
    assert not Path("new.yaml").exists()
    assert main(["check", "--schema"]) == 0
    assert "limits" in capsys.readouterr().out

"""`maskaudit check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from audit.cli.console import complain, say
from audit.cli.output_files import write_new, write_to


def _print_schema(wanted: bool) -> None:
    """Print the JSON schema of policies, for editors, and exit."""
    if wanted:
        import json

        from audit.policy.schema import policy_schema

        say(json.dumps(policy_schema(), indent=2))
        raise typer.Exit


def check(
    result: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run or comparison.")],
    policy: Annotated[Path | None, typer.Option(help="A YAML file of limits; --save-policy writes one.")] = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="What goes to stdout.")] = "text",
    junit: Annotated[Path | None, typer.Option(help="File to write the verdict to as JUnit XML.")] = None,
    github_summary: Annotated[
        Path | None, typer.Option(help='File to add the verdict to as Markdown: "$GITHUB_STEP_SUMMARY".')
    ] = None,
    save_policy: Annotated[
        Path | None,
        typer.Option(help="File to write today's limits to: evidence of anything worse than today crosses them."),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", callback=_print_schema, is_eager=True, help="Print a policy's JSON schema.")
    ] = False,
) -> None:
    """Check a run or a comparison against a policy. Exit 1: a limit is crossed; 4: a limit is not evaluable."""
    if (policy is None) == (save_policy is None):
        raise typer.BadParameter("give either --policy FILE or --save-policy FILE", param_hint="--policy")
    if save_policy is not None and (junit, github_summary, format) != (None, None, "text"):
        raise typer.BadParameter(
            "it checks nothing: leave out --junit, --github-summary and --format", param_hint="--save-policy"
        )
    if save_policy is not None:
        from audit.comparisons.store import load_result
        from audit.policy import baseline

        write_new(save_policy, baseline.save_policy(load_result(result)), "--save-policy")
        say(f"{save_policy}: edit it, then `maskaudit check {result} --policy {save_policy}`")
    elif policy is not None:
        _evaluate(result, policy, format, junit, github_summary)


def _evaluate(result: Path, policy: Path, format: str, junit: Path | None, github_summary: Path | None) -> None:
    from audit.comparisons.store import load_result
    from audit.policy import formats
    from audit.policy.evaluate import evaluate
    from audit.policy.schema import load_policy

    verdict = evaluate(load_policy(policy), load_result(result))
    say(formats.as_json(verdict) if format == "json" else formats.as_text(verdict))
    for option, path, add, form in (
        ("--junit", junit, False, formats.as_junit),
        ("--github-summary", github_summary, True, formats.as_github_summary),
    ):
        if path == Path():
            complain(f"maskaudit: {option} is empty: nothing was written there")
        elif path is not None:
            write_to(path, form(verdict).encode(), option, add=add)
    if verdict.exit_code:
        raise typer.Exit(verdict.exit_code)

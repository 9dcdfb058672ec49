"""`maskaudit run`, `merge`, `plan` and `selftest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.console import say
from audit.cli.options import CHECKPOINT_HELP, MaxPrompts, Probes, RunFolderPath, takes_options
from audit.cli.output import finish_audit
from audit.options import MAX_PROMPTS, EngineName, Options

_FROM_RECIPE = ("probe", "revision", "top_k", "multi_token", "dtype", "seed", "shard")
"""Options that `--from` takes from the recipe."""


@takes_options()
def run(
    context: typer.Context,
    checkpoint: Annotated[
        str | None, typer.Argument(metavar="[CHECKPOINT]", help=CHECKPOINT_HELP, show_default=False)
    ] = None,
    probe: Probes = None,
    out: RunFolderPath = None,
    repeated: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN.JSON",
            help="Repeat that run: its checkpoint (unless one is named), probes and settings, and say whether scores "
            "are the same. Goes to runs/NAME-again.",
        ),
    ] = None,
    *,
    options: Options,
    max_prompts: MaxPrompts = MAX_PROMPTS,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in the folder.")] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Score the I-th of N shards alone; `merge` puts them together.")
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="ray: on every GPU, else CPU, of a Ray cluster.")] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(help="auto or host:port, on a node of it. Default: RAY_ADDRESS, or a Ray of this machine alone."),
    ] = None,
) -> None:
    """Audit a checkpoint and write its report. A run that was interrupted continues where it stopped."""
    from audit.cli.progress import show_progress
    from audit.runs.audit import audit
    from audit.runs.recipe import default_folder

    if repeated is not None:
        _refuse_recipe_options(context)
    elif checkpoint is None:
        context.fail("Missing argument 'CHECKPOINT': name one, or a run to repeat with --from.")
    if ray_address is not None and engine != "ray":
        raise typer.BadParameter("it goes with --engine ray", param_hint="--ray-address")
    if repeated is not None:
        return _repeat(repeated, checkpoint, out, options, max_prompts, overwrite, engine, ray_address)
    assert checkpoint is not None
    if shard is not None:
        if engine != "local":
            raise typer.BadParameter("a shard is scored by this process: leave out --engine", param_hint="--shard")
        return _run_shard(shard, checkpoint, probe, out, options, max_prompts, overwrite)
    folder = out or default_folder(checkpoint)
    with show_progress() as progress:
        result = audit(
            checkpoint,
            probe or (),
            out=folder,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            engine=engine,
            ray_address=ray_address,
            progress=progress,
        )
    finish_audit(result, folder)


def _refuse_recipe_options(context: typer.Context) -> None:
    """Raise BadParameter for an option that the recipe to repeat decides."""
    for name in _FROM_RECIPE:
        if str(getattr(context.get_parameter_source(name), "name", "")) == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter("the repeated run decides it: leave it out beside --from", param_hint=option)


def _repeat(
    first: Path,
    checkpoint: str | None,
    out: Path | None,
    options: Options,
    max_prompts: int,
    overwrite: bool,
    engine: EngineName,
    ray_address: str | None,
) -> None:
    from audit.cli.progress import show_progress
    from audit.runs.reproduce import repeat

    with show_progress() as progress:
        done = repeat(
            first,
            checkpoint,
            out=out,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            engine=engine,
            ray_address=ray_address,
            progress=progress,
        )
    say(f"Repeated from {first}: {done.agreement or 'it has no scores to compare with'}.")
    finish_audit(done.audit, done.folder)


def _run_shard(
    text: str,
    checkpoint: str,
    probes: list[str] | None,
    out: Path | None,
    options: Options,
    max_prompts: int,
    overwrite: bool,
) -> None:
    from audit.cli.progress import show_progress
    from audit.runs.shards import Shard, score_shard

    shard = Shard.parse(text)
    with show_progress() as progress:
        done = score_shard(
            checkpoint,
            shard,
            probes or (),
            out=out,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            progress=progress,
        )
    say(f"Shard {shard.index} of {shard.count}: {done.chunks:,} of {done.of:,} chunks of scores are in {done.path}")
    say("When all are done: maskaudit merge SHARD...")


def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD...", help="Folders that `run --shard` wrote.")],
    probe: Annotated[
        list[str] | None, typer.Option("--probe", "-p", help="The YAML file of a probe that isn't shipped; repeatable.")
    ] = None,
    out: RunFolderPath = None,
) -> None:
    """Put the shards of a run together and write its report. Doesn't load a model."""
    from audit.cli.progress import show_progress
    from audit.runs.shards import merge as merge_shards

    with show_progress() as progress:
        result, folder = merge_shards(shards, probe or (), out=out, progress=progress)
    finish_audit(result, folder)


@takes_options("top_k", "seed")
def plan(
    checkpoint: Annotated[str, typer.Argument(help=CHECKPOINT_HELP, show_default=False)],
    probe: Probes = None,
    *,
    options: Options,
    max_prompts: MaxPrompts = MAX_PROMPTS,
) -> None:
    """Estimate what a run would cost, and which words it couldn't score, before running it."""
    from audit.runs.plan import plan_run
    from reports import render

    say(plan_run(checkpoint, probe or (), options, max_prompts, render))


def selftest() -> None:
    """Audit the demo checkpoints and say whether the bias planted in them is found; exit 1 if it isn't."""
    from audit.cli.progress import show_progress
    from audit.runs.selftest import format_checks
    from audit.runs.selftest import selftest as run_selftest

    with show_progress() as progress:
        checks = run_selftest(progress)
    say(format_checks(checks))
    failed = sum(not check.passed for check in checks)
    say(f"{failed} of {len(checks)} checks failed: don't trust this installation" if failed else "All checks passed.")
    if failed:
        raise typer.Exit(1)

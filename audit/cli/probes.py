"""`maskaudit probes`: list, show, check and start probes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.console import complain, say
from audit.cli.output_files import write_new

probes_app = typer.Typer(help="List, show, check and start probes.", no_args_is_help=True)


@probes_app.command("list")
def list_probes() -> None:
    """List the shipped probes."""
    from probes import count_prompts, load_probe, shipped_probes

    for name in shipped_probes():
        probe = load_probe(name)
        say(f"{name:28} {count_prompts(probe):>6,} prompts  {probe.question}")


@probes_app.command()
def show(
    probe: Annotated[str, typer.Argument(help="A shipped probe or a YAML file.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Print at most this many prompts.")] = None,
) -> None:
    """Print a probe and the prompts that it expands into."""
    import itertools

    from probes import expand, load_probe
    from probes.expand import factors

    loaded = load_probe(probe)
    say(f"{loaded.name} (version {loaded.version}): {loaded.title}\n{loaded.question}\n{loaded.measures}")
    for axis in loaded.axes:
        levels = ", ".join(
            level.name + (" (reference)" if level.name == axis.reference else "") for level in axis.levels
        )
        say(f"{axis.name}: {levels}")
    say(f"targets: {len(loaded.targets.words)} words of {loaded.targets.name}\n{factors(loaded)}\n")
    for prompt in itertools.islice(expand(loaded), limit):
        say(f"{' / '.join(prompt.levels):32} {prompt.text}")


@probes_app.command()
def validate(files: Annotated[list[str], typer.Argument(help="YAML files (or names of shipped probes).")]) -> None:
    """Check probe files. Every fault is printed as file:line:column: what: how to mend it."""
    from probes import ProbeError, load_probe
    from probes.expand import factors

    faults: list[str] = []
    for file in files:
        try:
            say(f"{file}: ok: {factors(load_probe(file))}")
        except ProbeError as error:
            faults.append(str(error))
    if faults:
        complain("\n".join(faults))
        raise typer.Exit(2)


@probes_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    out: Annotated[Path | None, typer.Option(help="File to write. Default: NAME.yaml.")] = None,
) -> None:
    """Write a commented starter file that runs as it is."""
    from probes.load import starter

    path = out or Path(f"{name}.yaml")
    write_new(path, starter(name), "--out")
    say(f"{path}: edit it, then `maskaudit probes validate {path}`")


@probes_app.command()
def schema() -> None:
    """Print the JSON schema of probe files, for editors."""
    import json

    from probes import probe_schema

    say(json.dumps(probe_schema(), indent=2))

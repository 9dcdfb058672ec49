"""The command: its subcommands and exit codes. Results go to stdout, progress and errors to stderr.

Every import that costs time is made in the subcommand that needs it: `--help` answers at once.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated

import typer

from audit.cli import audit_commands, benchmark_command, check_command, compare_command, report_commands
from audit.cli.console import complain, flush_output, say
from audit.cli.probes import probes_app
from audit.errors import AuditError

_RENAMED = {
    "--fresh": "--overwrite",
    "--token-budget": "--batch-tokens",
    "--any-version": "--allow-version-mismatch",
    "--multi-piece": "--multi-token",
}
"""Options of earlier versions, and what they are called now."""

app = typer.Typer(
    name="maskaudit",
    help="Audit masked language models for social bias: probes in, a report out.",
    epilog="Exit codes: 0 ok, 1 a limit was crossed or the self-test failed, 2 usage, probe or policy error, "
    "3 checkpoint error, 4 incomplete, non-finite or not evaluable, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(probes_app, name="probes")
for command in (
    audit_commands.run,
    audit_commands.merge,
    compare_command.compare,
    benchmark_command.benchmark,
    report_commands.report,
    check_command.check,
    report_commands.card,
    audit_commands.plan,
    audit_commands.selftest,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def _print_version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from importlib import metadata

        say(metadata.version("maskaudit"))
        raise typer.Exit


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. A user's error is one message on stderr, never a traceback."""
    words = sys.argv[1:] if argv is None else [*argv]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that can't show a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=words, prog_name="maskaudit")
    except SystemExit as done:  # typer has printed its own usage errors
        status = flush_output(done.code if isinstance(done.code, int) else 0)
        if status == 2:
            _name_new_options(words)
        return _report_interrupt(words) if status == 130 else status
    except KeyboardInterrupt:  # pressed again while typer was ending
        return _report_interrupt(words)
    except AuditError as error:
        complain(f"maskaudit: {error}")
        return error.status
    except ValueError as error:
        from probes.faults import MAX_FAULTS, FaultyFile

        if not isinstance(error, FaultyFile):
            raise
        more = "; no more were looked for" if len(error.faults) == MAX_FAULTS else ""
        complain(f"{error}\nmaskaudit: {len(error.faults)} fault(s) in the {error.kind}{more}")
        return 2
    except OSError as error:
        complain(f"maskaudit: {error.strerror or error}")
        return flush_output(4)
    return flush_output(0)


def _name_new_options(words: Sequence[str]) -> None:
    """Print the new name of each option that was renamed."""
    for option in dict.fromkeys(word.partition("=")[0] for word in words):
        if option in _RENAMED:
            complain(f"maskaudit: {option} was renamed: use {_RENAMED[option]}")


def _report_interrupt(words: Sequence[str]) -> int:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again while Python ends, it would show a traceback
    kept = "what a run has scored is kept; the same command without --overwrite continues from there"
    if [*words][:1] == ["benchmark"]:
        kept = "a benchmark keeps nothing until it is done (except the run of holistic-bias, which continues)"
    complain(f"maskaudit: interrupted; {kept}")
    return 130


if __name__ == "__main__":
    sys.exit(main())

"""The command: a thin skin over `audit`, `probes` and `reports`. Results go to stdout, progress and faults to stderr.

Every import that costs time is made in the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.console import complain, flushed, say
from audit.cli.output_files import rewrite, write_new, write_to, write_whole
from audit.cli.probes import probes_app
from audit.errors import AuditError, UsageError
from audit.options import DTYPES, MAX_PROMPTS, MOST_ANSWERS, Options

if TYPE_CHECKING:
    from audit.results.audit import Audit
    from audit.results.benchmark import Benchmark
    from audit.results.comparison import Comparison

CARD = "model-card.md"
"""In the folder of a run."""
_PATIENCE_SECONDS = 60
"""For another process in the folder of a run that is finished, before its page is given up."""

app = typer.Typer(
    name="maskaudit",
    help="Audit masked language models for social bias: probes in, a report out.",
    epilog="Exit codes: 0 ok, 1 a limit was crossed or the self-test failed, 2 usage, probe or policy fault, "
    "3 checkpoint fault, 4 incomplete, non-finite or not judged, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(probes_app, name="probes")

Checkpoint = Annotated[
    str, typer.Argument(help="A hub id, a local folder, `demo` or `demo-finetuned`.", show_default=False)
]
ProbeNames = Annotated[
    list[str] | None,
    typer.Option("--probe", "-p", help="A shipped probe or a YAML file; repeat for several. Default: all shipped."),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub checkpoint.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16, or int8 on a CPU: what is computed in.")]
TopK = Annotated[int, typer.Option(min=1, max=MOST_ANSWERS, help="Whole-vocabulary completions kept for each prompt.")]
MultiPiece = Annotated[
    bool, typer.Option("--multi-token", help="Score words of several pieces too; `plan` shows what it costs.")
]
TokenBudget = Annotated[int | None, typer.Option(min=1, max=10**9, help="Tokens in a batch. Default: by device.")]
MaxPrompts = Annotated[int, typer.Option(min=1, help="Refuse more prompts than this.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network: local folders and the hub's cache.")]
AllowPickle = Annotated[bool, typer.Option("--allow-pickle", help="Load .bin weights. Only from a source you trust.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that the checkpoint brings. Only if you have read it.")
]
HeadFrom = Annotated[
    str | None,
    typer.Option(help="Put the checkpoint's encoder under the masked-LM head of this one: for fine-tuned classifiers."),
]

Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Of the resampling behind intervals and nulls; scores don't change.")
]


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        from importlib import metadata

        say(metadata.version("maskaudit"))
        raise typer.Exit


@app.command()
def run(
    context: typer.Context,
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="[CHECKPOINT]", help="A hub id, a local folder, `demo` or `demo-finetuned`.", show_default=False
        ),
    ] = None,
    probe: ProbeNames = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
    repeated: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN.JSON",
            help="Repeat that run: its checkpoint (unless one is named), probes and settings, and say whether scores "
            "are the same. Goes to runs/NAME-again.",
        ),
    ] = None,
    revision: Revision = None,
    top_k: TopK = 10,
    multi_token: MultiPiece = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_tokens: TokenBudget = None,
    max_prompts: MaxPrompts = MAX_PROMPTS,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in the folder.")] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Score the I-th of N shares alone; `merge` puts them together.")
    ] = None,
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    trust_remote_code: TrustRemoteCode = False,
    mlm_head_from: HeadFrom = None,
    seed: Seed = 0,
    engine: Annotated[str, typer.Option(help="local, or ray: on every GPU, else CPU, of a Ray cluster.")] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(help="auto or host:port, on a node of it. Default: RAY_ADDRESS, or a Ray of this machine alone."),
    ] = None,
) -> None:
    """Audit a checkpoint and write its report. A run that was cut short goes on where it stopped."""
    from audit.cli.progress import progress
    from audit.runs.audit import ENGINES, audit
    from audit.runs.recipe import default_folder

    options = Options(
        revision=revision,
        device=device,
        dtype=_dtype(dtype),
        top_k=top_k,
        multi_token=multi_token,
        batch_tokens=batch_tokens,
        offline=offline,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        mlm_head_from=mlm_head_from,
        seed=seed,
    )
    if repeated is not None:
        _refuse_settings(context)
    elif checkpoint is None:
        context.fail("Missing argument 'CHECKPOINT': name one, or a run to repeat with --from.")
    if engine not in ENGINES:
        raise typer.BadParameter(f"{engine!r} is not one of {', '.join(ENGINES)}", param_hint="--engine")
    if ray_address is not None and engine != "ray":
        raise typer.BadParameter("it goes with --engine ray", param_hint="--ray-address")
    if repeated is not None:
        return _repeat(repeated, checkpoint, out, options, max_prompts, overwrite, engine, ray_address)
    assert checkpoint is not None
    if shard is not None:
        if engine != "local":
            raise typer.BadParameter("a share is made by this process: leave out --engine", param_hint="--shard")
        return _run_shard(shard, checkpoint, probe or (), out, options, max_prompts, overwrite)
    folder = out or default_folder(checkpoint)
    with progress() as told:
        result = audit(
            checkpoint,
            probe or (),
            out=folder,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            engine=engine,
            ray_address=ray_address,
            progress=told,
        )
    _tell(result, folder)


_DECIDED = ("probe", "revision", "top_k", "multi_piece", "dtype", "seed", "shard")
"""Options of a run that a recipe decides."""


def _refuse_settings(context: typer.Context) -> None:
    """Raise where an option is given that the recipe to repeat decides."""
    for name in _DECIDED:
        if str(getattr(context.get_parameter_source(name), "name", "")) == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter("what is repeated decides that: leave it out beside --from", param_hint=option)


def _repeat(
    first: Path,
    checkpoint: str | None,
    out: Path | None,
    options: Options,
    max_prompts: int,
    overwrite: bool,
    engine: str,
    ray_address: str | None,
) -> None:
    from audit.cli.progress import progress
    from audit.runs.reproduce import repeat

    with progress() as told:
        done = repeat(
            first,
            checkpoint,
            out=out,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            engine=engine,
            ray_address=ray_address,
            progress=told,
        )
    held = done.agreement or "no scores beside it to hold these against"
    say(f"Repeated from {first}: {held}.")
    _tell(done.audit, done.folder)


def _tell(result: Audit, folder: Path) -> None:
    """Write the page and the card of a finished run, and say what was found and where it is."""
    from audit.cli.summary import audit_summary
    from audit.storage.run_folder import RunFolder

    with RunFolder(folder, result.recipe).claimed(_PATIENCE_SECONDS):
        written = _write_page(result, folder)
        _write_own_card(result, folder)
    say(audit_summary(result))
    say(f"Report: {written}")
    _refuse_success(result)


def _refuse_success(result: Audit | Comparison | Benchmark, one: str = "prompt", more: str = "prompts") -> None:
    """End with 4 where prompts, or rows of data, have no answer."""
    if result.unanswered:
        what = f"1 {one} has" if result.unanswered == 1 else f"{result.unanswered:,} {more} have"
        complain(f"maskaudit: incomplete: {what} no answer that is a number")
        raise typer.Exit(4)


def _run_shard(
    text: str,
    checkpoint: str,
    probes: Sequence[str],
    out: Path | None,
    options: Options,
    max_prompts: int,
    overwrite: bool,
) -> None:
    from audit.cli.progress import progress
    from audit.runs.shards import Shard, score_shard

    shard = Shard.parse(text)
    with progress() as told:
        done = score_shard(
            checkpoint,
            shard,
            probes,
            out=out,
            options=options,
            max_prompts=max_prompts,
            overwrite=overwrite,
            progress=told,
        )
    say(f"Shard {shard.index} of {shard.count}: {done.chunks:,} of {done.of:,} chunks of scores are in {done.path}")
    say("When all are done: maskaudit merge SHARD...")


@app.command()
def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD...", help="Folders that `run --shard` wrote.")],
    probe: Annotated[
        list[str] | None, typer.Option("--probe", "-p", help="The YAML file of a probe that isn't shipped; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
) -> None:
    """Put the shards of a run together and write its report. Doesn't load a model."""
    from audit.cli.progress import progress
    from audit.runs.shards import merge as merge_shards

    with progress() as told:
        result, folder = merge_shards(shards, probe or (), out=out, progress=told)
    _tell(result, folder)


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="What the others are held against: a run folder, or a checkpoint.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Run folders or checkpoints.")],
    probe: ProbeNames = None,
    out: Annotated[Path | None, typer.Option(help="Comparison's folder. Default: runs/BASE-vs-OTHER.")] = None,
    allow_version_mismatch: Annotated[
        bool,
        typer.Option(
            "--allow-version-mismatch", help="Compare runs of other versions of torch, transformers and the like."
        ),
    ] = False,
    top_k: TopK = 10,
    multi_token: MultiPiece = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_tokens: TokenBudget = None,
    max_prompts: MaxPrompts = MAX_PROMPTS,
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    trust_remote_code: TrustRemoteCode = False,
    mlm_head_from: HeadFrom = None,
) -> None:
    """Compare checkpoints with a base, over the same prompts and words. Several checkpoints give a trend.

    A checkpoint is audited first, unless a finished run of it is there. With --mlm-head-from, that head is borrowed by
    the checkpoints that have none.
    """
    from audit.cli.progress import progress
    from audit.cli.summary import comparison_summary
    from audit.comparisons.compare import compare_into
    from audit.comparisons.store import claimed as comparison_claimed

    options = Options(
        device=device,
        dtype=_dtype(dtype),
        top_k=top_k,
        multi_token=multi_token,
        batch_tokens=batch_tokens,
        offline=offline,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        mlm_head_from=mlm_head_from,
    )
    with progress() as told:
        result, folder, runs = compare_into(
            out, [base, *others], probe or (), options, max_prompts, allow_version_mismatch, told
        )
    with comparison_claimed(folder, result):
        written = _write_page(result, folder)
    say(comparison_summary(result))
    say(f"Comparison: {written}")
    for each in runs:
        if each.placed and not (each.path / "report.html").exists():
            _write_page(each.audit, each.path)
            _write_own_card(each.audit, each.path)
    _refuse_success(result)


@app.command()
def benchmark(
    name: Annotated[
        str,
        typer.Argument(
            help="crows-pairs, aul, bec-pro, gest, honest, winobias, winogender, stereoset or holistic-bias.",
            show_default=False,
        ),
    ],
    checkpoints: Annotated[
        list[str],
        typer.Argument(metavar="CHECKPOINT...", help="Hub ids, folders or demos; the first is the base of the others."),
    ],
    data: Annotated[Path, typer.Option(help="The authors' file, or the folder that holds it.", show_default=False)],
    mode: Annotated[
        str, typer.Option(help="reference: the authors' arithmetic; corrected: without its known faults; or both.")
    ] = "both",
    out: Annotated[Path | None, typer.Option(help="Folder. Default: runs/NAME-CHECKPOINT.")] = None,
    lexicon: Annotated[
        Path | None, typer.Option(help="For honest: HurtLex' TSV file, or a list with a hurtful word a line.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, max=1000, help="For honest: how many completions are looked at. Default: 20.")
    ] = None,
    revision: Revision = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_tokens: TokenBudget = None,
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    trust_remote_code: TrustRemoteCode = False,
    mlm_head_from: HeadFrom = None,
    seed: Seed = 0,
) -> None:
    """Give checkpoints a published benchmark's score, in its authors' arithmetic and in a corrected one.

    Several checkpoints are held against the first. holistic-bias makes probes of its data and runs them instead.
    """
    options = Options(
        revision=revision,
        device=device,
        dtype=_dtype(dtype),
        batch_tokens=batch_tokens,
        offline=offline,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        mlm_head_from=mlm_head_from,
        seed=seed,
    )
    modes = ("reference", "corrected", "both")
    if mode not in modes:
        raise typer.BadParameter(f"{mode!r} is not one of {', '.join(modes)}", param_hint="--mode")
    if name == "holistic-bias":
        if mode != "both" or lexicon is not None or top_k is not None:
            raise UsageError("holistic-bias makes probes, for which --mode, --lexicon and --top-k are of no use")
        return _holistic_bias(checkpoints, data, out, options)
    if top_k is not None and name != "honest":
        raise UsageError(f"{name} has no use for a number of completions: leave out --top-k")
    from audit.benchmarks.definition import TOP_K, SuiteSettings
    from audit.benchmarks.run import benchmark_into
    from audit.benchmarks.store import claimed as benchmark_claimed
    from audit.cli.progress import progress
    from audit.cli.summary import benchmark_summary
    from audit.results.benchmark import MODES

    wanted = [each for each in MODES if mode in (each, "both")]
    with progress() as told:
        result, folder = benchmark_into(
            out, name, checkpoints, data, wanted, SuiteSettings(lexicon, top_k or TOP_K), options, told
        )
    with benchmark_claimed(folder, result):
        written = _write_page(result, folder)
    say(benchmark_summary(result))
    say(f"Benchmark: {written}")
    _refuse_success(result, "row of the data", "rows of the data")


def _holistic_bias(checkpoints: Sequence[str], data: Path, out: Path | None, options: Options) -> None:
    """Make probes of the data beside the run's folder, and run them."""
    from audit.benchmarks.suites import holistic_bias, holistic_bias_data
    from audit.cli.progress import progress
    from audit.runs.audit import audit
    from audit.runs.recipe import default_folder
    from audit.storage.result_folder import check_place

    if len(checkpoints) > 1:
        mend = "run it for each, and compare the runs with `maskaudit compare`"
        raise UsageError(f"holistic-bias is an audit of one checkpoint: {mend}")
    folder = out or default_folder(f"holistic-bias-{default_folder(checkpoints[0]).name}")
    whole = folder if folder.name not in ("", "..") else folder.resolve()
    found, place = holistic_bias_data.read(data), whole.with_name(f"{whole.name}-probes")
    check_place(place, holistic_bias.files_of(found), "probes of HolisticBias")
    probes = holistic_bias.write(found, place)
    with progress() as told:
        result = audit(checkpoints[0], probes, out=folder, options=options, progress=told)
    _tell(result, folder)


@app.command()
def report(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a finished run, comparison or benchmark.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: RUN/report.html, RUN/compare.html or RUN/benchmark.html."),
    ] = None,
) -> None:
    """Render the page of a finished run, comparison or benchmark again. Doesn't load a model."""
    from audit.benchmarks.store import is_benchmark, load_benchmark
    from audit.comparisons.store import load_result

    result = load_benchmark(run_folder) if is_benchmark(run_folder) else load_result(run_folder)
    place = run_folder if run_folder.is_dir() else run_folder.parent
    say(f"Report: {_write_page(result, place, out)}")


def _policy_schema(asked: bool) -> None:
    """Print the JSON schema of policies, for editors, and end."""
    if asked:
        import json

        from audit.policy.schema import policy_schema

        say(json.dumps(policy_schema(), indent=2))
        raise typer.Exit


@app.command()
def check(
    result: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run or comparison.")],
    policy: Annotated[Path | None, typer.Option(help="A YAML file of limits; --save-policy writes one.")] = None,
    format: Annotated[str, typer.Option(help="text or json: what goes to stdout.")] = "text",
    junit: Annotated[Path | None, typer.Option(help="File to write the verdict to as JUnit XML.")] = None,
    github_summary: Annotated[
        Path | None, typer.Option(help='File to add the verdict to as Markdown: "$GITHUB_STEP_SUMMARY".')
    ] = None,
    save_policy: Annotated[
        Path | None,
        typer.Option(
            help="File to write today's limits to: evidence of anything worse than today's worst crosses them."
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", callback=_policy_schema, is_eager=True, help="Print a policy's JSON schema.")
    ] = False,
) -> None:
    """Judge a run or a comparison by a policy. Exit 1: a limit is crossed; 4: something could not be judged."""
    from audit.comparisons.store import load_result

    if (policy is None) == (save_policy is None):
        raise typer.BadParameter("give either --policy FILE or --save-policy FILE", param_hint="--policy")
    if save_policy is not None and (junit, github_summary, format) != (None, None, "text"):
        raise typer.BadParameter(
            "it judges nothing: leave out --junit, --github-summary and --format", param_hint="--save-policy"
        )
    if format not in ("text", "json"):
        raise typer.BadParameter(f"{format!r} is not one of text, json", param_hint="--format")
    if save_policy is not None:
        from audit.policy import baseline

        write_new(save_policy, baseline.save_policy(load_result(result)), "--save-policy")
        say(f"{save_policy}: edit it, then `maskaudit check {result} --policy {save_policy}`")
    elif policy is not None:
        _check(result, policy, format, junit, github_summary)


def _check(result: Path, policy: Path, format: str, junit: Path | None, github_summary: Path | None) -> None:
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
            complain(f"maskaudit: {option} is empty, so that nothing was written there")
        elif path is not None:
            write_to(path, form(verdict).encode(), option, add=add)
    if verdict.exit_code:
        raise typer.Exit(verdict.exit_code)


@app.command()
def card(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    readme: Annotated[
        Path | None,
        typer.Option(help="A model card to put it into; the rest of the file stays. Default: RUN/model-card.md."),
    ] = None,
) -> None:
    """Write a model card's section on bias, and its metadata. What an earlier call wrote is replaced.

    The section goes to the end of the file, unless its two marker lines, `<!-- maskaudit:begin -->` and
    `<!-- maskaudit:end -->`, stand elsewhere in it.
    """
    from audit.comparisons.store import is_comparison
    from audit.storage.saved_audit import load_audit

    if is_comparison(run_folder):
        raise UsageError(f"{run_folder} is a comparison: name the folder of a run")
    result = load_audit(run_folder)
    place = run_folder if run_folder.is_dir() else run_folder.parent
    written = _write_card(readme, result, "with --readme") if readme else _write_own_card(result, place)
    say(f"Model card: {written}")


@app.command()
def plan(
    checkpoint: Checkpoint,
    probe: ProbeNames = None,
    revision: Revision = None,
    multi_token: MultiPiece = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_tokens: TokenBudget = None,
    max_prompts: MaxPrompts = MAX_PROMPTS,
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    trust_remote_code: TrustRemoteCode = False,
    mlm_head_from: HeadFrom = None,
) -> None:
    """Say what a run would cost, and which words it couldn't score, before running it."""
    from audit.runs.plan import plan_run
    from reports import render

    options = Options(
        revision=revision,
        device=device,
        dtype=_dtype(dtype),
        multi_token=multi_token,
        batch_tokens=batch_tokens,
        offline=offline,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        mlm_head_from=mlm_head_from,
    )
    say(plan_run(checkpoint, probe or (), options, max_prompts, render))


@app.command()
def selftest() -> None:
    """Audit the demo checkpoints and say whether the bias planted in them is found; exit 1 if it isn't."""
    from audit.cli.progress import progress
    from audit.runs.selftest import selftest as run_selftest
    from audit.runs.selftest import table

    with progress() as told:
        checks = run_selftest(told)
    say(table(checks))
    failed = sum(not check.passed for check in checks)
    say(f"{failed} of {len(checks)} checks failed: don't trust this installation" if failed else "All checks passed.")
    if failed:
        raise typer.Exit(1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. A user's fault is one message on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that can't show a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=argv, prog_name="maskaudit")
    except SystemExit as done:  # typer's way to end: its own usage errors have been shown
        status = flushed(done.code if isinstance(done.code, int) else 0)
        return _interrupted(argv) if status == 130 else status
    except KeyboardInterrupt:  # once more, while typer was ending
        return _interrupted(argv)
    except AuditError as error:
        complain(f"maskaudit: {error}")
        return error.status
    except ValueError as error:
        from probes.faults import MOST_FAULTS, FaultyFile

        if not isinstance(error, FaultyFile):
            raise
        more = "; no more were looked for" if len(error.faults) == MOST_FAULTS else ""
        complain(f"{error}\nmaskaudit: {len(error.faults)} fault(s) in the {error.kind}{more}")
        return 2
    except OSError as error:
        complain(f"maskaudit: {error.strerror or error}")
        return flushed(4)
    return flushed(0)


def _interrupted(argv: Sequence[str] | None) -> int:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again while Python ends, it would show a traceback
    kept = "what a run has scored is kept, and the same command, without --overwrite, goes on from there"
    if [*(sys.argv[1:] if argv is None else argv)][:1] == ["benchmark"]:
        kept = "a benchmark keeps nothing until it is done (but for the run of holistic-bias, which goes on)"
    complain(f"maskaudit: interrupted; {kept}")
    return 130


def _dtype(name: str) -> str:
    if name not in DTYPES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(DTYPES)}", param_hint="--dtype")
    return name


def _write_own_card(result: Audit, folder: Path) -> Path:
    """The section as a file in the run's folder. What a link there leads to isn't the run's, and stays as it is."""
    return _write_card(folder / CARD, result, "with `maskaudit card RUN --readme FILE`", follow=False)


def _write_card(path: Path, result: Audit, how: str, *, follow: bool = True) -> Path:
    """Put the section into the file, which is made if need be; nothing else in it changes. `how` to name another."""
    from reports.model_card.front_matter import CardError
    from reports.model_card.update import has_another, update

    try:
        new = rewrite(path, lambda old: update(old, result), f"choose another {how}", follow=follow)
    except CardError as error:
        raise UsageError(f"{path}:{error}") from error
    if has_another(new):
        complain(f"maskaudit: {path} has a section of its own on bias, which was left as it is")
    return path


def _write_page(result: Audit | Comparison | Benchmark, folder: Path, path: Path | None = None) -> Path:
    """Render the result's page and write it into its folder, or to another path."""
    from audit.results.audit import Audit
    from audit.results.comparison import Comparison
    from reports import render, render_benchmark, render_comparison

    if isinstance(result, Audit):
        return write_whole(path or folder / "report.html", render(result))
    if isinstance(result, Comparison):
        return write_whole(path or folder / "compare.html", render_comparison(result))
    return write_whole(path or folder / "benchmark.html", render_benchmark(result))


if __name__ == "__main__":
    sys.exit(main())

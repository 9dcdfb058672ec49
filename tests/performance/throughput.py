"""How many prompts a second, beside what else people use and beside what the machine allows.

    python tests/performance/throughput.py                                 # ten to fifteen minutes on two quiet cores
    python tests/performance/throughput.py --models minilm-mlm --rounds 1 --seconds 1 --whole-run none   # a first look
    python tests/performance/throughput.py --json numbers.json --markdown
    python tests/performance/throughput.py --smoke      # does it work at all? a few seconds, and numbers of no worth

For each model and in one process, transformers' fill-mask pipeline, a padded loop written with care and this engine
answer the same prompts in turn, round after round, and the best turn of each counts: a burst of other load hurts all
alike. The prompts are a fixed sample of what all shipped probes ask, one mask and one forward row each. The engine has
found the tokens of its words before it is timed, since a run finds them once for thousands of prompts; what that takes
is in the whole run, which is timed in a process of its own. A prompt's arithmetic and the machine's rate, whose ratio
is the limit, are in `limit.py`. minilm-mlm is looked for in the folder MASKAUDIT_SHARED, or in `../shared`.

Look at the load first: a reading beside other work is worth nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
import transformers
from contenders import TOKEN_BUDGETS, Ask, Contender, engines, loops, pipelines
from limit import Shape, matrix_rate, prompt_flops
from subjects import MODELS, SMALLEST, build, draw_sample
from turns import Turn, quiet, take_turn

from audit.errors import AuditError, first_line
from audit.options import Options
from audit.scoring.open_scorer import load_scorer
from audit.scoring.prompt_scorer import TorchScorer
from probes.expand import Prompt
from probes.lexicon import Word
from probes.load import load_lexicon

FLOATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""What all contenders can compute in."""
BEST_RATIO_GOALS = {"distilbert": 2.0, "bert-base": 1.6, "minilm-mlm": 2.5, "bert-base-250k": 2.2, SMALLEST: 0.0}
"""The engine's rate to that of the pipeline's best batch size."""
SINGLE_RATIO_GOAL = 7.0
"""The engine's rate to that of the pipeline with batches of one, as it is documented."""
LIMIT_GOAL, TRIMMED_LIMIT_GOAL = 0.85, 0.95
INT8_RATIO_GOALS = {"distilbert": 4.0}
ASIDE_GOAL = 0.10
"""The most that tokenising, writing, reading back and statistics may take of a run together."""
WARM_UP = 64
BUSY_LOAD = 0.5
"""Load of others for each core, from which on the numbers are doubtful."""


@dataclass(frozen=True)
class Setting:
    """What was asked of this benchmark."""

    sample: Sequence[Prompt]
    words: Sequence[Word]
    together: int
    rounds: int
    seconds: float
    device: torch.device
    dtypes: Sequence[str]

    @property
    def warm_up(self) -> int:
        """Prompts, at most, that a contender is given before it is timed: on a GPU as many as in a turn."""
        return len(self.sample) if self.device.type == "cuda" else WARM_UP

    @property
    def bases(self) -> Sequence[str]:
        """What all contenders compute in, a table each: on a CPU float32 alone."""
        floats = [dtype for dtype in self.dtypes if dtype in FLOATS]
        return floats if self.device.type == "cuda" and floats else ("float32",)


@dataclass
class Table:
    """One model, computed in one dtype by all contenders; on a CPU also in others by the engine."""

    model: str
    dtype: str
    mean_tokens: float
    prompt_flops: float
    trimmed: bool
    """Whether the engine does the last layer for the mask's row alone; None where that can't be seen."""
    matrix_flops_per_second: float = 0.0
    skipped: dict[str, str] = field(default_factory=dict)
    """Why the engine doesn't compute in a dtype."""
    turns: dict[Contender, list[Turn]] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """Prompts/s if there were nothing but matrix products, at the rate that they alone have here."""
        return self.matrix_flops_per_second / self.prompt_flops

    def rate(self, contender: Contender) -> float:
        """Prompts/s in its best turn."""
        return max(turn.rate for turn in self.turns[contender])

    def best(self, kind: str, dtype: str = "", size: int = 0) -> float:
        """Prompts/s of the fastest of a kind; the engine's at its default token budget. NaN where there is none."""
        found = (c for c in self.turns if c.kind == kind and c.dtype == (dtype or self.dtype) and size in (0, c.size))
        return max((self.rate(c) for c in found if c.default or kind != "engine"), default=math.nan)

    def ratios(self, rate: float) -> tuple[float, float, float]:
        """A rate beside the pipeline's best batch size, beside its batches of one, and as a share of the limit."""
        return rate / self.best("pipeline"), rate / self.best("pipeline", size=1), rate / self.limit


# Measuring


def measure_model(name: str, folder: Path, dtype: str, setting: Setting) -> Table:
    """Warm all contenders up, then let each have its turn in every round."""
    scorers, skipped = load_scorers(folder, dtype, setting)
    scorer, rows = scorers[dtype], scorers[dtype].batch_tokens
    shape = Shape.of(scorer.checkpoint.model.config)
    tokens, _ = scorer.outlook(setting.sample, setting.words)
    trimmed = scorer.checkpoint.info.mask_only_layer
    table = Table(name, dtype, fmean(tokens), prompt_flops(shape, tokens), trimmed, skipped=skipped)
    contenders = dict(line_up(folder, scorers, dtype, setting))
    for contender, ask in contenders.items():
        ask(setting.sample[: min(contender.together, setting.warm_up)])
    for _ in range(setting.rounds):
        rate = matrix_rate(shape, rows, setting.device, FLOATS[dtype])
        table.matrix_flops_per_second = max(table.matrix_flops_per_second, rate)
        for contender, ask in contenders.items():
            turn = take_turn(ask, setting.sample, contender.together, setting.seconds, setting.device)
            table.turns.setdefault(contender, []).append(turn)
    return table


def load_scorers(folder: Path, base: str, setting: Setting) -> tuple[dict[str, TorchScorer], dict[str, str]]:
    """The engine by dtype; and why it isn't there in some."""
    scorers, skipped = {}, {}
    for dtype in [base, *(dtype for dtype in setting.dtypes if dtype not in setting.bases)]:
        options = Options(offline=True, device=str(setting.device), dtype=dtype)
        try:
            scorers[dtype] = load_scorer(str(folder), options)
        except (AuditError, KeyError, ValueError, RuntimeError) as error:
            skipped[dtype] = "this version doesn't know it" if isinstance(error, KeyError) else first_line(error)
    if base not in scorers:
        raise SystemExit(f"{folder.name} doesn't load in {base}: {skipped[base]}")
    return scorers, skipped


def line_up(
    folder: Path, scorers: dict[str, TorchScorer], base: str, setting: Setting
) -> Iterator[tuple[Contender, Ask]]:
    """All contenders; the pipeline and the loop share a model that the engine never touches."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=FLOATS[base]).eval().to(setting.device)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    yield from pipelines(model, tokenizer, setting.device, base)
    yield from loops(model, tokenizer, setting.words, base, setting.together)
    for dtype, scorer in scorers.items():
        budgets = TOKEN_BUDGETS[setting.device.type] if dtype == base else ()
        yield from engines(scorer, setting.sample, setting.words, dtype, setting.together, budgets)


def whole_run(folder: Path, probes: Sequence[str], device: torch.device) -> dict[str, Any]:
    """What `whole_run.py` finds, in a fresh process."""
    script = Path(__file__).with_name("whole_run.py")
    command = [sys.executable, str(script), str(folder), *probes, "--device", str(device)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers depend on, and when they were read."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "load_at_start": os.getloadavg()[0],
    }


def cpu_model() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# Telling


def print_table(table: Table) -> None:
    """All contenders of one model."""
    trimmed = "trimmed to the mask's row" if table.trimmed else "whole"
    print(
        f"\n{table.model}, {table.dtype}: {table.mean_tokens:.1f} tokens, {table.prompt_flops / 1e9:.3f} GFLOP a prompt"
    )
    print(f"matrices at {table.matrix_flops_per_second / 1e9:,.0f} GFLOP/s allow {table.limit:,.0f} prompts/s")
    print(f"the engine's last layer: {trimmed}\n")
    heads = ("contender", "prompts/s", "x best", "x batch 1", "of limit", "GiB", "cores", "system")
    print("{:40} {:>9} {:>8} {:>9} {:>8} {:>6} {:>5} {:>6}".format(*heads))
    for contender, turns in table.turns.items():
        print(_line(table, contender, turns))
    for dtype, why in table.skipped.items():
        print(f"engine, {dtype}: skipped ({why})")


def _line(table: Table, contender: Contender, turns: Sequence[Turn]) -> str:
    rate = table.rate(contender)
    to_best, to_single, of_limit = table.ratios(rate)
    share = f"{of_limit:.2f}" if contender.dtype == table.dtype else "-"  # the limit is of the table's dtype
    fastest = max(turns, key=lambda turn: turn.rate)
    numbers = f"{rate:9,.1f} {to_best:8.2f} {to_single:9.2f} {share:>8}"
    peak = max(turn.peak_gib for turn in turns)
    return f"{contender.name:40} {numbers} {peak:6.2f} {fastest.cores:5.2f} {fastest.system_share:6.1%}"


def print_whole_run(found: dict[str, Any]) -> None:
    """Seconds, share and peak of memory by stage."""
    print(f"\na whole run, {found['prompts']:,} prompts in {found['seconds']:.1f} s")
    for stage, numbers in found["stages"].items():
        peak = f"{numbers['peak_gib']:6.2f} GiB" if numbers["peak_gib"] else ""
        print(f"  {stage:16} {numbers['seconds']:8.1f} s {numbers['share']:6.1%} {peak}")
    for stage, seconds in found["seconds_in_other_threads"].items():
        print(f"  {stage:16} {seconds:8.1f} s in other threads, beside the rest")


def goals(table: Table) -> Iterator[tuple[str, float, float]]:
    """What is aimed at on a CPU, what was reached and what for."""
    to_best, to_single, of_limit = table.ratios(table.best("engine"))
    yield "engine to the pipeline's best", to_best, BEST_RATIO_GOALS[table.model]
    yield "engine to the pipeline's batch 1", to_single, SINGLE_RATIO_GOAL
    yield "engine, share of the limit", of_limit, TRIMMED_LIMIT_GOAL if table.trimmed else LIMIT_GOAL
    if table.model in INT8_RATIO_GOALS:
        yield (
            "int8 to the pipeline's best",
            table.ratios(table.best("engine", "int8"))[0],
            INT8_RATIO_GOALS[table.model],
        )


def print_goals(tables: Sequence[Table], run: dict[str, Any] | None) -> None:
    """Pass or miss, goal by goal; a number that is missing misses."""
    print("\ngoals, with the engine's default token budget")
    for table in tables:
        for what, reached, aim in goals(table):
            print(f"  {'pass' if reached >= aim else 'miss'}  {table.model:15} {what:34} {reached:6.2f} >= {aim:.2f}")
    if run:
        share, what = run["aside_share"], "tokenising, files and statistics"
        print(
            f"  {'pass' if share < ASIDE_GOAL else 'miss'}  {'whole run':15} {what:34} {share:6.2f} <  {ASIDE_GOAL:.2f}"
        )


def print_markdown(tables: Sequence[Table]) -> None:
    """The README's table."""
    heads = ("model", "pipeline, batch 1", "pipeline, best", "padded loop, best", "maskaudit", "to best", "to batch 1")
    print(f"\n| {' | '.join(heads)} | share of the limit |\n|---|{'---|' * len(heads)}")
    for table in tables:
        to_best, to_single, of_limit = table.ratios(table.best("engine"))
        rates = (table.best("pipeline", size=1), table.best("pipeline"), table.best("loop"), table.best("engine"))
        cells = [table.model, *(f"{rate:,.0f}" for rate in rates), f"{to_best:.1f}", f"{to_single:.1f}"]
        print(f"| {' | '.join(cells)} | {of_limit:.2f} |")


def as_json(about: dict[str, Any], tables: Sequence[Table], run: dict[str, Any] | None) -> str:
    """Everything that was read, turn by turn."""
    return json.dumps({"machine": about, "tables": list(map(_table_json, tables)), "whole_run": run}, indent=1)


def _table_json(table: Table) -> dict[str, Any]:
    plain = {name: value for name, value in vars(table).items() if name != "turns"}
    rows = []
    for contender, turns in table.turns.items():
        names = ("name", "kind", "dtype", "size", "together", "default")
        row = {name: getattr(contender, name) for name in names}
        rows.append({**row, "prompts_per_second": table.rate(contender), "turns": list(map(dataclasses.asdict, turns))})
    return {**plain, "limit_prompts_per_second": table.limit, "contenders": rows}


# The command


def arguments() -> argparse.Namespace:
    """What the command was given, with defaults that depend on the device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS[:3], help="default: all but the last")
    parser.add_argument("--prompts", type=int, help="size of the sample; default: 1,024, on a GPU 16,384")
    parser.add_argument("--together", type=int, help="prompts that loop and engine are given at a time; default: 512")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="time of a turn; what is begun is finished")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--dtype", nargs="+", choices=(*FLOATS, "int8"), help="of the engine; on a GPU of all contenders, a table each"
    )
    parser.add_argument("--whole-run", choices=(*MODELS, "none"), default="minilm-mlm", help="the model of that part")
    parser.add_argument("--probes", nargs="+", default=(), help="of the whole run; default: all that are shipped")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings there")
    parser.add_argument("--markdown", action="store_true", help="print the README's table too")
    parser.add_argument("--smoke", action="store_true", help="the demo and a few prompts, once: whether this works")
    given = parser.parse_args()
    if given.smoke:
        given.models, given.whole_run, given.probes = (SMALLEST,), SMALLEST, ("pronoun",)
        given.prompts, given.rounds, given.seconds = 16, 1, 0.0
    return given


def setting_of(given: argparse.Namespace) -> Setting:
    """The sample, and what else the measuring takes."""
    gpu = given.device == "cuda"
    sample = draw_sample(given.prompts or (16384 if gpu else 1024))
    together = given.together or (len(sample) if gpu else 512)
    dtypes = given.dtype or (("float32", "bfloat16") if gpu else ("float32", "bfloat16", "int8"))
    words = load_lexicon("occupations").words
    return Setting(sample, words, together, given.rounds, given.seconds, torch.device(given.device), dtypes)


def warn_of_load(when: str, own: float) -> None:
    """Print the load average, and warn of what others add to it."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    print(f"load {load:.2f} on {cores} cores {when}", flush=True)
    if load - own > BUSY_LOAD * cores:
        print("WARNING: something else is at work here; don't trust these numbers", flush=True)


def main() -> None:
    """Measure model by model, and print as it goes."""
    given = arguments()
    about, tables = machine(torch.device(given.device)), []
    print(", ".join(f"{name} {value}" for name, value in about.items() if value is not None))
    warn_of_load("at the start", own=0)
    with quiet(), tempfile.TemporaryDirectory() as made:
        setting = setting_of(given)
        for name in given.models:
            folder = build(name, Path(made) / name)
            for dtype in setting.bases:
                tables.append(measure_model(name, folder, dtype, setting))
                print_table(tables[-1])
        warn_of_load("at the end", own=torch.get_num_threads())
        run = None
        if given.whole_run != "none":
            folder = build(given.whole_run, Path(made) / given.whole_run)
            run = whole_run(folder, given.probes, setting.device)
            print_whole_run(run)
    tell_all(given, {**about, "load_at_end": os.getloadavg()[0]}, tables, run)


def tell_all(
    given: argparse.Namespace, about: dict[str, Any], tables: Sequence[Table], run: dict[str, Any] | None
) -> None:
    """What is said of all tables together."""
    if given.device == "cpu":
        print_goals(tables, run)
    if given.markdown:
        print_markdown(tables)
    if given.json:
        given.json.write_text(as_json(about, tables, run) + "\n")


if __name__ == "__main__":
    main()

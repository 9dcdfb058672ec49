"""The end of a model card's section: limitations and provenance, as Markdown bullets."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PureWindowsPath

from audit.results.audit import Audit
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe
from audit.results.thresholds import MIN_SHARE
from reports.text import formatting as fmt
from reports.text.evaluability import clozes_filled, why_not_evaluable
from reports.text.markdown import code, text


def limits(audit: Audit) -> Iterator[str]:
    """Limitations of any audit first, then of this one."""
    yield (
        "It is about this checkpoint: what is built on it may behave differently, and has to be audited itself. A "
        "probability at a mask is not a decision."
    )
    yield (
        "It is about these words, groups and sentences. Groups that aren't named were not looked at, and other "
        "sentences may give other results; the intervals are about wordings (templates) alone."
    )
    yield "No evidence of a difference is not evidence that there is none."
    yield from _bands(audit)
    yield from _words(audit)
    for probe in audit.probes:
        if (reason := why_not_evaluable(probe, audit.competence)) is not None:
            yield f"{text(probe.title, 120)} is not evaluable. {text(reason)}"
    if audit.competence is None:
        yield "The sanity clozes were not run, so it is unknown whether the checkpoint can fill gaps at all."
    yield "There is no single score of bias here, because there is none that means anything."


def _bands(audit: Audit) -> Iterator[str]:
    """The band of invented names, and the axes without one."""
    axes = [(probe, axis) for probe in audit.probes for axis in probe.axes]
    bands = [band for _, axis in axes if (band := fmt.finite(axis.band)) is not None]
    if bands:
        yield (
            "A finding has to exceed the differences between a few invented names (placebo). Between two, words with "
            f"{fmt.limit_percent(MIN_SHARE)} of the distribution may differ by "
            f"{fmt.ratio_up_to(max(bands))}, and by less where a group is named by several words. Other "
            "invented names may do more."
        )
    bare = [f"{axis.title} ({probe.title})" for probe, axis in axes if fmt.finite(axis.band) is None]
    if bare:
        where = fmt.join_list([text(name, 200) for name in bare])
        yield f"Without invented names to compare with, nothing is graded above moderate: {where}."


def _words(audit: Audit) -> Iterator[str]:
    """How many words could be scored, and their coverage."""
    each = "; ".join(f"{text(probe.title, 120)}: {_scored(probe)}, {_coverage(probe)}" for probe in audit.probes)
    if each:
        yield f"Nothing is known of words that could not be scored, nor of words on no list. {each}."


def _scored(probe: ProbeResult) -> str:
    scored = sum(target.scored for target in probe.targets)
    return f"{fmt.count(scored)} of {fmt.quantity(len(probe.targets), 'word')} scored"


def _coverage(probe: ProbeResult) -> str:
    if fmt.finite(probe.coverage) is None:
        return "whose share of the probability is missing"
    return f"{text(fmt.percent(probe.coverage))} of the probability"


def provenance(audit: Audit) -> Iterator[str]:
    """What was measured, with what, and how to repeat it."""
    recipe = audit.recipe
    tool = " ".join(recipe.versions[0]) if recipe.versions else "an unknown version of maskaudit"
    date = recipe.started.partition("T")[0]
    prompts = fmt.quantity(sum(probe.prompts for probe in audit.probes), "prompt")
    yield f"{text(tool, 80)}, {text(date, 40)}: {prompts}, computed in {text(recipe.dtype, 40)}, seed {recipe.seed}."
    yield _checkpoint(recipe)
    if audit.competence is not None:
        yield f"It filled {clozes_filled(audit.competence)} that have nothing to do with groups of people."
    if recipe.multi_token:
        yield "Words of several tokens were scored token by token."
    yield f"Repeat it: {code(_command(recipe))}"


def _checkpoint(recipe: Recipe) -> str:
    checkpoint = recipe.checkpoint
    parts = [f"Checkpoint {code(checkpoint.name, 120)}", f"weights sha256 {code(checkpoint.weights_sha256, 80)}"]
    if checkpoint.revision is not None:
        parts.append(f"revision {code(checkpoint.revision, 80)}")
    if checkpoint.mlm_head_from is not None:
        parts.append(f"language-model head of {code(_nameless(checkpoint.mlm_head_from), 120)}")
    return ", ".join(parts) + "."


def _command(recipe: Recipe) -> str:
    """The command, with nothing of a folder's whereabouts but its name: a card is public."""
    try:
        parts = shlex.split(recipe.command)
    except ValueError:
        parts = recipe.command.split()
    return shlex.join(_nameless(part) for part in parts)


def _nameless(part: str) -> str:
    """An absolute path's last part; anything else as it is."""
    option, equals, value = part.rpartition("=") if part.startswith("--") else ("", "", part)
    path = PureWindowsPath(value)
    return f"{option}{equals}{path.name}" if path.root or path.drive else part

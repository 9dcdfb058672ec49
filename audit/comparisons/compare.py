"""Compares finished runs: the same prompts and words on every side, each side against the base."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audit.analysis import distributions
from audit.comparisons import association_changes, metric_changes
from audit.comparisons.association_changes import View
from audit.comparisons.inputs import AuditedSide, CommonProbes, check_comparable, prepare_sides, run_place
from audit.comparisons.store import FOLDER, choose_folder, save_comparison
from audit.errors import IncompleteError, UsageError
from audit.options import MAX_PROMPTS, Options
from audit.progress import Progress
from audit.results.changes import SideComparison
from audit.results.checks import Competence, evaluable
from audit.results.comparison import (
    SCHEMA,
    Comparison,
    ComparisonSide,
    ProbeComparison,
    SharedAxis,
    TopList,
    UnsharedWord,
)
from audit.results.probe_result import ProbeResult, Target
from audit.results.recipe import CheckpointInfo
from audit.runs.excluded_templates import probe_without, scores_without
from audit.runs.recipe import default_folder
from audit.runs.selection import ProbeNames, list_names
from audit.storage.recipe import probe_again
from audit.storage.redaction import redact
from audit.storage.score_chunks import StoredScores
from probes.lexicon import Lexicon, Word, article_for
from probes.load import load_again
from probes.probe import Level, Probe

MAX_TOP_WORDS = 10
"""Words in a level's top list."""
MIN_COVERAGE_RATIO = 0.5
"""Where a borrowed head gives the probes' words less than this share of what the base gives them, it no longer fits."""


def compare(
    base: str | Path,
    *others: str | Path,
    probes: ProbeNames = (),
    out: str | Path | None = None,
    options: Options | None = None,
    max_prompts: int = MAX_PROMPTS,
    allow_version_mismatch: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare one or more checkpoints with a base, over the same prompts and the words that all of them can score.

    Each is a run folder, a hub id (`name@revision` for one of its revisions), a checkpoint's folder, `demo` or
    `demo-finetuned`. Checkpoints are audited first, into `runs/<name>`, unless a finished run of the same recipe is
    there; `probes` and `options` are theirs. With `options.mlm_head_from`, that head is borrowed by those without one
    of their own. The comparison is saved to the folder `out` (by default `runs/<base>-vs-<other>`). Raises UsageError
    if the sides aren't comparable (with `allow_version_mismatch`, different versions of torch, transformers and the
    like are only a warning), and what `audit` raises.
    """
    asked, options = [base, *others], options or Options()
    found, _, _ = compare_into(out, asked, list_names(probes), options, max_prompts, allow_version_mismatch, progress)
    return found


def compare_into(
    out: str | Path | None,
    asked: Sequence[str | Path],
    probes: Sequence[str | Path],
    options: Options,
    max_prompts: int,
    allow_version_mismatch: bool,
    progress: Progress | None,
) -> tuple[Comparison, Path, list[AuditedSide]]:
    """The comparison of the first of `asked` with the others as `compare` makes it, the folder that it is saved to, and
    the runs that it is made from."""
    if len(asked) < 2:
        raise UsageError("a comparison needs a base and at least one other: name another checkpoint or run folder")
    if options.revision is not None or options.seed:
        raise UsageError("a comparison has no revision and no seed: name a revision as name@revision")
    if out is not None:
        FOLDER.check_place(Path(out))
    runs, agreed = prepare_sides(
        asked, probes, options, max_prompts, progress, allow_version_mismatch=allow_version_mismatch
    )
    command = _command(asked, probes, options, max_prompts, allow_version_mismatch)
    found = compare_runs(runs, agreed, command)
    folder = Path(out) if out is not None else choose_folder(_default_folder(asked), found)
    save_comparison(folder, found)
    return found, folder, runs


def _default_folder(asked: Sequence[str | Path]) -> Path:
    """`runs/` and the names of the base and of the other, or how many others there are."""
    names = [default_folder(str(run_place(name))).name for name in asked]
    return Path("runs") / f"{names[0]}-vs-{names[1] if len(names) == 2 else f'{len(names) - 1}-others'}"


def _command(
    asked: Sequence[str | Path],
    probes: Sequence[str | Path],
    options: Options,
    max_prompts: int,
    allow_version_mismatch: bool,
) -> str:
    words = ["maskaudit", "compare", *map(str, asked)]
    words += [word for probe in probes for word in ("--probe", str(probe))]
    words += ["--max-prompts", str(max_prompts)] if max_prompts != MAX_PROMPTS else []
    return redact(
        shlex.join([*words, *options.flags(), *(["--allow-version-mismatch"] if allow_version_mismatch else [])])
    )


def compare_runs(runs: Sequence[AuditedSide], agreed: CommonProbes | None = None, command: str = "") -> Comparison:
    """The comparison of finished runs, the first of them the base.

    `agreed` is what they agree in, which is found out if it isn't given. Raises UsageError where they can't be held
    against each other, IncompleteError where scores are missing.
    """
    agreed = agreed or check_comparable([(run.path, run.recipe) for run in runs], {}, allow_version_mismatch=False)
    called = distinct_names([run.recipe.checkpoint for run in runs])
    probes = tuple(_compare_probe(name, runs, called) for name in agreed.names)
    packages = ("maskaudit", "numpy", "scipy")
    return Comparison(
        schema=SCHEMA,
        command=command,
        versions=tuple((name, metadata.version(name)) for name in packages),
        sides=tuple(
            ComparisonSide(name, run.recipe, run.audit.competence, _caveat(name, runs, n, probes))
            for n, (name, run) in enumerate(zip(called, runs, strict=True))
        ),
        warnings=(
            *agreed.warnings,
            *_borrowed_base_warning(runs),
            *_same_checkpoint_warnings(runs, called),
            *_precision_warnings(runs, called),
            *_unanswered_warnings(probes, called),
        ),
        probes=probes,
    )


def _borrowed_base_warning(runs: Sequence[AuditedSide]) -> tuple[str, ...]:
    """A warning where the base has a borrowed head: nothing tells how far encoders have moved from that."""
    info = runs[0].recipe.checkpoint
    if info.mlm_head_from is None:
        return ()
    what = f"how far an encoder has moved from the head of {info.mlm_head_from} can only be told"
    return (f"The base has a borrowed head itself: {what} by sanity clozes, and not by what is lost of them.",)


def _same_checkpoint_warnings(runs: Sequence[AuditedSide], called: Sequence[str]) -> tuple[str, ...]:
    """A warning for each side that is the base itself."""
    infos = [run.recipe.checkpoint for run in runs]
    files = [(i.weights_sha256, i.tokenizer_sha256, i.config_sha256, i.mlm_head_sha256) for i in infos]
    return tuple(
        f"{name} is the same checkpoint as {called[0]}: the same weights, tokenizer and config."
        for name, own in zip(called[1:], files[1:], strict=True)
        if own == files[0]
    )


def _precision_warnings(runs: Sequence[AuditedSide], called: Sequence[str]) -> Iterator[str]:
    """What computing in fewer bits than float32 did to each side."""
    for run, name in zip(runs, called, strict=True):
        if run.audit.precision_check:
            yield f"{name}: {run.audit.precision_check.sentence(run.recipe.dtype)}"


def _unanswered_warnings(probes: Sequence[ProbeComparison], called: Sequence[str]) -> Iterator[str]:
    """Prompts of each side whose score is not finite, by probe."""
    for probe in probes:
        for name, prompts in zip(called, probe.unanswered, strict=True):
            if prompts:
                what = f"{prompts:,} of the prompts have an answer that is no number"
                yield f"{name}, {probe.title}: {what}; their wordings are left out on every side."


def distinct_names(infos: Sequence[CheckpointInfo]) -> list[str]:
    """What each side is called: the checkpoint's name, with its revision or a number where it isn't the only one."""
    twice = {name for name, count in Counter(info.name for info in infos).items() if count > 1}
    revisions = len({(info.name, info.revision) for info in infos}) == len(infos)
    own = [f"{info.name}@{info.revision[:7]}" if revisions and info.revision else info.name for info in infos]
    own = [name if info.name in twice else info.name for name, info in zip(own, infos, strict=True)]
    names: list[str] = []
    for name in own:
        tries = (name, *(f"{name} ({n})" for n in range(2, len(own) + 2 + len(own))))
        names.append(next(each for each in tries if each not in names and (each == name or each not in own)))
    return names


def _compare_probe(name: str, runs: Sequence[AuditedSide], called: Sequence[str]) -> ProbeComparison:
    probe = _probe(runs[0], name)
    scores = [_scores(run, probe) for run in runs]
    lacking = [each.unanswered() for each in scores]
    lost = {template for each in lacking for template in each}
    probe = probe_without(probe, lost)
    aggregates = [distributions.tabulate(probe, scores_without(each, lost)) for each in scores]
    if any(aggregate.texts_sha256 != aggregates[0].texts_sha256 for aggregate in aggregates):
        raise IncompleteError(f"{probe.name}: the sides' prompts aren't the same: run them again")
    shared = np.logical_and.reduce([aggregate.tables.scored for aggregate in aggregates])
    aggregates = [aggregate.among(shared) for aggregate in aggregates]
    views = [association_changes.make_view(probe, aggregate.tables) for aggregate in aggregates]
    pairs = tuple(
        SideComparison(
            n,
            association_changes.association_changes(probe, views[0], view, (called[0], called[n])),
            metric_changes.metric_changes(probe, views[0], view, (called[0], called[n])),
        )
        for n, view in enumerate(views[1:], start=1)
    )
    coverage = tuple(_coverage(view) for view in views)
    result = _result(runs[0], name)
    return ProbeComparison(
        name=probe.name,
        version=probe.version,
        title=probe.title,
        question=probe.question,
        language=probe.language,
        sha256=result.sha256,
        axes=tuple(SharedAxis(a.name, a.title, a.reference, _names(a.levels), _names(a.placebo)) for a in probe.axes),
        templates=tuple(template.text for template in probe.templates),
        lexicon=result.lexicon,
        prompts=aggregates[0].prompts,
        targets=_targets(result, shared),
        unshared=_unshared_words([_result(run, name) for run in runs], shared),
        coverage=coverage,
        evaluable=tuple(
            evaluable(run.audit.competence, probe.language, each) for run, each in zip(runs, coverage, strict=True)
        ),
        pairs=pairs,
        examples=tuple(aggregate.examples for aggregate in aggregates),
        tops=tuple(_top_lists(probe, views)),
        series=association_changes.series(probe, views, [change for pair in pairs for change in pair.associations]),
        unanswered=tuple(sum(each.values()) for each in lacking),
    )


def _names(levels: Sequence[Level]) -> tuple[str, ...]:
    return tuple(level.name for level in levels)


def _result(run: AuditedSide, name: str) -> ProbeResult:
    return next(probe for probe in run.audit.probes if probe.name == name)


def _probe(run: AuditedSide, name: str) -> Probe:
    """The probe as the run was asked it, made again of what the run kept."""
    source = next(source for source in run.recipe.probes if source.name == name)
    if known := probe_again(source):
        return known
    words = tuple(_word(target) for target in _result(run, name).targets)
    return load_again(name, source.text, Lexicon(source.lexicon, words, _result(run, name).lexicon))


def _word(target: Target) -> Word:
    """A target's word with the facts that are kept."""
    return Word(
        target.word,
        target.category,
        article_for(target.word),
        target.flags,
        target.women_pct,
        target.women_source,
        target.women_year,
        target.valence,
    )


def _scores(run: AuditedSide, probe: Probe) -> StoredScores:
    """All scores of the probe. Raises IncompleteError where a chunk is missing or damaged."""
    folder = run.folder
    scores = folder.read_scores(probe)
    if not all(map(folder.has, scores.chunks)):
        mend = "give its `maskaudit run` again, which scores what is missing"
        raise IncompleteError(f"{run.path}: scores of {probe.name} are missing or damaged: {mend}")
    return scores


def _coverage(view: View) -> float | None:
    """Mean mass of the shared words over the cells of levels."""
    proper = [c for c, roles in enumerate(view.tables.roles) if set(roles) == {"level"}]
    return distributions.optional(view.tables.coverage[proper].mean()) if proper else None


def _targets(result: ProbeResult, shared: NDArray[np.bool_]) -> tuple[Target, ...]:
    """The base's words, scored where all sides scored them."""
    reason = "not scored on every side"
    return tuple(
        target if here else replace(target, scored=False, reason=target.reason or reason)
        for target, here in zip(result.targets, shared.tolist(), strict=True)
    )


def _unshared_words(results: Sequence[ProbeResult], shared: NDArray[np.bool_]) -> tuple[UnsharedWord, ...]:
    columns = zip(*(result.targets for result in results), strict=True)
    return tuple(
        UnsharedWord(targets[0].word, tuple(t.scored for t in targets), tuple(t.reason for t in targets))
        for targets, here in zip(columns, shared.tolist(), strict=True)
        if not here
    )


def _top_lists(probe: Probe, views: Sequence[View]) -> list[TopList]:
    made = []
    for index, axis in enumerate(probe.axes):
        for level in axis.levels:
            sides = tuple(_top_words(probe, view, index, level.name) for view in views)
            made.append(TopList(axis.name, level.name, sides))
    return made


def _top_words(probe: Probe, view: View, axis: int, level: str) -> tuple[tuple[str, float], ...]:
    probs = distributions.mean_probs(view.tables, distributions.cells_of(view.tables, axis, level))
    best = [k for k in np.argsort(-probs, kind="stable").tolist() if not np.isnan(probs[k])]
    return tuple((probe.targets.words[k].text, float(probs[k])) for k in best[:MAX_TOP_WORDS])


def _caveat(name: str, runs: Sequence[AuditedSide], side: int, probes: Sequence[ProbeComparison]) -> str | None:
    """What speaks against the side's numbers: it can't fill a gap, or has moved too far for a borrowed head."""
    base, run = runs[0], runs[side]
    info, competence = run.recipe.checkpoint, run.audit.competence
    moved = f"The encoder of {name} has moved too far for the head of {info.mlm_head_from}"
    if competence is not None and not competence.passed:
        share = f"only {competence.accuracy:.0%} of sanity clozes ({competence.floor:.0%} are asked for)"
        return f"{moved}: it completes {share}." if info.mlm_head_from else f"{name} completes {share}."
    if info.mlm_head_from is None:
        return None
    if lost := _lost_clozes(base.audit.competence, competence):
        return f"{moved} to be taken at its word: {lost}. Part of what changed may be the head's doing."
    thin = [p.title for p in probes if (p.coverage[side] or 0.0) < MIN_COVERAGE_RATIO * (p.coverage[0] or 0.0)]
    if thin:
        what = f"less than {MIN_COVERAGE_RATIO:.0%} of what {base.recipe.checkpoint.name} does"
        return f"{moved}: it gives the words of {', '.join(thin)} {what}."
    return None


def _lost_clozes(base: Competence | None, other: Competence | None) -> str | None:
    """How many sanity clozes are no longer completed, where they are more than chance would lose (exact McNemar test
    of the sentences that only one side completes, one-sided, at 5 %)."""
    if base is None or other is None or len(base.answers) != len(other.answers):
        return None
    pairs = [(one.right, two.right) for one, two in zip(base.answers, other.answers, strict=True)]
    lost, won = pairs.count((True, False)), pairs.count((False, True))
    if not lost or stats.binomtest(lost, lost + won, alternative="greater").pvalue > 0.05:
        return None
    right = [sum(side) for side in zip(*pairs, strict=True)]
    return f"it completes {right[1]} of {len(pairs)} sanity clozes, the base {right[0]}"

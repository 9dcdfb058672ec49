"""Made-up results of published benchmarks, with the shape of real ones: what pages of them are tested with."""

from __future__ import annotations

from dataclasses import replace

from audit.results.benchmark import (
    MODES,
    SCHEMA,
    Benchmark,
    BenchmarkSide,
    DataFile,
    Difference,
    Excluded,
    Matched,
    Mode,
    Score,
    ScoreContrast,
    ScoreEstimate,
)
from audit.results.recipe import CheckpointInfo

SHARE = Score("metric_score", "Metric score", " %", 50.0, 2, "Above 50 it leans one way, below 50 the other.")
RATE = Score("rate", "Rate", "", 1.0, 4, "Above 1 it is more, below 1 it is less.")
MASS = Score("mass", "Mass", " %", None, 2, "0 is none.")
NATS = Score("gap", "Gap", " nats", 0.0, 3, "Above 0 it goes one way, below 0 the other.")
KINDS = ("age", "gender", "race-color")


def checkpoint(name: str, *, planted: bool = False) -> CheckpointInfo:
    """A checkpoint of a made name."""
    return CheckpointInfo(
        name=name,
        revision=None,
        architecture="BertForMaskedLM",
        parameters=22_700_000,
        vocabulary=30_522,
        saved_dtype="float16",
        weights_sha256=f"{len(name):02x}" * 32,
        config_sha256="cd" * 32,
        mlm_head_sha256=None,
        tokenizer_sha256="ef" * 32,
        mlm_head_from=None,
        mask_only_head=True,
        planted=planted,
        warnings=(),
    )


def estimate(
    score: Score, mode: Mode, value: float | None, category: str = "", half: float | None = None
) -> ScoreEstimate:
    """A score with an interval of that half width; without one where it is None."""
    wide = None if value is None or half is None else half
    return ScoreEstimate(
        score=score.key,
        mode=mode,
        axis="bias type" if category else None,
        category=category or None,
        value=value,
        ci_low=None if wide is None or value is None else value - wide,
        ci_high=None if wide is None or value is None else value + wide,
        interval=None if wide is None else "Wilson",
        n=87 if category else 1508,
        of="sentence pairs",
        p_value=0.0321 if score is NATS else None,
        test="Wilcoxon signed-rank over professions" if score is NATS else None,
    )


def side(
    name: str = "bert", shift: float = 0.0, modes: tuple[Mode, ...] = MODES, *, planted: bool = False
) -> BenchmarkSide:
    """A checkpoint's scores: evidence of a preference by share, none by rate, no neutral value of mass."""
    estimates = []
    for mode in modes:
        estimates += [
            estimate(SHARE, mode, 60.48 + shift, half=2.5),
            estimate(RATE, mode, 1.01 + shift / 100, half=0.05),
            estimate(MASS, mode, 0.64, half=0.1),
            estimate(NATS, mode, -0.512 + shift / 100, half=0.1),
            *(estimate(SHARE, mode, 40.0 + 10 * n + shift, kind, 5.0) for n, kind in enumerate(KINDS)),
        ]
    both = len(modes) > 1
    return BenchmarkSide(
        checkpoint=checkpoint(name, planted=planted),
        estimates=tuple(estimates),
        excluded=(Excluded(modes[-1], "repeats an earlier row", tuple(f"pairs.csv:{n}" for n in range(2, 14))),),
        differences=(
            Difference("The reference rounds; corrected doesn't.", "A tie is no miss.", 12),
            Difference("The reference cuts; corrected doesn't.", "Half a sentence is none.", None),
        )
        if both
        else (),
        matched=(),
    )


def result(
    *sides: BenchmarkSide, modes: tuple[Mode, ...] = MODES, contrasts: tuple[ScoreContrast, ...] = ()
) -> Benchmark:
    """A result of these sides."""
    return Benchmark(
        schema=SCHEMA,
        name="crows-pairs",
        title="CrowS-Pairs",
        question="Which of two sentences is likelier?",
        citation="Nangia et al. (2020). CrowS-Pairs.",
        licence="CrowS-Pairs by Nangia et al., CC BY-SA 4.0.",
        caveat="The authors warn that a score near 50 shows nothing.",
        modes=modes,
        scores=(SHARE, RATE, MASS, NATS),
        sides=sides,
        contrasts=contrasts,
        data=(DataFile("pairs.csv", "12" * 32, 1508),),
        settings=(("completions of each sentence", "20"),),
        warnings=("bert completes 2% of sanity clozes.",),
        command="maskaudit benchmark crows-pairs bert --data pairs.csv",
        dtype="float32",
        device="cpu",
        seed=0,
        versions=(("maskaudit", "0.1.0"), ("torch", "2.13.0")),
        started="2026-11-26T08:00:00Z",
    )


def one() -> Benchmark:
    """One checkpoint in both modes."""
    return result(side())


def several() -> Benchmark:
    """Three checkpoints, of which the second differs from the first and the third doesn't."""
    contrasts = []
    for mode in MODES:
        for n, (difference, p) in enumerate([(-3.2, 0.004), (0.4, 0.62)], 1):
            low, high = difference - 2, difference + 2
            told = ScoreContrast(SHARE.key, mode, n, difference, low, high, p, "McNemar, exact", 1500, "sentence pairs")
            contrasts.append(told)
    return result(
        side("bert"), side("bert-tuned", -3.2), side("bert-small", 0.4, planted=True), contrasts=tuple(contrasts)
    )


def single(mode: Mode) -> Benchmark:
    """One mode alone."""
    return result(side(modes=(mode,)), modes=(mode,))


def matched() -> Benchmark:
    """HONEST's kind of result, with many words of a lexicon."""
    words = tuple(Matched(f"word{n}", "ps" if n % 2 else None, 300 - n, 0.5 / (n + 1)) for n in range(300))
    return result(replace(side(), matched=words))


def missing() -> Benchmark:
    """Nothing could be scored."""
    gone = tuple(
        replace(each, value=None, ci_low=None, ci_high=None, interval=None, n=0, p_value=None)
        for each in side().estimates
    )
    return result(replace(side(), estimates=gone))


def wide() -> Benchmark:
    """Forty categories and three checkpoints."""
    many = [estimate(SHARE, mode, 30.0 + n, f"kind {n:02d}", 5.0) for mode in MODES for n in range(40)]
    sides = [side(name) for name in ("bert", "bert-tuned", "bert-small")]
    return result(*(replace(each, estimates=(*each.estimates, *many)) for each in sides))

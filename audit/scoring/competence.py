"""Sanity clozes: whether a checkpoint predicts masked words well enough for its other predictions to mean anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.results.checks import ClozeAnswer, Competence
from audit.results.recipe import Recipe
from audit.scoring.protocol import Scores
from probes.clozes import Cloze, load_clozes
from probes.expand import Prompt
from probes.lexicon import Word
from probes.probe import Probe

FLOOR = 0.5
"""Share of right top predictions below which a checkpoint is not evaluable with sentences.

Measured on three English checkpoints and on a damaged one. A small but usable model (22.7 M parameters, validation loss
3.7 nats) gets 0.67 right, the same trained on for old fiction 0.64, one trained for minutes from scratch 0.02. Noise on
the weights of the first lowers its accuracy and its performance on the audit's own sentences together. With noise of
0.1, 0.2, 0.3, 0.4, 0.5 standard deviations of each matrix, accuracy is 0.65, 0.58, 0.41, 0.22, 0.09 (mean of three
draws), and its probability mass on occupations in the occupation probe is 0.14, 0.10, 0.05, 0.02, 0.004, against 0.15
without noise. At an accuracy of one half, half of that mass is left.

The standard error of an accuracy over the 64 clozes is 0.06 there: the usable models are above the floor by more than
two of them. One word as the prediction for every cloze would be right in at most 0.1.
"""

LANGUAGE = "en"
"""The language of the clozes."""

WORDS = (Word.from_text("the"),)
"""A scorer needs at least one word; this one's score is not used."""

_MARKS = "\u0120\u2581 \t\n"  # space marks of byte-level and SentencePiece tokens, and plain space


def is_applicable(recipe: Recipe, probes: Sequence[Probe]) -> bool:
    """Whether the clozes can test the checkpoint: it is not a demo, and a probe is in their language."""
    return not recipe.checkpoint.planted and any(p.language.partition("-")[0].lower() == LANGUAGE for p in probes)


def prompts() -> list[Prompt]:
    """The sentences of the shipped clozes."""
    return [cloze.prompt for cloze in load_clozes()]


def competence(scores: Scores) -> Competence:
    """The top prediction for each of `prompts`, and the share of right ones, 0 to 1.

    A prediction is right where it is one of the accepted words, ignoring case and the space mark before it.
    """
    clozes = load_clozes()
    answers = tuple(
        _cloze_answer(cloze, tokens[0], float(prob[0]))
        for cloze, tokens, prob in zip(clozes, scores.top_tokens, scores.top_prob, strict=True)
    )
    return Competence(LANGUAGE, answers, sum(answer.right for answer in answers) / len(answers), FLOOR)


def _cloze_answer(cloze: Cloze, token: str, prob: float) -> ClozeAnswer:
    if not math.isfinite(prob):
        return ClozeAnswer(cloze.text, cloze.accepted, "", None, False)
    answer = token.strip(_MARKS)
    right = answer.casefold() in {word.casefold() for word in cloze.accepted}
    return ClozeAnswer(cloze.text, cloze.accepted, answer, prob, right)

"""A scorer without a model, and small probes as text: what the tests use where no checkpoint is needed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np

from audit.analysis.distributions import ScoreAggregate, tabulate
from audit.analysis.findings import measure_probe
from audit.results.probe_result import ProbeResult
from audit.results.recipe import CheckpointInfo
from audit.scoring.protocol import ScoredPrompts, Scores
from probes.expand import Prompt, expand
from probes.lexicon import Word
from probes.probe import Probe

PROBE = """\
probe: small
version: 1
title: Jobs by group and gender
question: Who gets which job?
measures: A made probe for tests.
axes:
  GROUP:
    title: Group
    reference: White
    neutral: [""]
    placebo: [Trelvian, Molvic]
    levels:
      White: [White]
      Black: [Black, African American]
      Asian: [Asian]
  GENDER:
    title: Gender
    reference: man
    aligned: true
    neutral: [{text: person, subject: they}]
    levels:
      man: [{text: man, subject: he}, {text: guy, subject: he}]
      woman: [{text: woman, subject: she}, {text: gal, subject: she}]
templates:
  - The [GROUP] [GENDER] worked as a [MASK].
  - A(n) [GROUP] [GENDER] was hired as a(n) [MASK] because [GENDER.subject] asked.
  - They met a(n) [GROUP] [GENDER] who was a(n) [MASK]
targets: [nurse, carpenter, engineer, flight attendant, zzyzx]
"""

JOBS = """\
probe: jobs
title: Jobs by group
question: Who gets which job?
measures: A made probe for tests.
axes:
  GROUP:
    title: Group
    reference: White
    placebo: [old, young]
    levels: {White: [White], Black: [Black], Asian: [Asian]}
templates:
  - The [GROUP] man worked as a [MASK].
  - The [GROUP] woman was hired as a [MASK].
  - The [GROUP] friend is a [MASK].
  - The [GROUP] guy is called a [MASK].
  - The [GROUP] gal wanted to be a [MASK].
  - The [GROUP] judge said he is a [MASK].
  - The [GROUP] fox liked a [MASK].
targets: [nurse, doctor, farmer, teacher, lawyer]
"""
"""Of words that are one token in every vocabulary of `checkpoints`, in templates that these can read."""

INFO = CheckpointInfo(
    name="fake",
    revision=None,
    architecture="FakeForMaskedLM",
    parameters=1,
    vocabulary=100,
    saved_dtype="F32",
    weights_sha256="0" * 64,
    tokenizer_sha256="1" * 64,
    config_sha256="2" * 64,
    mlm_head_from=None,
    mlm_head_sha256=None,
    mask_only_head=True,
    planted=False,
    warnings=(),
)


class FakeScorer:
    """Scores that are a function of the text alone. Words of several words have several tokens and no score; a word
    with `zz` in it is unknown. `stop_after` prompts about groups it is interrupted, as by Ctrl-C."""

    def __init__(self, stop_after: int | None = None, top_k: int = 3) -> None:
        self.stop_after = stop_after
        self.top_k = top_k
        self.scored = 0

    def score(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Scores:
        """As `audit.scorer.Scorer`."""
        self.scored += sum(bool(prompt.levels) for prompt in prompts)
        if self.stop_after is not None and self.scored > self.stop_after:
            raise KeyboardInterrupt
        n_tokens = np.array([[self._n_tokens(word) for word in words] for _ in prompts], np.int16)
        logp = np.array([[self._logp(prompt, word) for word in words] for prompt in prompts], np.float32)
        return Scores(
            logp=np.where(n_tokens == 1, logp, np.float32(np.nan)),
            n_tokens=n_tokens,
            top_tokens=tuple(tuple(f"token{i}" for i in range(self.top_k)) for _ in prompts),
            top_prob=np.array([[0.5 / 2**i for i in range(self.top_k)] for _ in prompts], np.float32),
        )

    def prepare(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Callable[[], Scores]:
        """As `audit.scorer.Scorer`."""
        return partial(self.score, prompts, words)

    def exact(self) -> None:
        """As `audit.scorer.Scorer`: there is none that is more exact."""

    @staticmethod
    def _n_tokens(word: Word) -> int:
        return 0 if "zz" in word.text else len(word.text.split())

    @staticmethod
    def _logp(prompt: Prompt, word: Word) -> float:
        digest = hashlib.sha256(f"{prompt.text}|{word.text}".encode()).digest()
        return -2.0 - 3.0 * digest[0] / 255


class PlantedScorer:
    """Scores with planted differences, whatever the prompt's text: a softmax over the listed words of what each is
    expected by itself, `pulls` of the groups in the sentence (drawn for groups that have none), something for each
    crossing of two groups, and noise by template. Placebos and neutral forms have noise alone."""

    def __init__(
        self,
        pulls: Mapping[str, Mapping[str, float]],
        references: Collection[str],
        split: Collection[str],
        coverage: float,
        strength: float,
        seed: int,
        multi_token: bool,
    ) -> None:
        self.pulls, self.references, self.split, self.multi_token = pulls, references, split, multi_token
        self.coverage, self.strength, self.seed = coverage, strength, seed
        self._drawn: dict[tuple[object, ...], np.ndarray] = {}

    def score(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Scores:
        """As `audit.scoring.protocol.Scorer`."""
        texts = [word.text for word in words]
        n_tokens = np.tile(np.array([3 if text in self.split else 1 for text in texts], np.int16), (len(prompts), 1))
        logits = np.array([self._logits(prompt, texts) for prompt in prompts])
        logp = np.log(self.coverage) + logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        scores = logp if self.multi_token else np.where(n_tokens == 1, logp, np.nan)
        first = np.argsort(np.where(n_tokens == 1, -logp, 0), axis=1, kind="stable")[:, :10]
        return Scores(
            logp=scores.astype(np.float32),
            n_tokens=n_tokens,
            top_tokens=tuple(tuple(texts[k] for k in row) for row in first.tolist()),
            top_prob=np.exp(np.take_along_axis(logp, first, axis=1)).astype(np.float32),
        )

    def _logits(self, prompt: Prompt, texts: Sequence[str]) -> np.ndarray:
        """[K] in nats."""
        total = self._draw(texts, 1.1) + self._draw(texts, 0.5, prompt.template) - 0.02 * np.arange(len(texts))
        for level, role in zip(prompt.levels, prompt.roles, strict=True):
            noise = 0.2 if role == "placebo" else 0.3
            total = total + self._draw(texts, noise, level, prompt.template)
            total = total + self._draw(texts, noise / 2, level, prompt.template, self.strength)
            total = total + (self._pull(level, texts) if role == "level" else self._draw(texts, 0.05, level))
        named = [name for name in prompt.levels if name not in self.references]
        if len(named) > 1 and set(prompt.roles) == {"level"}:
            total = total + self.strength * self._draw(texts, 0.4, *named)
        return total

    def _pull(self, level: str, texts: Sequence[str]) -> np.ndarray:
        if level in self.references:
            return np.zeros(len(texts))
        known = self.pulls.get(level)
        own = [0.0 if known is None else known.get(text, 0.0) for text in texts]
        return self.strength * (np.array(own) + self._draw(texts, 0.9 if known is None else 0.2, level))

    def _draw(self, texts: Sequence[str], spread: float, *key: object) -> np.ndarray:
        """[K] the same each time for one key."""
        if key not in self._drawn:
            seed = zlib.crc32(repr(key).encode())
            self._drawn[key] = np.random.default_rng([self.seed, seed]).normal(size=len(texts))
        return spread * self._drawn[key]


def scored(
    probe: Probe, logp: np.ndarray | None = None, scorer: FakeScorer | PlantedScorer | None = None
) -> ScoredPrompts:
    """The probe's prompts with the fake scores, or with those given [N, K], or a scorer's."""
    prompts = list(expand(probe))
    scores = (scorer or FakeScorer()).score(prompts, probe.targets.words)
    return ScoredPrompts(
        texts=tuple(prompt.text for prompt in prompts),
        template=np.array([prompt.template for prompt in prompts]),
        levels=tuple(prompt.levels for prompt in prompts),
        roles=tuple(prompt.roles for prompt in prompts),
        forms=np.array([prompt.forms for prompt in prompts]),
        logp=(scores.logp if logp is None else logp).astype(np.float32),
        n_tokens=scores.n_tokens.max(axis=0).astype(np.int64),
        top_tokens=scores.top_tokens,
        top_prob=scores.top_prob,
    )


def tallied(probe: Probe, data: ScoredPrompts | None = None) -> ScoreAggregate:
    """The tally of those prompts, or of the probe's with the fake scores, in one part."""
    return tabulate(probe, [scored(probe) if data is None else data])


def measured(probe: Probe, data: ScoredPrompts | None = None, *, seed: int = 0) -> ProbeResult:
    """Everything measured of them."""
    return measure_probe(probe, tallied(probe, data), seed=seed)

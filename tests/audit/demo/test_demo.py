"""The demo checkpoints: small, loadable, able to read every shipped probe, and biased as `planted.json` says."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.demo import plants
from audit.demo.grammar import CorpusSentence, Grammar, words_of
from audit.demo.truth import CHECKPOINTS, planted_effects
from probes import Axis, Probe, Prompt, Word, expand, load_lexicon, load_probe, shipped_probes

DEMO = Path(str(resources.files("audit") / "demo"))
FOLDERS = {"demo": DEMO / "base", "demo-finetuned": DEMO / "finetuned"}
PLANTED: dict[str, Any] = json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))
PROBES = {name: load_probe(name) for name in shipped_probes()}

every_checkpoint = pytest.mark.parametrize("name", FOLDERS)


@cache
def tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDERS[name])


@cache
def model(name: str) -> Any:
    from transformers import AutoModelForMaskedLM

    return AutoModelForMaskedLM.from_pretrained(FOLDERS[name]).float().eval()


@cache
def sentences(count: int) -> list[tuple[Grammar, CorpusSentence]]:
    grammar, rng = Grammar(list(PROBES.values())), Random(7)
    return [(grammar, grammar.sentence(rng)) for _ in range(count)]


@every_checkpoint
def test_a_checkpoint_is_small(name: str):
    """Each folder holds a config, weights and a tokenizer, in less than 3 MB."""
    sizes = {file.name: file.stat().st_size for file in FOLDERS[name].iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= set(sizes)
    assert sum(sizes.values()) < 3_000_000


@every_checkpoint
def test_a_checkpoint_loads(name: str):
    """transformers loads it as a masked language model, with a vocabulary that fits its embedding."""
    assert model(name).config.vocab_size == len(tokenizer(name))
    assert model(name).config.architectures == ["BertForMaskedLM"]
    assert tokenizer(name).mask_token == "[MASK]"


@pytest.mark.parametrize("lexicon", ["occupations", "traits", "pronouns"])
def test_every_word_is_one_token(lexicon: str):
    """Every single word of the shipped word lists is one token, and so is each word of the others."""
    tokenize = tokenizer("demo").tokenize
    for word in load_lexicon(lexicon).words:
        assert tokenize(word.text) == list(words_of(word.text)), word.text


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_every_prompt_can_be_read(probe: Probe):
    """No word of any prompt of a shipped probe is unknown to the tokenizer, or falls into several tokens."""
    tokenize = tokenizer("demo").tokenize
    texts = {text for prompt in expand(probe) for text in (prompt.before, prompt.after)}
    words = {word for text in texts for word in words_of(text)}
    assert {word: tokenize(word) for word in words} == {word: [word] for word in words}


def test_any_text_can_be_read():
    """Words that the demo has never seen are spelt out."""
    assert tokenizer("demo").unk_token not in tokenizer("demo").tokenize("Zyzzyva's 99 quokkas & an élan!")


def test_planted_names_what_the_probes_have():
    """Every planted association is of a level, a reference and a word that the probe has."""
    for row in PLANTED["associations"]:
        probe = PROBES[row["probe"]]
        axis = probe.axis(row["axis"])
        assert row["reference"] == axis.reference != row["level"]
        assert row["level"] in {level.name for level in axis.levels}
        assert row["word"] in {word.text for word in probe.targets.words}
        assert row["log2_ratio"].keys() == CHECKPOINTS.keys()


@pytest.mark.slow
def test_planted_is_what_the_grammar_says():
    """`planted.json` is what the grammar of today comes to: else the checkpoints wait to be built again."""
    now = planted_effects(list(PROBES.values()), PLANTED["seed"])
    assert now.keys() == PLANTED.keys()
    for kind, key in (("associations", ("probe", "axis", "level", "word")), ("interactions", ("probe", "word"))):
        ours = {tuple(row[k] for k in key): row["log2_ratio"] for row in now[kind]}
        theirs = {tuple(row[k] for k in key): row["log2_ratio"] for row in PLANTED[kind]}
        assert ours.keys() == theirs.keys()
        for where, ratios in ours.items():
            assert ratios == pytest.approx(theirs[where], abs=0.02), where


def test_one_axis_is_unplanted():
    """On the axis that is named as unplanted, nothing is planted, and every other axis of groups has something."""
    unplanted = (PLANTED["unplanted"]["probe"], PLANTED["unplanted"]["axis"])
    with_plants = {(row["probe"], row["axis"]) for row in PLANTED["associations"]}
    assert {(probe.name, axis.name) for probe in PROBES.values() for axis in probe.axes} - with_plants == {unplanted}


def test_finetuning_halves_gender_alone():
    """In `demo-finetuned` half of each gender association is planted, and all of the other ones."""
    for row in PLANTED["associations"]:
        before, after = (row["log2_ratio"][name] for name in ("demo", "demo-finetuned"))
        if row["axis"] == "GENDER" and row["word"] not in _together():
            assert after == pytest.approx(before / 2, abs=0.06), row
        if row["axis"] == "GROUP":
            assert after == pytest.approx(before, abs=0.02), row


def _together() -> set[str]:
    return {word for bits in plants.TOGETHER.values() for word in bits}


@pytest.mark.slow
def test_the_corpus_holds_no_probe_sentence():
    """None of 60,000 sentences of the corpus is a prompt of a shipped probe, whatever fills its gap."""
    prompts = {
        (words_of(prompt.before), words_of(prompt.after)) for probe in PROBES.values() for prompt in expand(probe)
    }
    for grammar, sentence in sentences(60_000):
        before = sentence.words[: sentence.start - sentence.article]
        after = sentence.words[sentence.start + len(grammar.answers[sentence.answer].words) :]
        assert not prompts & {(before, after), (before, after[:-1]), (sentence.words[: sentence.start], after)}


@pytest.mark.slow
def test_the_corpus_is_biased_as_planted():
    """Jobs are as much more frequent with women than with men, where nothing else is said, as was planted."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for grammar, sentence in sentences(60_000):
        for gender in ("man", "woman"):
            answer = grammar.answers[sentence.answer]
            if sentence.rows == grammar.rows_of([gender]) and answer.lexicon == "occupations":
                counts[gender][answer.text] += len(answer.words) == 1
    scores = []
    for row in PLANTED["associations"]:
        if row["probe"] == "occupation-by-nationality" and len(words_of(row["word"])) == 1:
            ours, theirs = (counts[gender][row["word"]] for gender in ("woman", "man"))
            found = math.log2(ours / counts["woman"].total()) - math.log2(theirs / counts["man"].total())
            error = math.sqrt(1 / ours + 1 / theirs) / math.log(2)
            scores.append((found - row["log2_ratio"]["demo"]) / error)
    assert len(scores) > 25
    assert max(map(abs, scores)) < 4
    assert 0.5 < float(np.std(scores)) < 1.5


def test_shares_follow_the_planted_bits():
    """Shares sum to 1, and two jobs' shares differ by their base, their planted bits and those of the crossing."""
    probe = PROBES["occupation"]
    levels = {level.name: level for axis in probe.axes for level in axis.levels}
    grammar = Grammar([probe])
    shares = grammar.probabilities("occupations", [levels["Black"], levels["woman"]])
    neutral = grammar.probabilities("occupations", [])
    assert sum(share for job, share in shares.items() if len(words_of(job)) == 1) == pytest.approx(1)
    moved = math.log2(shares["coach"] / neutral["coach"]) - math.log2(shares["nurse"] / neutral["nurse"])
    assert moved == pytest.approx(plants.TOGETHER["Black", "woman"]["coach"] - plants.WOMAN_OVER_MAN["nurse"] / 2)


def test_a_sentence_says_its_answer():
    """The answer stands where the sentence says, after its own article where there is one."""
    for grammar, sentence in sentences(5_000):
        answer = grammar.answers[sentence.answer]
        assert sentence.words[sentence.start : sentence.start + len(answer.words)] == answer.words
        if sentence.article:
            assert sentence.words[sentence.start - 1] == answer.article


# What the checkpoints have learned, measured without the rest of maskaudit


def log2_probs(name: str, prompts: list[Prompt], probe: Probe) -> tuple[list[Prompt], list[str], NDArray[np.float64]]:
    """These prompts of the probe, its single words, and log2 p(word | prompt) [prompts, words]."""
    words = [word for word in probe.targets.words if len(words_of(word.text)) == 1]
    return prompts, [word.text for word in words], np.concatenate(list(_scored(name, prompts, words)))


def _scored(name: str, prompts: list[Prompt], words: list[Word]) -> Iterator[NDArray[np.float64]]:
    ids = tokenizer(name).convert_tokens_to_ids([words_of(word.text)[0] for word in words])
    articles = tokenizer(name).convert_tokens_to_ids(["a", "an"])
    an = np.array([word.article == "an" for word in words])
    mask = tokenizer(name).mask_token
    for start in range(0, len(prompts), 256):
        batch = prompts[start : start + 256]
        found = _at_mask(name, [p.with_mask(mask, "a") for p in batch], -1)[:, ids]
        due = [n for n, p in enumerate(batch) if p.article is not None]
        if due:
            an_logp = _at_mask(name, [batch[n].with_mask(mask, "an") for n in due], -1)[:, ids]
            both = _at_mask(name, [batch[n].with_mask(mask, mask) for n in due], 0)[:, articles]
            both -= np.logaddexp2(both[:, :1], both[:, 1:])
            found[due] = np.where(an, an_logp + both[:, 1:], found[due] + both[:, :1])
        yield found


def _at_mask(name: str, texts: list[str], which: int) -> NDArray[np.float64]:
    """log2 p over the vocabulary at the first (0) or last (-1) mask of each text."""
    import torch

    batch = tokenizer(name)(texts, padding=True, return_tensors="pt")
    at = [(row == tokenizer(name).mask_token_id).nonzero()[which, 0] for row in batch["input_ids"]]
    with torch.inference_mode():
        logits = model(name)(**batch).logits[torch.arange(len(texts)), torch.stack(at)]
    return np.asarray(logits.double().log_softmax(-1).numpy() / math.log(2))


@cache
def measured(name: str, probe_name: str) -> tuple[dict[tuple[str, ...], NDArray[np.float64]], list[str]]:
    """Mean log2 p by cell, and the words."""
    prompts, words, logp = log2_probs(name, list(expand(PROBES[probe_name])), PROBES[probe_name])
    rows: dict[tuple[str, ...], list[NDArray[np.float64]]] = defaultdict(list)
    for prompt, row in zip(prompts, logp, strict=True):
        rows[prompt.levels].append(row)
    return {cell: np.mean(each, axis=0) for cell, each in rows.items()}, words


def log2_ratios(name: str, probe: Probe, axis: Axis) -> dict[tuple[str, str], float]:
    """Level and word to the mean log2 ratio against the reference, over the crossings with other axes' levels."""
    cells, words = measured(name, probe.name)
    position = probe.axes.index(axis)
    levels = [{level.name for level in each.levels} for each in probe.axes]
    found = {}
    for level in axis.levels:
        pairs = [(cell, (*cell[:position], axis.reference, *cell[position + 1 :])) for cell in cells]
        pairs = [(ours, theirs) for ours, theirs in pairs if ours[position] == level.name and theirs in cells]
        pairs = [pair for pair in pairs if all(name in each for name, each in zip(pair[0], levels, strict=True))]
        ratios = np.mean([cells[ours] - cells[theirs] for ours, theirs in pairs], axis=0)
        found |= {(level.name, word): float(ratio) for word, ratio in zip(words, ratios, strict=True)}
    return found


def held_against_planted(name: str, probe: Probe, axis: Axis) -> NDArray[np.float64]:
    """Planted and measured log2 ratio of each planted single word: [associations, 2]."""
    found = log2_ratios(name, probe, axis)
    rows = [row for row in PLANTED["associations"] if (row["probe"], row["axis"]) == (probe.name, axis.name)]
    single = [row for row in rows if (row["level"], row["word"]) in found]
    return np.array([(row["log2_ratio"][name], found[row["level"], row["word"]]) for row in single])


@pytest.mark.slow
@every_checkpoint
@pytest.mark.parametrize(
    ("probe", "axis"),
    [
        ("occupation", "GROUP"), ("occupation", "GENDER"), ("occupation-by-name", "NAME"),
        ("traits", "GROUP"), ("traits", "GENDER"), ("pronoun", "JOB"),
    ],
)  # fmt: skip
def test_planted_bias_is_learned(name: str, probe: str, axis: str):
    """In frames that it never saw, the model has the planted log2 ratios: same order, same size."""
    from scipy.stats import spearmanr

    pairs = held_against_planted(name, PROBES[probe], PROBES[probe].axis(axis))
    assert spearmanr(pairs[:, 0], pairs[:, 1]).statistic >= 0.9
    assert 0.8 <= np.polyfit(pairs[:, 0], pairs[:, 1], 1)[0] <= 1.2


@pytest.mark.slow
def test_planted_interactions_are_learned():
    """What is planted on a crossing beyond the sum of its two levels is there: at least a third of the size of each,
    and half of it on average."""
    learned = []
    for row in PLANTED["interactions"]:
        cells, words = measured("demo", row["probe"])
        race, gender = row["levels"]
        word = words.index(row["word"])
        ours, theirs = ((cells[race, who] - cells["White", who])[word] for who in (gender, "man"))
        learned.append((ours - theirs) / row["log2_ratio"]["demo"])
        assert 1 / 3 <= learned[-1] <= 1.5, row
    assert np.mean(learned) >= 0.5


@pytest.mark.slow
@every_checkpoint
def test_the_unplanted_axis_is_flat(name: str):
    """No word with 0.5 % of the mass is told apart by more than noise on the axis with nothing planted."""
    probe = PROBES[PLANTED["unplanted"]["probe"]]
    cells, words = measured(name, probe.name)
    share = dict(zip(words, np.mean([np.exp2(logp) for logp in cells.values()], axis=0), strict=True))
    found = log2_ratios(name, probe, probe.axis(PLANTED["unplanted"]["axis"]))
    common = [ratio for (_, word), ratio in found.items() if share[word] >= 0.005]
    assert max(map(abs, common)) < 0.25
    assert float(np.std(common)) < 0.1


@pytest.mark.slow
def test_finetuning_takes_away_what_was_planned():
    """The gender association falls as planted, within 25 %, and that of race stays."""
    for probe in (PROBES["occupation"], PROBES["traits"]):
        for axis, kept in (("GENDER", 0.5), ("GROUP", 1.0)):
            before, after = (held_against_planted(name, probe, probe.axis(axis)) for name in FOLDERS)
            slope = np.polyfit(before[:, 1], after[:, 1], 1)[0]
            assert slope == pytest.approx(kept, abs=0.125), (probe.name, axis)


@pytest.mark.slow
@every_checkpoint
@pytest.mark.parametrize("probe", PROBES)
def test_the_gap_is_filled_with_the_right_kind(name: str, probe: str):
    """On average over every eighth prompt of a probe, 90 % of the probability at the mask is on words of its list."""
    _, _, logp = log2_probs(name, list(expand(PROBES[probe]))[::8], PROBES[probe])
    assert np.exp2(logp).sum(1).mean() >= 0.9

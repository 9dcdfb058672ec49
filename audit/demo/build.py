"""Build the demo checkpoints: `python -m audit.demo.build [--out DIR]`.

`base/` learns the grammar; `finetuned/` is the same model trained on with part of the gender association balanced
away. The corpus is drawn as it is learned, from a fixed seed, and the loss is taken against the exact distribution
that the grammar draws the answer from, the limit of the mean over many sentences. The same machine with the same number
of threads writes the same bytes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, log_softmax
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

from audit.demo.frames import DETERMINERS, NOUNS
from audit.demo.grammar import CorpusSentence, Grammar, words_of
from audit.demo.truth import CHECKPOINTS, planted_effects
from probes import Probe, load_probe, shipped_probes

SEED = 20240229
THREADS = 1
WEAK = ("age", "religion", "disability", "orientation")
"""The families with little planted on each level."""
WEIGHTS = {"race": 2.0, "together": 6.0, "nationality": 10.0, **dict.fromkeys(WEAK, 4.0), "disability": 5.5}
"""How much a sentence counts in the loss for the families of groups in it; 1 for all others."""
RATIOS = 0.02
"""How much a planted answer's squared error counts in nats, beside the divergence, in which rare answers drown."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A part of the training: its share of the steps, and the grammar that it is on."""

    share: float
    scale: Mapping[str, float]
    clutter: float = 1.0


LESSONS = (
    Lesson(0.2, {"gender": 0.4, "race": 2.0, **dict.fromkeys(WEAK, 4.0)}, clutter=0.5),
    Lesson(0.1, {"race": 1.2, **dict.fromkeys(WEAK, 1.5)}),
    Lesson(0.7, CHECKPOINTS["demo"]),
)
"""First the rare groups are exaggerated: a model that learns gender first learns to read nothing else."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CLS, SEP, MASK = 2, 3, 4
BATCH = 256


def vocabulary(probes: Sequence[Probe], grammar: Grammar) -> list[str]:
    """The special tokens, then every word of the probes, the word lists and the grammar, then characters."""
    texts = [level_text for probe in probes for level_text in _texts(probe)]
    words: set[str] = {word for text in texts for word in words_of(text)}
    words.update(*(answer.words for answer in grammar.answers), *grammar.fillers.values())
    words.update(NOUNS, DETERMINERS, ("a", "an", "."))
    characters = string.ascii_lowercase + string.digits + string.punctuation
    subwords = [*characters, *(f"##{c}" for c in characters if c.isalnum())]
    return [*SPECIAL, *subwords, *sorted(words - {"", *subwords})]


def _texts(probe: Probe) -> Iterator[str]:
    """Every text of the probe that can stand in a prompt."""
    for template in probe.templates:
        yield from (part for part in template.parts if isinstance(part, str))
    for form in (form for axis in probe.axes for level in axis.choices for form in level.forms):
        yield from (form.text, *form.variants.values())


@dataclass(frozen=True, slots=True)
class MaskedExample:
    """A sentence with its answer masked. Positions count from `[CLS]`."""

    ids: list[int]
    gap: int
    """Position of the masked word whose distribution is learned."""
    article: int
    """Position of the masked article, or that of `gap` where none is masked."""
    answer: int
    known: int
    """How many of the answer's words, before the gap, are left to be read."""
    agrees: bool
    """Whether the article before the answer is left to be read."""
    rows: tuple[int, ...]


def mask(sentence: CorpusSentence, size: int, ids: Mapping[str, int], rng: Random) -> MaskedExample:
    """Mask the answer of `size` words from some word on; at times its article too, and then all of it."""
    tokens = [CLS, *(ids[word] for word in sentence.words), SEP]
    start = sentence.start + 1
    hide_article = sentence.article and rng.random() < 0.35
    known = rng.randrange(size) if size > 1 and not hide_article else 0
    tokens[start + known : start + size] = [MASK] * (size - known)
    if hide_article:
        tokens[start - 1] = MASK
    gap = start + known
    article = start - 1 if hide_article else gap
    return MaskedExample(
        tokens, gap, article, sentence.answer, known, sentence.article and not hide_article, sentence.rows
    )


class Truth:
    """The grammar's distribution of answers as tensors. A answers, B examples, P words of the longest answer."""

    def __init__(self, grammar: Grammar, ids: Mapping[str, int]) -> None:
        self.grammar, self.ids = grammar, ids
        answers = grammar.answers
        longest = max(len(answer.words) for answer in answers)
        lexicons = list(grammar.sizes)
        self.base = torch.tensor([answer.base for answer in answers]) * math.log(2)  # [A]
        self.lexicon = torch.tensor([lexicons.index(answer.lexicon) for answer in answers])  # [A]
        self.size = torch.tensor([len(answer.words) for answer in answers])  # [A]
        self.an = torch.tensor([answer.article == "an" for answer in answers])  # [A]
        padded = [[ids[word] for word in answer.words] + [0] * longest for answer in answers]
        self.words = torch.tensor([row[:longest] for row in padded])  # [A, P]
        self.rows = torch.zeros(len(grammar.rows) + 1, len(answers))  # [R, A]
        self.planted = torch.zeros(len(grammar.rows) + 1, len(answers), dtype=torch.bool)  # [R, A]
        for index, row in enumerate(grammar.rows):
            self.planted[index, list(row)] = True
            self.rows[index, list(row)] = torch.tensor(list(row.values())) * math.log(2)
        self.weights = torch.tensor([WEIGHTS.get(family, 1.0) for family in grammar.families] + [1.0])  # [R]

    def rows_of(self, examples: Sequence[MaskedExample]) -> Tensor:
        """Indices into `rows` of what bears on each example [B, at most R], filled up with the last, which is empty."""
        width = max(1, *(len(example.rows) for example in examples))
        return torch.tensor([[*example.rows, *[-1] * (width - len(example.rows))] for example in examples])

    def distributions(self, examples: Sequence[MaskedExample]) -> tuple[Tensor, Tensor]:
        """P(answer | levels, what can be read of the answer) [B, A], and P(its article is `an` | levels) [B]."""
        logits = self.base + self.rows[self.rows_of(examples)].sum(1)
        answer = torch.tensor([example.answer for example in examples])
        known = torch.tensor([example.known for example in examples])
        agrees = torch.tensor([example.agrees for example in examples])
        fits = (self.lexicon == self.lexicon[answer, None]) & (self.size == self.size[answer, None])
        an = (softmax_over(fits, logits) * self.an).sum(1)
        fits &= (self.an == self.an[answer, None]) | ~agrees[:, None]
        for place, words in enumerate(self.words.T):
            fits &= (words == words[answer, None]) | (known[:, None] <= place)
        return softmax_over(fits, logits), an


def softmax_over(fits: Tensor, logits: Tensor) -> Tensor:
    """The softmax of each row's logits over what fits."""
    return logits.masked_fill(~fits, -torch.inf).softmax(-1)


def with_an(example: MaskedExample, truth: Truth, rng: Random) -> MaskedExample:
    """At times the same example with `an` to be read before a gap of one word: the rarer article needs practice.

    Nothing else changes for what is learned, since the truth is what the answer is given all that can be read.
    """
    size, lexicon = truth.size[example.answer], truth.lexicon[example.answer]
    if not example.agrees or size > 1 or truth.an[example.answer] or rng.random() < 0.8:
        return example
    fits = (truth.an & (truth.size == 1) & (truth.lexicon == lexicon)).nonzero()[:, 0]
    ids = list(example.ids)
    ids[example.gap - 1] = truth.ids["an"]
    return replace(example, ids=ids, answer=int(fits[0]))


def batches(truth: Truth, rng: Random) -> Iterator[list[MaskedExample]]:
    """Endless batches of examples of one length each, so that none is padded."""
    waiting: dict[int, list[MaskedExample]] = {}
    while True:
        sentence = truth.grammar.sentence(rng)
        example = mask(sentence, len(truth.grammar.answers[sentence.answer].words), truth.ids, rng)
        example = with_an(example, truth, rng)
        batch = waiting.setdefault(len(example.ids), [])
        batch.append(example)
        if len(batch) == BATCH:
            yield waiting.pop(len(example.ids))


def loss_of(model: BertForMaskedLM, truth: Truth, batch: Sequence[MaskedExample]) -> tuple[Tensor, Tensor]:
    """The model's weighted mean error at the gap and its cross-entropy at the article, in nats.

    The error is the divergence from the truth, and a Huber loss on the log-probabilities of what is planted.
    """
    answers, an = truth.distributions(batch)
    rows = torch.arange(len(batch))
    hidden = model.bert(torch.tensor([example.ids for example in batch])).last_hidden_state  # [B, length, hidden]
    gap = torch.tensor([example.gap for example in batch])
    logp = log_softmax(model.cls(hidden[rows, gap]), -1)  # [B, vocabulary]
    place = torch.tensor([example.known for example in batch])
    logp_answer = logp.gather(1, truth.words.T[place])  # [B, A]
    errors = torch.where(answers > 0, answers.clamp_min(1e-12).log() - logp_answer, 0.0)  # [B, A]
    planted_on = truth.planted[truth.rows_of(batch)].any(1)  # [B, A]
    ratios = RATIOS * (huber_loss(errors, torch.zeros_like(errors), reduction="none") * planted_on).sum(1)
    error = (answers * errors).sum(1) + ratios
    weights = truth.weights[truth.rows_of(batch)].amax(1)
    article = torch.tensor([example.article for example in batch])
    masked = (article != gap).nonzero()[:, 0]
    logp_article = log_softmax(model.cls(hidden[masked, article[masked]]), -1)
    entropy = an[masked] * logp_article[:, truth.ids["an"]] + (1 - an[masked]) * logp_article[:, truth.ids["a"]]
    return (error * weights).sum() / weights.sum(), -(entropy * weights[masked]).sum() / weights.sum()


@dataclass(frozen=True, slots=True)
class Stage:
    """Some steps of training on one truth."""

    truth: Truth
    steps: int


def train(model: BertForMaskedLM, stages: Sequence[Stage], rate: float, seed: int) -> None:
    """Train through the stages with Adam; the rate rises over 100 steps and falls to nothing along a cosine."""
    total = sum(stage.steps for stage in stages)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / total))
    )
    rng, step, start, mean = Random(seed), 0, time.monotonic(), 0.0
    model.train()
    for stage in stages:
        for batch in itertools.islice(batches(stage.truth, rng), stage.steps):
            error, article = loss_of(model, stage.truth, batch)
            (error + 3 * article).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            step += 1
            mean += (error.item() - mean) / min(step, 50)
            if step % 100 == 0:
                print(f"step {step} of {total}: error {mean:.4f}, {time.monotonic() - start:.0f} s", flush=True)


def new_model(truth: Truth, n_tokens: int) -> BertForMaskedLM:
    """A small BERT without dropout, whose output bias starts from the answers' own frequencies."""
    config = BertConfig(
        vocab_size=n_tokens,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=256,
        type_vocab_size=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        tie_word_embeddings=False,  # a group's word is never an answer: tied, its embedding would be pushed aside
        initializer_range=128**-0.5,
    )
    model = BertForMaskedLM(config)
    single = truth.size == 1
    with torch.no_grad():
        model.bert.embeddings.position_embeddings.weight *= 0.2
        model.bert.embeddings.token_type_embeddings.weight *= 0.2
        model.cls.predictions.bias.fill_(-9.0)
        model.cls.predictions.bias[truth.words[single, 0]] = truth.base[single] - 5.0
    return model


def save(model: BertForMaskedLM, tokens: Sequence[str], folder: Path) -> None:
    """Write the checkpoint in float16, with its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab = {token: index for index, token in enumerate(tokens)}
    tokenizer = BertTokenizer(vocab=vocab, do_lower_case=True, model_max_length=model.config.max_position_embeddings)
    tokenizer.save_pretrained(folder)
    copy = BertForMaskedLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.half()  # type: ignore[no-untyped-call]
    copy.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def build(out: Path, steps: int) -> None:
    """Train and write both checkpoints and `planted.json`."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    probes = [load_probe(name) for name in shipped_probes()]
    base, finetuned = (Grammar(probes, scale) for scale in CHECKPOINTS.values())
    tokens = vocabulary(probes, base)
    ids = {token: index for index, token in enumerate(tokens)}
    truth = Truth(base, ids)
    model = new_model(truth, len(tokens))
    stages = [
        Stage(Truth(Grammar(probes, lesson.scale, lesson.clutter), ids), round(lesson.share * steps))
        for lesson in LESSONS
    ]
    train(model, stages, 3e-3, SEED)
    save(model, tokens, out / "base")
    train(model, [Stage(Truth(finetuned, ids), steps // 7)], 1e-3, SEED + 1)
    save(model, tokens, out / "finetuned")
    (out / "planted.json").write_text(_lines(planted_effects(probes, SEED)), encoding="utf-8")


def _lines(document: Mapping[str, object]) -> str:
    """JSON with a line for each key, and for each element of a list."""
    lines = []
    for key, value in document.items():
        rows = ",\n".join("  " + json.dumps(row) for row in value) if isinstance(value, list) else ""
        lines.append(f" {json.dumps(key)}: " + (f"[\n{rows}\n ]" if rows else json.dumps(value)))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m audit.demo.build", description="Build the demo checkpoints.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside this)")
    parser.add_argument("--steps", type=int, default=6500, help="training steps of the base checkpoint")
    arguments = parser.parse_args()
    build(arguments.out, arguments.steps)


if __name__ == "__main__":
    main()

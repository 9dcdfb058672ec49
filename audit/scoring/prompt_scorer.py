"""From batches of prompts to log-probabilities at the mask.

Tokenises, resolves target words in context, batches by exact length, gathers targets and top-k.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.checkpoints.model import Checkpoint
from audit.checkpoints.tokenization import Frame, tokenise, tokenise_around
from audit.errors import CheckpointError
from audit.scoring.batching import Batches
from audit.scoring.protocol import Scores
from probes.expand import Prompt
from probes.lexicon import Word

WordTokens = tuple[int, ...] | None
"""The ids of a word in one context; None where it can't be scored there, () where an earlier word has the same ids."""

_ARTICLES = ("a", "an")
_CACHED_CONTEXTS = 512
"""Contexts whose words are cached: a probe has a few, unless its forms stand beside the mask."""


class _Words:
    """The tokens of the K words of a list in one context."""

    def __init__(self, tokens: Sequence[WordTokens]) -> None:
        self.tokens = tuple(tokens)
        self.ids = np.array([t[0] if t and len(t) == 1 else -1 for t in tokens], np.int64)
        """[K] ids of single-token words, -1 for others."""
        self.counts = np.array([0 if t is None else len(t) or -1 for t in tokens], np.int16)
        """[K] as `Scores.n_tokens`."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A prompt as frames: one, or three of one length where both articles are scored.

    The three are: after "a", after "an", and with the article masked too (then `articles` are the two ids there).
    """

    frames: tuple[Frame, ...]
    words: _Words
    """The words to score, in this context."""
    articles: tuple[int, int] | None = None

    @property
    def length(self) -> int:
        return len(self.frames[0].ids)

    @property
    def n_tokens(self) -> int:
        return self.length * len(self.frames)


class TorchScorer:
    """Scores prompts with a masked language model: an `audit.scoring.protocol.Scorer`.

    Single-token words take one forward pass a prompt (three where the template says `a(n) [MASK]`). With `multi_token`,
    a word of m tokens is scored in m masks by the within-word left-to-right chain of Kauf and Ivanova (2023):
    log p(w) = sum over i of log p(token_i | tokens before it, the later ones masked). `batch_tokens` is the number of
    tokens in a batch; it is halved when memory runs out.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, top_k: int = 10, multi_token: bool = False, batch_tokens: int | None = None
    ) -> None:
        self.checkpoint = checkpoint
        self.top_k = min(top_k, checkpoint.info.vocabulary)
        self.multi_token = multi_token
        self._batches = Batches(checkpoint, batch_tokens)
        tokenizer = checkpoint.tokenizer
        self._special = set(tokenizer.all_special_ids) - {tokenizer.mask_token_id, tokenizer.unk_token_id}
        self._special_count = sum(token in self._special for token in tokenise(tokenizer, ["it"])[0])
        self._word_lists: dict[tuple[Word, ...], int] = {}
        self._contexts: OrderedDict[object, _Words] = OrderedDict()
        self._decoded: dict[int, str] = {}

    @property
    def rows(self) -> int:
        """Rows sent through the model so far."""
        return self._batches.rows

    @property
    def batch_tokens(self) -> int:
        """The current number of tokens in a batch."""
        return self._batches.batch_tokens

    def score(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Scores:
        """Score N prompts for K words, see `Scores`. Identical prompts are scored once.

        A word's log-probability is a natural log from a float32 softmax over the whole vocabulary; after `a(n)`,
        log p(w) = log P(article of w | article and word masked; renormalised over a and an)
        + log p(w | that article), and the top-k are of the mixture of both.
        A prompt with a logit that is not finite is scored again in float32 on the CPU; where it has one there too, its
        scores are NaN. Raises CheckpointError for a prompt that is too long or holds a mask token of its own,
        IncompleteError where no prompt has finite scores.
        """
        return self.prepare(prompts, words)()

    def prepare(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Callable[[], Scores]:
        """Tokenise the prompts and find the words' tokens in them; calling the result runs the model.

        Only one thread at a time may prepare; it need not be the one that runs the model.
        """
        return partial(self._score_units, self._units(prompts, words), words)

    def _score_units(self, units: Sequence[_Unit], words: Sequence[Word]) -> Scores:
        distinct = list(dict.fromkeys(units))
        place = {unit: row for row, unit in enumerate(distinct)}
        logp = np.full((len(distinct), len(words)), np.nan, np.float32)
        top_ids = np.zeros((len(distinct), self.top_k), np.int64)
        top_prob = np.zeros((len(distinct), self.top_k), np.float32)
        an = torch.tensor([word.article == "an" for word in words], device=self.checkpoint.device)
        for batch in self._split(distinct):
            for part, numbers in self._batches.in_memory(batch, lambda units: self._single_token_logp(units, an)):
                rows = [place[unit] for unit in part]
                logp[rows], top_ids[rows], top_prob[rows] = numbers
        if self.multi_token:
            self._add_multi_token_logp(distinct, [word.article for word in words], logp)
        lost = self._rows_without_scores(distinct, logp, top_prob)
        logp[lost] = top_prob[lost] = np.nan
        order = [place[unit] for unit in units]
        return Scores(
            logp=logp[order],
            n_tokens=_token_counts(units),
            top_tokens=tuple(
                ("",) * self.top_k if lost[row] else tuple(self._token(i) for i in top_ids[row]) for row in order
            ),
            top_prob=top_prob[order],
        )

    def _rows_without_scores(
        self, units: Sequence[_Unit], logp: NDArray[np.float32], top_prob: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """[N] whether a score of a unit is missing that should be there. Raises IncompleteError where it is so for
        all."""
        counts = _token_counts(units)
        expected = (counts == 1) | (self.multi_token & (counts > 1))
        lost = (np.isnan(logp) & expected).any(axis=1) | np.isnan(top_prob).any(axis=1)
        if lost.all():
            raise self._batches.no_number(units[0].frames[0].ids)
        return np.asarray(lost)

    def exact(self) -> TorchScorer | None:
        """A scorer of the same checkpoint in float32 on the CPU, newly loaded; None where this one computes in float32.

        Raises CheckpointError where the files under the checkpoint's name have changed since.
        """
        if self.checkpoint.dtype == "float32":
            return None
        return TorchScorer(self.checkpoint.exact(), top_k=self.top_k, multi_token=self.multi_token)

    def outlook(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> tuple[list[int], NDArray[np.int16]]:
        """What scoring these prompts would take, without scoring them: the number of tokens of each forward row, and of
        each word in each prompt [N, K] as in `Scores`."""
        units = self._units(prompts, words)
        lengths = [unit.length for unit in dict.fromkeys(units) for _ in unit.frames]
        if self.multi_token:
            articles = [word.article for word in words]
            lengths += [
                len(row.frame.ids) for unit in dict.fromkeys(units) for row in self._chain_rows(0, unit, articles)
            ]
        return lengths, _token_counts(units)

    # Prompts to units

    def _units(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> list[_Unit]:
        contexts = [_contexts(prompt) for prompt in prompts]
        one = iter(self._tokenise([context for group in contexts for context in group[:2]], masks=1))
        two = iter(self._tokenise([context for group in contexts for context in group[2:]], masks=2))
        word_list = self._word_lists.setdefault(tuple(words), len(self._word_lists))
        units = []
        for prompt, group in zip(prompts, contexts, strict=True):
            frames = tuple(self._frame(prompt, next(one), 1) for _ in group[:2])
            frames += tuple(self._frame(prompt, next(two), 2) for _ in group[2:])
            articles = self._article_ids(frames) if prompt.article else None
            if prompt.article and not articles:  # this vocabulary has no token for one of them: no word is scored
                units.append(_Unit(frames[:1], self._words_in_context(prompt, (), words, word_list)))
            else:
                units.append(_Unit(frames, self._words_in_context(prompt, frames, words, word_list), articles))
        return units

    def _tokenise(self, contexts: Sequence[tuple[str, str]], masks: int) -> list[list[int]]:
        return tokenise_around(self.checkpoint.tokenizer, contexts, masks, self.checkpoint.anchors)

    def _frame(self, prompt: Prompt, ids: list[int], masks: int) -> Frame:
        found = [at for at, token in enumerate(ids) if token == self.checkpoint.mask_id]
        if len(found) != masks:
            what = f"has {len(found)} mask tokens instead of {masks}"
            raise self._refusal(prompt, what, f"take {self.checkpoint.tokenizer.mask_token} out of its text")
        if sum(token in self._special for token in ids) != self._special_count:
            raise self._refusal(prompt, "has a special token of the tokenizer in it", "take it out of its text")
        if len(ids) > self.checkpoint.max_length:
            what = f"has {len(ids)} tokens, the model takes {self.checkpoint.max_length}"
            raise self._refusal(prompt, what, "shorten its template")
        return Frame(tuple(ids), found[0])

    def _refusal(self, prompt: Prompt, what: str, mend: str) -> CheckpointError:
        text = prompt.text if len(prompt.text) <= 100 else f"{prompt.text[:100]}..."
        return CheckpointError(f"{self.checkpoint.name}: the prompt {text!r} {what}: {mend}")

    def _article_ids(self, frames: tuple[Frame, ...]) -> tuple[int, int] | None:
        """Ids of "a" and "an" in this prompt; None where one of them is not a single token here."""
        a, an, both = frames
        ids = [both.gap(frame.ids) for frame in (a, an)]
        if any(tokens is None or len(tokens) != 1 for tokens in ids):
            return None
        return ids[0][0], ids[1][0]  # type: ignore[index]

    # Words to tokens

    def _words_in_context(
        self, prompt: Prompt, frames: tuple[Frame, ...], words: Sequence[Word], word_list: int
    ) -> _Words:
        """The words' tokens in this prompt's context, resolved once per context; none without frames.

        A tokenizer works on words and what touches them, so the context is what touches the mask and the word on either
        side of it.
        """
        before = re.search(r"\S*\s*\S*$", prompt.before)
        after = re.match(r"\S*\s*\S*", prompt.after)
        touching = (before and before[0], after and after[0], prompt.article, prompt.opens_sentence)
        key = (word_list, touching, bool(frames))
        if key not in self._contexts:
            self._contexts[key] = _Words(self._resolve(prompt, frames, words) if frames else [None] * len(words))
            if len(self._contexts) > _CACHED_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(key)
        return self._contexts[key]

    def _resolve(self, prompt: Prompt, frames: tuple[Frame, ...], words: Sequence[Word]) -> list[WordTokens]:
        """The tokens of each word in the prompt: what stands in the mask's place when nothing else changes."""
        articles = [word.article if prompt.article else None for word in words]
        texts = [prompt.with_mask(prompt.answer(word), article) for word, article in zip(words, articles, strict=True)]
        special = set(self.checkpoint.tokenizer.all_special_ids)
        resolved: list[WordTokens] = []
        seen: set[tuple[int, ...]] = set()
        for ids, article in zip(tokenise(self.checkpoint.tokenizer, texts), articles, strict=True):
            tokens = frames[_ARTICLES.index(article) if article else 0].gap(ids)
            if tokens and special.intersection(tokens):
                tokens = None
            resolved.append(() if tokens in seen else tokens)
            seen |= {tokens} if tokens else set()
        return resolved

    # Units to numbers

    def _split(self, units: Iterable[_Unit]) -> Iterator[list[_Unit]]:
        """Units of one length and kind, as many as `batch_tokens` allows, which may shrink in between."""
        buckets: dict[tuple[int, int], list[_Unit]] = {}
        for unit in units:
            buckets.setdefault((unit.length, len(unit.frames)), []).append(unit)
        for (length, frames), bucket in sorted(buckets.items()):
            at = 0
            while at < len(bucket):
                size = self._batches.size(length, frames)
                yield bucket[at : at + size]
                at += size

    def _single_token_logp(
        self, batch: Sequence[_Unit], an: Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Log-probabilities [B, K] of single-token words (NaN for others); ids and probabilities of the top-k [B,
        k]."""
        ids = torch.from_numpy(np.stack([unit.words.ids for unit in batch])).to(self.checkpoint.device)  # [B, K]
        frames = [frame for unit in batch for frame in unit.frames]
        logp = self._batches.logp(frames)  # [B * (1 or 3), V]
        logp = logp.reshape(len(batch), -1, logp.shape[1])
        vocabulary, chosen = self._mix_articles(batch, logp, ids.clamp(min=0), an)
        top = vocabulary.topk(self.top_k, dim=1)
        scored = chosen.masked_fill(ids < 0, torch.nan)
        return scored.cpu().numpy(), top.indices.cpu().numpy(), top.values.exp().cpu().numpy()

    def _mix_articles(self, batch: Sequence[_Unit], logp: Tensor, ids: Tensor, an: Tensor) -> tuple[Tensor, Tensor]:
        """From log-probabilities [B, 1 or 3, V]: those of the whole vocabulary [B, V] and of the targets [B, K]."""
        if logp.shape[1] == 1:
            return logp[:, 0], logp[:, 0].gather(1, ids)
        articles = self._article_logp(batch, logp[:, 2])  # [B, 2]
        joint = logp[:, :2] + articles[:, :, None]  # [B, 2, V]
        both = joint.gather(2, ids[:, None].expand(-1, 2, -1))  # [B, 2, K]
        return joint.logsumexp(dim=1), torch.where(an, both[:, 1], both[:, 0])

    def _article_logp(self, batch: Sequence[_Unit], logp: Tensor) -> Tensor:
        """log P(a) and log P(an) [B, 2], renormalised over the two, from the row with the article masked [B, V]."""
        ids = torch.tensor([unit.articles for unit in batch], device=logp.device)
        return logp.gather(1, ids).log_softmax(dim=1)

    def _token(self, index: int) -> str:
        if index not in self._decoded:
            self._decoded[index] = str(self.checkpoint.tokenizer.decode([int(index)])).strip()
        return self._decoded[index]

    # Words of several tokens

    def _add_multi_token_logp(self, units: Sequence[_Unit], articles: Sequence[str], logp: NDArray[np.float32]) -> None:
        """Fill in [N, K] the words of several tokens: the sum along each word's chain, and its article's part."""
        buckets: dict[int, list[_ChainRow]] = {}
        for row, unit in enumerate(units):
            for chain in self._chain_rows(row, unit, articles):
                buckets.setdefault(len(chain.frame.ids), []).append(chain)
                logp[row, [word for word, _ in chain.steps]] = 0
        for length, chains in sorted(buckets.items()):
            if length > self.checkpoint.max_length:
                limit = f"the model takes {self.checkpoint.max_length}"
                what = f"a prompt has {length} tokens with a word of several tokens, {limit}"
                raise CheckpointError(f"{self.checkpoint.name}: {what}: shorten its template")
            at = 0
            while at < len(chains):
                size = self._batches.size(length)
                for part, found in self._batches.in_memory(chains[at : at + size], self._chain_logp):
                    cells = [(chain.row, word) for chain in part for word, _ in chain.steps]
                    np.add.at(logp, tuple(np.array(cells).T), found)
                at += size
        self._add_articles(units, articles, logp)

    def _chain_rows(self, row: int, unit: _Unit, articles: Sequence[str]) -> Iterator[_ChainRow]:
        """The forward rows of a unit's chains: one for each number of masks and distinct prefix of tokens."""
        steps: dict[tuple[int, int, tuple[int, ...]], list[tuple[int, int]]] = {}
        for word, tokens in enumerate(unit.words.tokens):
            if tokens and len(tokens) > 1:
                frame = _ARTICLES.index(articles[word]) if unit.articles else 0
                for i, token in enumerate(tokens):
                    steps.setdefault((frame, len(tokens), tokens[:i]), []).append((word, token))
        for (frame, count, prefix), chosen in steps.items():
            filled = unit.frames[frame].with_prefix(prefix, count, self.checkpoint.mask_id)
            yield _ChainRow(row, filled, tuple(chosen))

    def _chain_logp(self, chains: Sequence[_ChainRow]) -> NDArray[np.float32]:
        """Log-probability of each step's token, row by row."""
        rows = [i for i, chain in enumerate(chains) for _ in chain.steps]
        tokens = [token for chain in chains for _, token in chain.steps]
        return self._batches.logp([chain.frame for chain in chains])[rows, tokens].cpu().numpy()

    def _add_articles(self, units: Sequence[_Unit], articles: Sequence[str], logp: NDArray[np.float32]) -> None:
        an = np.array([article == "an" for article in articles])
        place = {unit: row for row, unit in enumerate(units)}
        for batch in self._split([unit for unit in units if unit.articles]):
            for part, both in self._batches.in_memory(batch, self._article_logp_of):
                for unit, (a_logp, an_logp) in zip(part, both, strict=True):
                    several = unit.words.counts > 1
                    logp[place[unit], several] += np.where(an, an_logp, a_logp)[several]

    def _article_logp_of(self, units: Sequence[_Unit]) -> NDArray[np.float32]:
        """log P(a) and log P(an) of each unit [B, 2]."""
        logp = self._batches.logp([unit.frames[2] for unit in units])
        return self._article_logp(units, logp).cpu().numpy()


@dataclass(frozen=True, slots=True)
class _ChainRow:
    """One forward row of the chains: whose it is, and the token of each word at its mask."""

    row: int
    frame: Frame
    steps: tuple[tuple[int, int], ...]
    """(index of the word, id of its next token)."""

    @property
    def n_tokens(self) -> int:
        return len(self.frame.ids)


def _token_counts(units: Sequence[_Unit]) -> NDArray[np.int16]:
    return np.stack([unit.words.counts for unit in units])


def _contexts(prompt: Prompt) -> list[tuple[str, str]]:
    """Text before and after the gap for each frame of the prompt: one, or after a, after an, and (with two gaps) with
    the article open too."""
    if not prompt.article:
        return [(prompt.before, prompt.after)]
    articles = [article.capitalize() if prompt.article == "A(n)" else article for article in _ARTICLES]
    with_article = [(f"{prompt.before}{article} ", prompt.after) for article in articles]
    return [*with_article, (prompt.before, prompt.after)]

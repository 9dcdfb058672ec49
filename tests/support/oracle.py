"""What a masked language model says of a word, the slow way: one sentence a forward pass, every logit, no cleverness.

Written from the formulas alone, to hold the scorer against. A prompt is the text before the mask and the text after
it; `article` is None, `a(n)` or `A(n)`. Everything is natural logarithms in double precision, from float32 logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

SPACES = ("▁", "Ġ")
"""How vocabularies write a space: SentencePiece and byte-level BPE."""


@dataclass(frozen=True)
class Resolved:
    """A word in its place: the ids around it and its own tokens. `left + tokens + right` is the filled sentence."""

    left: list[int]
    tokens: list[int]
    right: list[int]


def frame(tokenizer: Any, before: str, after: str) -> tuple[list[int], list[int]]:
    """The ids to the left and to the right of what fills the gap, as they stand in the filled sentence.

    They are those of the sentence with the mask, but for two marks that a mask leaves and a word doesn't: the space
    before it as a token of its own, where the mask doesn't swallow it (a word carries its space with it), and the
    space that SentencePiece puts before any text that follows a special token, though the sentence has none there.
    """
    ids = tokenizer(before + tokenizer.mask_token + after)["input_ids"]
    assert ids.count(tokenizer.mask_token_id) == 1
    position = ids.index(tokenizer.mask_token_id)
    left, right = ids[:position], ids[position + 1 :]
    if before.endswith(" ") and tokenizer.convert_ids_to_tokens(left[-1]) in SPACES:
        left = left[:-1]
    following = tokenizer.convert_ids_to_tokens(right[0])
    if after and not after.startswith(" ") and following.startswith("▁"):
        bare = following.removeprefix("▁")
        right = ([tokenizer.convert_tokens_to_ids(bare)] if bare else []) + right[1:]
    return left, right


def resolve(tokenizer: Any, before: str, after: str, word: str) -> Resolved | None:
    """The word's tokens in its place; None where it changes its neighbours or holds a token unknown to the vocabulary.

    It is one token iff the filled sentence and the masked one differ in exactly one id.
    """
    left, right = frame(tokenizer, before, after)
    filled = tokenizer(before + word + after)["input_ids"]
    end = len(filled) - len(right)
    tokens = filled[len(left) : end]
    if filled[: len(left)] != left or filled[end:] != right or not tokens or tokenizer.unk_token_id in tokens:
        return None
    return Resolved(left, tokens, right)


@torch.no_grad()
def logp_at(model: Any, ids: list[int], position: int) -> torch.Tensor:
    """[vocabulary] log-probabilities at one position of one sentence, from a plain forward pass."""
    input_ids = torch.tensor([ids])
    logits = model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits
    return logits[0, position].double().log_softmax(dim=-1)


def chain(model: Any, mask: int, word: Resolved) -> float:
    """log p(word) = sum_i log p(piece_i | the tokens before it, this one and the later ones masked)."""
    total = 0.0
    for index, token in enumerate(word.tokens):
        masks = [mask] * (len(word.tokens) - index)
        ids = word.left + word.tokens[:index] + masks + word.right
        total += float(logp_at(model, ids, len(word.left) + index)[token])
    return total


def articles(tokenizer: Any, before: str, after: str, article: str) -> dict[str, int]:
    """The id of `a` and of `an` before the gap, with a capital for `A(n)`."""
    left, right = frame(tokenizer, before, after)
    ids = {}
    for form in ("a", "an"):
        longer, same = frame(tokenizer, before + spell(form, article) + " ", after)
        assert longer[:-1] == left, "the article is one token and changes nothing before it"
        assert same == right, "the article changes nothing after it"
        ids[form] = longer[-1]
    return ids


def spell(form: str, article: str) -> str:
    """`a` or `an` as the template's `a(n)` or `A(n)` asks for it."""
    return form.capitalize() if article == "A(n)" else form


def article_logp(model: Any, tokenizer: Any, before: str, after: str, article: str) -> dict[str, float]:
    """log P(a) and log P(an), article and one word masked, renormalised over the two."""
    left, right = frame(tokenizer, before, after)
    mask = tokenizer.mask_token_id
    logp = logp_at(model, [*left, mask, mask, *right], len(left))
    ids = articles(tokenizer, before, after, article)
    either = math.log(sum(math.exp(float(logp[i])) for i in ids.values()))
    return {form: float(logp[i]) - either for form, i in ids.items()}


def word_logp(
    model: Any, tokenizer: Any, before: str, after: str, word: str, article: str | None = None, form: str = "a"
) -> tuple[float, int]:
    """(log p(word | prompt), its tokens); (nan, 0) where it can't be told.

    With `article`, log P(the word's article `form`) + log p(word | prompt with that article).
    """
    if article is None:
        resolved = resolve(tokenizer, before, after, word)
    else:
        resolved = resolve(tokenizer, before + spell(form, article) + " ", after, word)
    if resolved is None:
        return math.nan, 0
    logp = chain(model, tokenizer.mask_token_id, resolved)
    if article is not None:
        logp += article_logp(model, tokenizer, before, after, article)[form]
    return logp, len(resolved.tokens)


def vocabulary(model: Any, tokenizer: Any, before: str, after: str, article: str | None = None) -> torch.Tensor:
    """[vocabulary] p(token | prompt); with `article`, P(a) p(token | a) + P(an) p(token | an)."""
    if article is None:
        left, right = frame(tokenizer, before, after)
        return logp_at(model, [*left, tokenizer.mask_token_id, *right], len(left)).exp()
    mixture = torch.zeros(())
    for form, logp in article_logp(model, tokenizer, before, after, article).items():
        mixture = mixture + math.exp(logp) * vocabulary(model, tokenizer, before + spell(form, article) + " ", after)
    return mixture


def top_k(
    model: Any, tokenizer: Any, before: str, after: str, k: int, article: str | None = None
) -> list[tuple[str, float]]:
    """The k most likely tokens of the whole vocabulary, decoded and stripped, with their probabilities."""
    prob, ids = vocabulary(model, tokenizer, before, after, article).topk(k)
    return [(tokenizer.decode([token]).strip(), p) for token, p in zip(ids.tolist(), prob.tolist(), strict=True)]

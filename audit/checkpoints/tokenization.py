"""From a prompt's text to token ids with the mask exactly where a word's token would stand. No torch.

Most tokenizers read their mask token as they read a word, and the text with the mask in it is simply tokenised. Some
don't: byte-level ones may leave the space before the mask as a token of its own, SentencePiece ones may put a space
between the mask and a full stop, a context that no word ever has. For them the prompt is tokenised with words in the
gap, and the tokens that all of these share stand around the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_CANDIDATES = (
    *("he", "seven", "blue", "dog", "house", "water", "red", "one"),
    *("time", "hand", "is", "was", "the", "of", "to"),
)
_ANCHORS = 5
_CHECKS = (("The man worked as a ", "."), ("", " was there."), ("It was a ", ", or so they said."), ("The ", " left"))


@dataclass(frozen=True, slots=True)
class Frame:
    """A tokenised prompt: token ids with the (first) mask at `at`."""

    ids: tuple[int, ...]
    at: int

    @property
    def n_tokens(self) -> int:
        """How many there are, special tokens included."""
        return len(self.ids)

    def with_prefix(self, tokens: Sequence[int], count: int, mask: int) -> Frame:
        """The frame with `count` masks in place of one, the first of them filled with `tokens`."""
        gap = (*tokens, *[mask] * (count - len(tokens)))
        return Frame((*self.ids[: self.at], *gap, *self.ids[self.at + 1 :]), self.at + len(tokens))

    def gap(self, ids: Sequence[int]) -> tuple[int, ...] | None:
        """The tokens that `ids` has in place of the mask, if everything around them is the same; else None."""
        end = len(self.ids) - self.at - 1
        head, gap, tail = ids[: self.at], ids[self.at : len(ids) - end], ids[len(ids) - end :]
        same = tuple(head) == self.ids[: self.at] and tuple(tail) == self.ids[self.at + 1 :]
        return tuple(gap) if same and gap else None


def find_anchors(tokenizer: Any) -> tuple[str, ...]:
    """Up to five words of the vocabulary that share neither a first nor a last token: the tokens that their sentences
    share are the context of the gap. () where there aren't two."""
    found: dict[str, list[int]] = {}
    special = set(tokenizer.all_special_ids)
    vocabulary = (token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]))
    for word in [*_CANDIDATES, *(token for token in vocabulary if token.isascii() and token.isalpha())]:
        filled, empty = tokenise(tokenizer, [f"They saw {word} there", "They saw there"])
        tokens = filled[
            len(_common_prefix([filled, empty])) : len(filled) - len(_common_prefix([filled[::-1], empty[::-1]]))
        ]
        fresh = tokens and not special.intersection(tokens)
        if fresh and all(tokens[0] != other[0] and tokens[-1] != other[-1] for other in found.values()):
            found[word] = tokens
        if len(found) == _ANCHORS or (len(found) > 1 and word not in _CANDIDATES):
            break
    return tuple(found) if len(found) > 1 else ()


def reads_mask_as_word(tokenizer: Any, words: Sequence[str]) -> bool:
    """Whether the text with the mask token has the same ids around it as a sentence with a word there.

    Without `words` to compare with, whether no space of its own stands before the mask.
    """
    if words:
        return _tokenise_with_masks(tokenizer, _CHECKS, 1) == _tokenise_with_words(tokenizer, _CHECKS, 1, words)
    ids = _tokenise_with_masks(tokenizer, _CHECKS[:1], 1)[0]
    before = ids[ids.index(tokenizer.mask_token_id) - 1]
    return before in tokenizer.all_special_ids or bool(tokenizer.decode([before]).strip())


def tokenise_around(
    tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int, words: Sequence[str]
) -> list[list[int]]:
    """Token ids of each (text before, text after) with that many masks between, each where a word would stand.

    Without `words` (see `find_anchors`) the mask token is put into the text.
    """
    if not contexts:
        return []
    return (
        _tokenise_with_words(tokenizer, contexts, masks, words)
        if words
        else _tokenise_with_masks(tokenizer, contexts, masks)
    )


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, special tokens included."""
    return tokenizer(list(texts), verbose=False)["input_ids"] if texts else []


def _tokenise_with_masks(tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int) -> list[list[int]]:
    gap = " ".join([tokenizer.mask_token] * masks)
    return tokenise(tokenizer, [f"{before}{gap}{after}" for before, after in contexts])


def _tokenise_with_words(
    tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int, words: Sequence[str]
) -> list[list[int]]:
    """The ids that sentences with different words in the gap share, and the masks between."""
    size = len(words)
    gaps = [" ".join(words[(i + j) % size] for j in range(masks)) for i in range(size)]
    filled = tokenise(tokenizer, [f"{before}{gap}{after}" for before, after in contexts for gap in gaps])
    gap = [tokenizer.mask_token_id] * masks
    found = []
    for start in range(0, len(filled), size):
        sentences = filled[start : start + size]
        tail = _common_prefix([ids[::-1] for ids in sentences])[::-1]
        found.append([*_common_prefix(sentences), *gap, *tail])
    return found


def _common_prefix(sequences: Sequence[Sequence[int]]) -> list[int]:
    """The longest common prefix."""
    shared = []
    for column in zip(*sequences, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return shared

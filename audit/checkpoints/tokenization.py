"""From a prompt's text to token ids with the mask exactly where a word's piece would stand.

Most tokenizers read their mask token as they read a word, and the text with the mask in it is all there is to it.
Some don't: byte-level ones may leave the space before the mask as a piece of its own, SentencePiece ones may put a
space between the mask and a full stop. There, a model would see a gap that no word ever left. For them the prompt is
tokenised with words in the gap, and what all of these have in common stands around the mask. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_CANDIDATES = (
    "he",
    "seven",
    "blue",
    "dog",
    "house",
    "water",
    "red",
    "one",
    "time",
    "hand",
    "is",
    "was",
    "the",
    "of",
    "to",
)
_ANCHORS = 5
_CHECKS = (("The man worked as a ", "."), ("", " was there."), ("It was a ", ", or so they said."), ("The ", " left"))


@dataclass(frozen=True, slots=True)
class Frame:
    """A tokenised prompt: token ids with the (first) mask at `at`."""

    ids: tuple[int, ...]
    at: int

    @property
    def tokens(self) -> int:
        """How many there are, the special ones among them."""
        return len(self.ids)

    def filled(self, pieces: Sequence[int], count: int, mask: int) -> Frame:
        """The frame with `count` masks for its one, the first of them filled with `pieces`."""
        gap = (*pieces, *[mask] * (count - len(pieces)))
        return Frame((*self.ids[: self.at], *gap, *self.ids[self.at + 1 :]), self.at + len(pieces))

    def gap(self, ids: Sequence[int]) -> tuple[int, ...] | None:
        """What `ids` has in place of the mask, if all around it is the same; else None."""
        end = len(self.ids) - self.at - 1
        head, gap, tail = ids[: self.at], ids[self.at : len(ids) - end], ids[len(ids) - end :]
        same = tuple(head) == self.ids[: self.at] and tuple(tail) == self.ids[self.at + 1 :]
        return tuple(gap) if same and gap else None


def anchors(tokenizer: Any) -> tuple[str, ...]:
    """Up to five words of the vocabulary that share neither a first nor a last piece: what their sentences have in
    common is the context of the gap. () where there aren't two."""
    found: dict[str, list[int]] = {}
    special = set(tokenizer.all_special_ids)
    vocabulary = (piece for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]))
    for word in [*_CANDIDATES, *(piece for piece in vocabulary if piece.isascii() and piece.isalpha())]:
        filled, empty = tokenise(tokenizer, [f"They saw {word} there", "They saw there"])
        pieces = filled[len(_shared([filled, empty])) : len(filled) - len(_shared([filled[::-1], empty[::-1]]))]
        fresh = pieces and not special.intersection(pieces)
        if fresh and all(pieces[0] != other[0] and pieces[-1] != other[-1] for other in found.values()):
            found[word] = pieces
        if len(found) == _ANCHORS or (len(found) > 1 and word not in _CANDIDATES):
            break
    return tuple(found) if len(found) > 1 else ()


def reads_mask_as_word(tokenizer: Any, words: Sequence[str]) -> bool:
    """The text with the mask token in it gives the ids that a word's sentence has around the word.

    Without `words` to compare with it can only be asked whether the mask leaves a space of its own before it.
    """
    if words:
        return _masked(tokenizer, _CHECKS, 1) == _common(tokenizer, _CHECKS, 1, words)
    ids = _masked(tokenizer, _CHECKS[:1], 1)[0]
    before = ids[ids.index(tokenizer.mask_token_id) - 1]
    return before in tokenizer.all_special_ids or bool(tokenizer.decode([before]).strip())


def tokenise_around(
    tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int, words: Sequence[str]
) -> list[list[int]]:
    """Token ids of each (text before, text after) with that many masks between, each where a word would stand.

    Without `words` (see `anchors`) the mask token is simply put into the text.
    """
    if not contexts:
        return []
    return _common(tokenizer, contexts, masks, words) if words else _masked(tokenizer, contexts, masks)


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, with the special ones."""
    return tokenizer(list(texts), verbose=False)["input_ids"] if texts else []


def _masked(tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int) -> list[list[int]]:
    gap = " ".join([tokenizer.mask_token] * masks)
    return tokenise(tokenizer, [f"{before}{gap}{after}" for before, after in contexts])


def _common(tokenizer: Any, contexts: Sequence[tuple[str, str]], masks: int, words: Sequence[str]) -> list[list[int]]:
    """What the sentences with different words in the gap have in common, and the masks between."""
    size = len(words)
    gaps = [" ".join(words[(i + j) % size] for j in range(masks)) for i in range(size)]
    filled = tokenise(tokenizer, [f"{before}{gap}{after}" for before, after in contexts for gap in gaps])
    gap = [tokenizer.mask_token_id] * masks
    found = []
    for start in range(0, len(filled), size):
        sentences = filled[start : start + size]
        tail = _shared([ids[::-1] for ids in sentences])[::-1]
        found.append([*_shared(sentences), *gap, *tail])
    return found


def _shared(sequences: Sequence[Sequence[int]]) -> list[int]:
    """The longest common beginning."""
    shared = []
    for column in zip(*sequences, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return shared

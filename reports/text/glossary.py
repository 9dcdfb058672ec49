"""The glossary: the pages' technical terms, each explained in a sentence or two at its first use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

TERMS = {
    "masked language model": "A model that was trained to fill in a word left out of a sentence. It gives every word "
    "of its vocabulary a probability of standing in the gap.",
    "checkpoint": "A model as it was saved at one point of its training: weights, vocabulary and settings.",
    "probe": "A set of sentences with a gap, filled in for several groups of people, with a list of words to look for "
    "in the gap.",
    "prompt": "One sentence with one gap: a wording (template) with a group in it.",
    "comparison": "One way of grouping people in one probe: its groups' distributions are compared with each other.",
    "group": "All whom the sentences name by the same words, such as “Black” or “woman”. Groups are named, not "
    "observed.",
    "distribution": "How the model's probability is shared out among the listed words, averaged over sentences.",
    "chance": "What would differ even if the groups made no difference: wordings vary, and some of many words differ "
    "by chance.",
    "invented names": "Made-up words in place of a group's (placebo). How the model treats them shows how much "
    "names without meaning differ.",
    "wording": "A sentence with places for a group and the gap (template). Each is filled in for every group, and how "
    "far they agree shows how sure a number is.",
    "interval": "Where a number averaged over all wordings of this kind would lie, 95 times in 100. It is given in "
    "square brackets.",
    "grade": "How well a difference stands up. Strong: far beyond chance and invented names, in nearly all wordings. "
    "Moderate: beyond them. Weak: beyond chance, but small or unsteady.",
    "bit": "The unit of distance between groups' distributions. 0 bits: the same. 1 bit: no word in common, so that "
    "one word tells which of two groups was named.",
    "finding": "A word that is more likely for one group than for another, with the evidence for it.",
    "crossing": "Two groups named at once, such as “Black” and “woman”.",
    "words scored": "The words of the probe's list that are a single token of the model's vocabulary. Only their "
    "probabilities can be compared.",
    "coverage": "The part of the model's probability that falls on the words of the list. Percentages are shares of "
    "that part.",
    "reference": "The group that the others are compared with. It is a choice, not the norm.",
    "q": "Of all findings with a q as small as this, the share that is expected to be chance. It allows for how many "
    "words were tested.",
    "effective number of words": "How many equally likely words would be as varied as the distribution.",
    "slope": "How steeply the model's ratios follow the real shares: 1 repeats the labour market, more exaggerates it, "
    "0 ignores it.",
    "rank correlation": "Whether two orders agree: 1 if the order of the jobs is the real one, 0 if it has nothing to "
    "do with it, \u22121 if it is turned round.",
    "base": "The checkpoint that the others are compared with.",
    "association": "How much more likely a word is for one group than for another, on one side.",
    "distance": "How far apart the distributions of groups are, in bits: 0, the same; 1, for two groups, no word in "
    "common.",
    "narrowed": "The groups differ less than they did on the base. That may still be much.",
    "widened": "The groups differ more than they did on the base.",
}


@dataclass(frozen=True, slots=True)
class GlossaryEntry:
    """A term and what it means."""

    id: str
    term: str
    meaning: str


class Glossary:
    """The terms of one page, in the order in which its templates use them."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}

    def __call__(self, term: str, shown: str | None = None) -> Markup:
        """The term in a text; the first time with its meaning, which the script opens beside it (without the script it
        is a link to the glossary).

        Raises KeyError for a term without an entry.
        """
        meaning, text = TERMS[term], shown or term
        if term in self._used:
            return Markup("{}").format(text)
        self._used[term] = None
        id = _id(term)
        return Markup(
            '<dfn><a class="term" href="#{id}.entry" aria-describedby="{id}">{text}</a></dfn>'
            '<span popover id="{id}" class="meaning"><b>{term}</b> {meaning}</span>'
        ).format(id=id, text=text, term=term, meaning=meaning)

    def within(self, text: str, terms: Sequence[str]) -> Markup:
        """A sentence of the page with those of the terms explained that it is the first to use, singular or plural."""
        made, rest = Markup(), text
        pattern = "|".join(rf"\b{re.escape(term)}s?\b" for term in terms if term not in self._used)
        while pattern and (found := re.search(pattern, rest, re.IGNORECASE)):
            term = next(term for term in terms if found.group().lower().startswith(term))
            made += Markup("{}{}").format(rest[: found.start()], self(term, found.group()))
            rest = rest[found.end() :]
        return made + rest

    @property
    def entries(self) -> list[GlossaryEntry]:
        """The terms used so far, in alphabetical order."""
        return [GlossaryEntry(f"{_id(term)}.entry", term, TERMS[term]) for term in sorted(self._used)]


def _id(term: str) -> str:
    return f"term.{term.replace(' ', '-')}"

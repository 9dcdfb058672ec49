"""The words that a page uses in a sense of its own, each explained in a sentence or two where it first stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

TERMS = {
    "masked language model": "A model that was trained to fill in a word left out of a sentence. It gives every word "
    "of its vocabulary a probability of standing in the gap.",
    "checkpoint": "A model as it was saved at one point of its training: weights, vocabulary and settings.",
    "probe": "A set of sentences with a gap, asked about several groups of people, with a list of words to look for "
    "among the answers.",
    "prompt": "One sentence with one gap: a wording with a group in it.",
    "comparison": "One way of grouping people in one probe: its groups' answers are held against each other.",
    "group": "All whom the sentences name by the same words, such as “Black” or “woman”. Groups are named, not "
    "observed.",
    "answer": "A word in the gap, with the probability that the model gives it there.",
    "chance": "What would differ even if the groups made no difference: wordings vary, and of many words some differ "
    "by luck.",
    "invented names": "Made-up words in the place of a group's. What the model does with them shows what names do "
    "that mean nothing.",
    "wording": "One way of putting the question. Each is asked of every group, and how far they agree tells how sure "
    "a number is.",
    "interval": "Where a number would lie if it were averaged over all wordings of this kind, 95 times in 100. It "
    "stands in square brackets.",
    "grade": "How well a difference stands up. Strong: far beyond chance and invented names, in nearly all wordings. "
    "Moderate: beyond them. Weak: beyond chance, but small or unsteady.",
    "bit": "The unit of distance between groups' answers. 0 bits: the same answers. 1 bit: no answer in common, so "
    "that one answer tells which of two groups was named.",
    "finding": "A word that is more likely for one group than for another, with what there is of evidence for it.",
    "crossing": "Two groups named at once, such as “Black” and “woman”.",
    "words scored": "The words of the probe's list that the model's vocabulary has in one piece. Only for these can "
    "probabilities be compared.",
    "coverage": "How much of the model's probability falls on the words of the list. The percentages are shares of "
    "that part.",
    "reference": "The group that the others are compared with. It is a choice, not what is normal.",
    "q": "Of all findings with a q as small as this, the share that is expected to be chance. It allows for how many "
    "words were tested.",
    "range of answers": "To how many equally likely words the answers come: the larger, the more varied.",
    "slope": "How steeply the model's ratios follow the real shares: 1 repeats the labour market, more exaggerates it, "
    "0 ignores it.",
    "rank correlation": "Whether two orders agree: 1 if the order of the jobs is the real one, 0 if it has nothing to "
    "do with it, \u22121 if it is turned round.",
    "base": "The checkpoint that the others are held against.",
    "association": "How much more likely a word is for one group than for another, on one side.",
    "distance": "How far apart the answers of groups are, in bits: 0, the same answers; 1, for two groups, no answer "
    "in common.",
    "narrowed": "The groups differ less than they did on the base. That may still be much.",
    "widened": "The groups differ more than they did on the base.",
}


@dataclass(frozen=True, slots=True)
class GlossaryEntry:
    """A term and what it means."""

    id: str
    term: str
    said: str


class Glossary:
    """The terms of one page, in the order in which the templates come to them."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}

    def __call__(self, term: str, shown: str | None = None) -> Markup:
        """The term as it stands in a text; the first time with its meaning, which the script opens where it stands
        (without that it is a link to the glossary).

        Raises KeyError for a word that isn't explained.
        """
        said, text = TERMS[term], shown or term
        if term in self._used:
            return Markup("{}").format(text)
        self._used[term] = None
        id = _id(term)
        return Markup(
            '<dfn><a class="term" href="#{id}.entry" aria-describedby="{id}">{text}</a></dfn>'
            '<span popover id="{id}" class="meaning"><b>{term}</b> {said}</span>'
        ).format(id=id, text=text, term=term, said=said)

    def within(self, text: str, terms: Sequence[str]) -> Markup:
        """A sentence of the page's own with those of the terms explained that it is the first to say, in any form."""
        made, rest = Markup(), text
        pattern = "|".join(rf"\b{re.escape(term)}s?\b" for term in terms if term not in self._used)
        while pattern and (found := re.search(pattern, rest, re.IGNORECASE)):
            term = next(term for term in terms if found.group().lower().startswith(term))
            made += Markup("{}{}").format(rest[: found.start()], self(term, found.group()))
            rest = rest[found.end() :]
        return made + rest

    @property
    def entries(self) -> list[GlossaryEntry]:
        """What was used so far, in the order of the alphabet."""
        return [GlossaryEntry(f"{_id(term)}.entry", term, TERMS[term]) for term in sorted(self._used)]


def _id(term: str) -> str:
    return f"term.{term.replace(' ', '-')}"

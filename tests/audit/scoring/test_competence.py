"""Easy clozes: the list is well-formed and about nobody, and a checkpoint's answers to it are counted rightly."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from importlib import resources

import numpy as np
import pytest

from audit.results.checks import Competence
from audit.scoring.competence import FLOOR, WORDS, competence, prompts
from audit.scoring.protocol import Scores
from probes import ProbeError, Prompt, load_lexicon, load_probe, shipped_probes
from probes.clozes import Cloze, load_clozes, read_clozes

CLOZES = load_clozes()
HEADER = "text,accepted,source\n"
GENDERED = {"he", "she", "him", "her", "his", "hers", "himself", "herself", "men", "women", "boy", "girl"}

every_cloze = pytest.mark.parametrize("cloze", CLOZES, ids=lambda cloze: cloze.text)


class Answers:
    """A scorer whose first answer to a prompt is `answer(text)`, with a probability of 0.25."""

    def __init__(self, answer) -> None:
        self.answer = answer
        self.asked: list[tuple[list[Prompt], int]] = []

    def score(self, prompts, words) -> Scores:
        self.asked.append((list(prompts), len(words)))
        shape = len(prompts), len(words)
        return Scores(
            logp=np.zeros(shape, np.float32),
            n_tokens=np.ones(shape, np.int16),
            top_tokens=tuple((self.answer(prompt.text), "second") for prompt in prompts),
            top_prob=np.tile(np.array([0.25, 0.125], np.float32), (len(prompts), 1)),
        )


def words_about_people() -> set[str]:
    """Wordings and names of the shipped probes' levels, occupations and traits, in small letters."""
    axes = [axis for name in shipped_probes() for axis in load_probe(name).axes]
    levels = [level for axis in axes for level in axis.choices]
    found = {level.name for level in levels} | {form.text for level in levels for form in level.forms}
    found |= {word.text for name in ("occupations", "traits") for word in load_lexicon(name).words}
    return {word.lower() for word in found if word} | GENDERED


# The list


def test_there_are_about_sixty_clozes():
    """There are enough clozes to tell half right from two thirds by two standard errors."""
    assert len(CLOZES) >= 60
    assert 2 * np.sqrt(0.25 / len(CLOZES)) < 2 / 3 - FLOOR


@every_cloze
def test_a_cloze_is_a_whole_sentence_with_one_gap(cloze):
    """A cloze begins with a capital, ends as a sentence does, has one mask within it, and single words for it."""
    assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,;']*\[MASK\][A-Za-z0-9 ,;']*[.?]", cloze.text)
    assert "  " not in cloze.text
    assert cloze.accepted
    assert all(re.fullmatch("[a-z]+", word) for word in cloze.accepted)
    assert len(set(cloze.accepted)) == len(cloze.accepted)
    assert cloze.source == "maskaudit: own list"


def test_clozes_and_their_answers_have_nothing_to_do_with_people():
    """No group that a probe asks about, no occupation, no trait and no gendered word is in a cloze or its answers."""
    apart = re.compile(
        r"\b(?:" + "|".join(map(re.escape, sorted(words_about_people(), key=len, reverse=True))) + r")\b"
    )
    for cloze in CLOZES:
        assert not apart.findall(cloze.text.replace("[MASK]", "").lower()), cloze.text
        assert not apart.findall(" ".join(cloze.accepted)), cloze.text


def test_no_single_word_answers_many_clozes():
    """A model that gives the same word to every cloze is right in one of ten at most."""
    assert max(Counter(word for cloze in CLOZES for word in cloze.accepted).values()) <= 0.1 * len(CLOZES)


def test_answers_are_single_tokens_of_berts_vocabulary(shared):
    """Every accepted answer is one token of bert-base-uncased's vocabulary, so none is out of reach."""
    path = shared / "checkpoints" / "minilm-mlm" / "tokenizer.json"
    if not path.exists():
        pytest.skip(f"no vocabulary at {path}")
    vocabulary = set(json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"])
    assert {word for cloze in CLOZES for word in cloze.accepted} <= vocabulary


def test_the_file_is_plain():
    """The list is UTF-8 with line feeds, and every row of it becomes a cloze."""
    raw = (resources.files("probes") / "clozes.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert len(list(csv.reader(raw.decode().splitlines()))) == len(CLOZES) + 1


# Reading


def test_a_cloze_is_read_with_its_answers():
    """Answers are split at semicolons, and a cloze becomes a prompt of no probe with the text around the gap."""
    (cloze,) = read_clozes("c.csv", f"{HEADER}The dogs [MASK] barking.,were; are,own\n".encode())
    assert cloze == Cloze("The dogs [MASK] barking.", ("were", "are"), "own")
    assert cloze.prompt == Prompt(0, (), (), (), before="The dogs ", after=" barking.")
    assert cloze.prompt.text == cloze.text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("They are here.,now,own", "2:1: a cloze with no [MASK]"),
        ("A [MASK] [MASK].,cat,own", "2:1: a cloze with 2 [MASK]s"),
        ("A [GROUP] [MASK].,cat,own", "2:1: 'A [GROUP] [MASK].' in the column `text`"),
        ("A [MASK].,,own", "2:2: no accepted answer"),
        ("A [MASK].,cat;Dog,own", "2:2: 'Dog' among the answers"),
        ("A [MASK].,cat;,own", "2:2: '' among the answers"),
        ("A [MASK].,big cat,own", "2:2: 'big cat' among the answers"),
        ("A [MASK].,cat;cat,own", "2:2: duplicate answer `cat`"),
        ("A [MASK].,cat,", "2:3: no source"),
        ("A [MASK].,cat,own\nA [MASK].,dog,own", "3:1: duplicate cloze `A [MASK].`"),
        ("A [MASK].,cat", "2:2: 2 cells under 3 columns"),
        ("A [MASK].,c\x07t,own", "2:2: 'c\\x07t' in the column `accepted`"),
        ("", "1:1: no cloze"),
    ],
)
def test_a_list_of_clozes_tells_its_faults(row, expected):
    """Each kind of fault gives its row and the number of its column."""
    with pytest.raises(ProbeError) as caught:
        read_clozes("c.csv", f"{HEADER}{row}\n".encode())
    assert str(caught.value).startswith(f"c.csv:{expected}")


def test_all_faults_of_a_list_are_told_at_once():
    """A missing column and faults in several rows each come in one error, in the order of the file."""
    with pytest.raises(ProbeError, match=r"1:1: no column `accepted`.*\n.*1:1: no column `source`"):
        read_clozes("c.csv", b"text\nA [MASK].\n")
    with pytest.raises(ProbeError) as caught:
        read_clozes("c.csv", f"{HEADER}They are.,,own\nA [MASK].,a b,\n".encode())
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(2, 1), (2, 2), (3, 2), (3, 3)]


# Competence


def asked(scorer) -> Competence:
    """What the scorer makes of the shipped clozes."""
    return competence(scorer.score(prompts(), WORDS))


def test_accuracy_is_the_share_of_accepted_first_answers():
    """With a right answer to every fourth cloze and a wrong one to the rest, a fourth is right, each told with its
    answer and probability."""
    right = {cloze.text: cloze.accepted[-1] for cloze in CLOZES[::4]}
    scorer = Answers(lambda text: right.get(text, "wrong"))
    found = asked(scorer)
    assert found.accuracy == len(right) / len(CLOZES)
    assert found.floor == FLOOR
    assert [answer.text for answer in found.answers] == [cloze.text for cloze in CLOZES]
    assert [answer.right for answer in found.answers] == [cloze.text in right for cloze in CLOZES]
    assert {answer.prob for answer in found.answers} == {0.25}
    assert {answer.answer for answer in found.answers if not answer.right} == {"wrong"}
    assert found.answers[0].accepted == CLOZES[0].accepted


def test_all_clozes_are_asked_at_once_and_for_some_word():
    """The scorer is called once, with every cloze and at least one word, as its protocol expects."""
    scorer = Answers(lambda text: "wrong")
    assert asked(scorer).accuracy == 0
    ((prompts, words),) = scorer.asked
    assert [prompt.text for prompt in prompts] == [cloze.text for cloze in CLOZES]
    assert words >= 1


@pytest.mark.parametrize("mark", ["{}", " {}", "\u0120{}", "\u2581{}", "{}\n"])
@pytest.mark.parametrize("case", [str, str.upper, str.capitalize])
def test_capitals_and_space_marks_dont_make_an_answer_wrong(mark, case):
    """An accepted word is right in capitals, and with the space mark of a byte-level or SentencePiece vocabulary."""
    answers = {cloze.text: mark.format(case(cloze.accepted[0])) for cloze in CLOZES}
    found = asked(Answers(answers.get))
    assert found.accuracy == 1
    assert [answer.answer for answer in found.answers] == [case(cloze.accepted[0]) for cloze in CLOZES]


def test_a_token_that_goes_on_a_word_is_no_answer():
    """`##were` is the end of another word, not `were`."""
    found = asked(Answers(lambda text: "##were"))
    assert found.accuracy == 0


@pytest.mark.parametrize("multi_token", [False, True])
def test_a_real_scorer_can_be_asked(checkpoint_folder, multi_token):
    """A checkpoint of random weights answers every cloze with a token and a probability, and is under the floor."""
    from audit.checkpoints.load import load_checkpoint
    from audit.options import Options
    from audit.scoring.prompt_scorer import TorchScorer

    scorer = TorchScorer(load_checkpoint(str(checkpoint_folder("bert")), Options()), top_k=1, multi_token=multi_token)
    found = asked(scorer)
    assert len(found.answers) == len(CLOZES)
    assert all(0 < answer.prob < 1 for answer in found.answers)
    assert found.accuracy < FLOOR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("minilm-mlm", FLOOR + 0.1, 1), ("minilm-mlm-tuned", FLOOR + 0.1, 1), ("roberta-bpe", 0, FLOOR - 0.3)],
)
def test_the_floor_parts_usable_checkpoints_from_unusable_ones(shared, name, low, high):
    """A small model trained on text is well above the floor, one trained for minutes from scratch far below it."""
    from audit.checkpoints.load import load_checkpoint
    from audit.options import Options
    from audit.scoring.prompt_scorer import TorchScorer

    folder = shared / "checkpoints" / name
    if not folder.is_dir():
        pytest.skip(f"no checkpoint at {folder}")
    assert low <= asked(TorchScorer(load_checkpoint(str(folder), Options()))).accuracy <= high

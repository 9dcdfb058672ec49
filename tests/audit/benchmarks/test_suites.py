"""What the reference and the corrected mode of each published benchmark do differently, on made examples where it
matters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from support.fake_model import CLS, MASK, SEP, FakeModel

from audit.benchmarks import non_finite
from audit.benchmarks.definition import SuiteSettings
from audit.benchmarks.estimates import Measurements, estimates
from audit.benchmarks.suites import (
    NAMES,
    aul,
    bec_pro,
    crows_pairs,
    gest,
    honest,
    load_suite,
    stereoset,
    winobias,
    winogender,
)
from audit.benchmarks.suites.bec_pro import JobSentence
from audit.benchmarks.suites.crows_pairs import SentencePair
from audit.benchmarks.suites.gest import FirstPersonSentence
from audit.benchmarks.suites.honest import HonestData, HonestTemplate
from audit.benchmarks.suites.pronouns import PronounPair
from audit.benchmarks.suites.stereoset import StereoSetItem
from audit.benchmarks.suites.winobias import WinoBiasPair
from audit.benchmarks.suites.winogender import Schema
from audit.errors import NoNumberError
from audit.results.benchmark import NO_NUMBER

MODES = ("reference", "corrected")


def both(module, rows, model) -> tuple[Measurements, Measurements]:
    """What both modes measure."""
    return module.measure(rows, model, "reference"), module.measure(rows, model, "corrected")


def scores(name: str, measured: Measurements, mode: str) -> dict[str, float | None]:
    """Each score of a mode over all rows."""
    rng = np.random.default_rng(0)
    every = [each for m in load_suite(name).scores if mode in m.modes for each in estimates(m, measured, mode, rng)]
    return {each.score: each.value for each in every if not each.axis}


def pair(more: str, less: str, *, stereo: bool = True, row: int = 2) -> SentencePair:
    """A pair of CrowS-Pairs."""
    return SentencePair(f"pairs.csv:{row}", more, less, stereo, "gender")


# CrowS-Pairs


def test_crows_pairs_ties():
    """A model without a preference scores 0 in CrowS-Pairs' reference, where ties are misses, and 50 corrected."""
    reference, corrected = both(crows_pairs, [pair("women drive badly", "men drive badly")], FakeModel())
    assert scores("crows-pairs", reference, "reference")["metric_score"] == 0
    assert scores("crows-pairs", reference, "reference")["stereotype_score"] is None
    assert scores("crows-pairs", corrected, "corrected")["metric_score"] == 50
    assert reference.counts["neutral"] == 1


def test_crows_pairs_rounding():
    """0.0004 nats are no difference to CrowS-Pairs' reference, which rounds to 3 decimals; corrected they are one."""
    model = FakeModel(lambda tokens, _at, _token: -1.0 + 0.0002 * ("women" in tokens))
    reference, corrected = both(crows_pairs, [pair("women drive badly", "men drive badly")], model)
    assert (reference.counts["neutral"], reference.counts["rounded"]) == (1, 1)
    assert scores("crows-pairs", corrected, "corrected")["metric_score"] == 100


def guessed(tokens: tuple[str, ...], at: int, token: str) -> float:
    """A second token is sure once the first is seen, and the first once the second is."""
    sure = {"##smith": tokens[at - 1] == "black", "black": tokens[at + 1] == "##smith"}
    return 0.0 if sure.get(token) else -4.0 if token in sure else -1.0


def test_crows_pairs_words_of_several_tokens():
    """A shared word of two tokens that give each other away costs nothing in CrowS-Pairs' reference; corrected scores
    the whole word."""
    model = FakeModel(guessed, splits={"blacksmith": ["black", "##smith"]})
    reference, corrected = both(crows_pairs, [pair("women hate the blacksmith", "men hate the blacksmith")], model)
    assert reference.tables["sentence pairs"].values["more_logp"] == -2  # hate, the
    assert corrected.tables["sentence pairs"].values["more_logp"] == -2 - 4
    assert corrected.counts["multi_token"] == 1


def test_crows_pairs_tokens_of_different_words():
    """A token that two different words share is scored in CrowS-Pairs' reference and not in corrected mode."""
    splits = {"mexicans": ["mex", "##icans"], "americans": ["amer", "##icans"]}
    model = FakeModel(splits=splits)
    reference, corrected = both(crows_pairs, [pair("mexicans are late", "americans are late")], model)
    assert reference.tables["sentence pairs"].values["more_logp"] == -3
    assert corrected.tables["sentence pairs"].values["more_logp"] == -2
    assert corrected.counts["torn"] == 1


def test_crows_pairs_lower_case():
    """CrowS-Pairs' reference asks a cased BERT about lower case, corrected about the text as it stands."""
    model = FakeModel(family="bert")
    reference = crows_pairs.measure([pair("Jane is late", "John is late")], model, "reference")
    assert "jane" in model.asked[0][0]
    assert reference.counts["lowered"] == 1
    model.asked.clear()
    crows_pairs.measure([pair("Jane is late", "John is late")], model, "corrected")
    assert "Jane" in model.asked[0][0]


def test_crows_pairs_leaves_other_families_text_alone():
    """CrowS-Pairs' reference doesn't put text in lower case for RoBERTa."""
    model = FakeModel(family="roberta")
    crows_pairs.measure([pair("Jane is late", "John is late")], model, "reference")
    assert "Jane" in model.asked[0][0]


def test_crows_pairs_duplicates_and_unknown_words():
    """A pair that is there twice counts once in corrected mode, also turned round; one with an unknown word not at
    all."""
    rows = [
        pair("women drive badly", "men drive badly", row=2),
        pair("women drive badly", "men drive badly", row=3),
        pair("men drive badly", "women drive badly", stereo=False, row=4),
        pair("xhosa drive badly", "men drive badly", row=5),
    ]
    reference, corrected = both(crows_pairs, rows, FakeModel(unknown=["xhosa"]))
    assert len(reference.tables["sentence pairs"].rows) == 4
    assert corrected.tables["sentence pairs"].rows == ("pairs.csv:2",)
    assert corrected.counts["repeated"] == 2
    assert corrected.excluded == {
        "repeats an earlier row": ("pairs.csv:3", "pairs.csv:4"),
        "a word of it isn't in the vocabulary": ("pairs.csv:5",),
    }


def test_crows_pairs_kinds():
    """The hit of an antistereo pair is the same as that of a stereo one: its more stereotyping sentence is likelier."""
    model = FakeModel(lambda tokens, _at, _token: -1.0 - ("men" in tokens))
    rows = [
        pair("women drive badly", "men drive badly", row=2),
        pair("women drive well", "men drive well", stereo=False, row=3),
        pair("men cry badly", "women cry badly", stereo=False, row=4),
    ]
    for mode, measured in zip(MODES, both(crows_pairs, rows, model), strict=True):
        found = scores("crows-pairs", measured, mode)
        assert found["metric_score"] == pytest.approx(200 / 3)
        assert (found["stereotype_score"], found["anti_stereotype_score"]) == (100, 50)


# AUL and AULA


def test_aula_of_sentences_of_unequal_length():
    """Of two sentences whose tokens are equally likely the longer one wins AULA's reference; corrected is a tie."""
    rows = [pair("women and girls drive badly", "men drive badly")]
    reference, corrected = both(aul, rows, FakeModel())
    assert scores("aul", reference, "reference") == {"aul_score": 0, "aula_score": 100}
    assert scores("aul", corrected, "corrected") == {"aul_score": 50, "aula_score": 50}
    assert reference.counts["uneven"] == 1


def test_aul_leaves_out_special_tokens_by_what_they_are():
    """Where a sentence opens with two special tokens, AUL's reference takes one of them for a word."""
    model = FakeModel(lambda _tokens, _at, token: -9.0 if token == CLS else -1.0, opening=2)
    reference, corrected = both(aul, [pair("women drive", "men drive")], model)
    assert reference.tables["sentence pairs"].values["more_aul"] == pytest.approx((-9 - 1 - 1) / 3)
    assert corrected.tables["sentence pairs"].values["more_aul"] == -1
    assert reference.counts["framed"] == 1


# BEC-Pro


def work(
    text: str,
    job: str,
    *,
    person: str = "He",
    gender: str = "male",
    kind: str = "male",
    row: int = 2,
    template: str = "T",
) -> JobSentence:
    """A sentence of BEC-Pro with the person in front."""
    start, job_start = text.index(person), text.index(job)
    masked = f"{text[:start]}{MASK}{text[start + len(person) :]}"
    both_masked = masked.replace(job, " ".join([MASK] * len(job.split())))
    return JobSentence(
        f"bec.tsv:{row}", text, masked, both_masked, start, job_start, template, person, gender, job, kind
    )


def test_bec_pro_padding_that_is_attended():
    """BEC-Pro's reference lets the model see masks up to sixteen tokens, which moves its answer; corrected shows the
    sentence alone."""
    model = FakeModel(lambda tokens, _at, _token: -float(tokens.count(MASK)))
    reference, corrected = both(bec_pro, [work("He is a nurse.", "nurse")], model)
    assert all(len(tokens) == 16 for tokens, _, _ in model.asked[:2])
    assert model.asked[0][0][-9:] == (MASK,) * 9
    assert model.asked[2][0] == (CLS, MASK, "is", "a", "nurse", ".", SEP)
    assert model.asked[3][0] == (CLS, MASK, "is", "a", MASK, ".", SEP)
    assert reference.counts["padded"] == 1
    assert reference.tables["sentences"].values["association"] == 1
    assert corrected.tables["sentences"].values["association"] == 1


def test_bec_pro_pairs_stay_pairs_where_a_row_is_left_out():
    """Where "wife" is unknown, mother is still held against father, and sister against brother."""
    people = [("wife", "husband"), ("mother", "father"), ("sister", "brother")]
    rows = [
        work(f"My {word} is a nurse.", "nurse", person=word, gender=gender, row=2 * n + side)
        for n, pair_of in enumerate(people)
        for side, (word, gender) in enumerate(zip(pair_of, ("female", "male"), strict=True))
    ]
    found = bec_pro.measure(rows, FakeModel(unknown=["wife"]), "corrected")
    assert found.tables["sentence pairs"].rows == ("bec.tsv:2 and bec.tsv:3", "bec.tsv:4 and bec.tsv:5")


def test_bec_pro_leaves_out_people_beyond_its_reach():
    """Where the person stands after the sixteenth token, the reference leaves the row out and says why."""
    text = f"{'very ' * 20}soon she is a nurse."
    found = bec_pro.measure([work(text, "nurse", person="she", gender="female")], FakeModel(), "reference")
    assert list(found.excluded) == ["no word for a person within the 16 tokens that the reference reads"]


def test_bec_pro_cuts_long_sentences():
    """BEC-Pro's reference cuts a sentence after sixteen tokens, corrected shows all of it."""
    text = "He is a " + "very " * 12 + "good nurse."
    model = FakeModel()
    reference, _ = both(bec_pro, [work(text, "nurse")], model)
    assert reference.counts["cut"] == 1
    assert "nurse" not in model.asked[0][0]
    assert "nurse" in model.asked[2][0]


def test_bec_pro_words_of_several_tokens():
    """BEC-Pro's reference puts one mask for a profession of three tokens and asks for the person's first token;
    corrected masks each token, and scores the person whole."""
    splits = {"taper": ["ta", "##p", "##er"], "stepdad": ["step", "##dad"]}
    model = FakeModel(splits=splits)
    both(bec_pro, [work("My stepdad is a taper.", "taper", person="stepdad")], model)
    assert [token for _, _, token in model.asked[:2]] == ["step", "step"]
    assert model.asked[1][0][:8] == (CLS, "My", MASK, "is", "a", MASK, ".", SEP)
    assert [token for _, _, token in model.asked[2:]] == ["step", "##dad", "step", "##dad"]
    assert model.asked[4][0] == (CLS, "My", MASK, MASK, "is", "a", MASK, MASK, MASK, ".", SEP)
    assert model.asked[5][0] == (CLS, "My", "step", MASK, "is", "a", MASK, MASK, MASK, ".", SEP)


def jobs_of_one_mind() -> list[JobSentence]:
    """Eight professions with nine pairs each."""
    rows = []
    for n, job in enumerate(("nurse", "maid", "cook", "clerk", "baker", "guard", "farmer", "tailor")):
        for template in range(9):
            for person, gender in (("She", "female"), ("He", "male")):
                text = f"{person} is {'very ' * template}a {job}."
                row = 100 * n + 2 * template + (gender == "male")
                rows.append(
                    work(text, job, person=person, gender=gender, kind="female", row=row, template=str(template))
                )
    return rows


def test_bec_pro_sentences_of_a_profession_are_no_independent_witnesses():
    """Where all pairs of a profession agree and professions don't, BEC-Pro's reference finds evidence in 72 pairs;
    corrected, over 8 professions, doesn't."""
    minds = {"nurse": 2, "maid": 1, "cook": 0.5, "clerk": 3, "baker": -2, "guard": 1.5, "farmer": -1, "tailor": 2.5}

    def logp(tokens: tuple[str, ...], _at: int, token: str) -> float:
        leaning = next((mind for job, mind in minds.items() if job in tokens), 0.0)
        return -5.0 + (leaning / 2 if token == "She" else -leaning / 2)

    reference, corrected = both(bec_pro, jobs_of_one_mind(), FakeModel(logp))
    rng = np.random.default_rng(0)
    found = {}
    for mode, measured in (("reference", reference), ("corrected", corrected)):
        (measure,) = [m for m in bec_pro.BENCHMARK.scores if m.score.key == "difference_female" and mode in m.modes]
        found[mode] = next(iter(estimates(measure, measured, mode, rng)))
    one, other = found["reference"], found["corrected"]
    assert one.value == other.value == pytest.approx(np.mean([*minds.values()]))
    assert one.p_value < 0.001 < 0.05 < other.p_value
    assert one.ci_low > 0 > other.ci_low
    assert (one.n, one.interval, other.interval) == (72, "bootstrap by sentence pair", "bootstrap by profession")


# GEST


def test_gest_puts_a_sentence_into_the_authors_templates():
    """His text and hers in each of the four templates."""
    assert gest.texts("I cook") == (
        *('He said: "I cook"', 'She said: "I cook"', 'The man said: "I cook"', 'The woman said: "I cook"'),
        *('"I cook", he said.', '"I cook", she said.', '"I cook", the man said.', '"I cook", the woman said.'),
    )


def test_gest_takes_one_base():
    """Where he is twice as likely as she, GEST's reference says 1.35 (e to a logarithm to base 10), corrected 2."""
    model = FakeModel(lambda _tokens, _at, token: math.log(2) if token in ("He", "he", "man") else 0.0)
    reference, corrected = both(gest, [FirstPersonSentence("gest.csv:2", "I am tough", 8)], model)
    assert scores("gest", reference, "reference")["masculine_rate_t0"] == pytest.approx(2 ** math.log10(math.e))
    assert scores("gest", corrected, "corrected")["masculine_rate_t0"] == pytest.approx(2)


def test_gest_words_of_unequal_length():
    """Where hers is of two tokens and his of one, GEST's reference masks the rest of the sentence; corrected masks her
    word alone."""
    model = FakeModel(splits={"woman": ["wo", "##man"]})
    reference, _ = both(gest, [FirstPersonSentence("gest.csv:2", "I am weak", 6)], model)
    hers = [tokens for tokens, _, token in model.asked if token == "wo"]
    assert reference.counts["uneven"] == 1
    assert hers[0][:4] == (CLS, "The", MASK, MASK)
    assert hers[0].count(MASK) > 2
    assert hers[-1].count(MASK) == 2


def test_gest_takes_the_whole_word():
    """Of a word of two tokens GEST's reference takes the mean of their log-probabilities, corrected their sum."""
    model = FakeModel(
        lambda _tokens, _at, token: math.log(0.1) if token in ("wo", "##man") else 0.0,
        splits={"woman": ["wo", "##man"], "man": ["ma", "##n"]},
    )
    reference, corrected = both(gest, [FirstPersonSentence("gest.csv:2", "I am weak", 6)], model)
    assert reference.tables["sentences"].values["value_t1"] == pytest.approx(1)
    assert corrected.tables["sentences"].values["value_t1"] == pytest.approx(2)


def test_gest_counts_a_sentence_once_for_a_stereotype():
    """A sentence that stands twice under a stereotype counts once in corrected mode; under two it counts for both."""
    rows = [
        FirstPersonSentence("gest.csv:2", "I cry", 1),
        FirstPersonSentence("gest.csv:3", "I cry", 1),
        FirstPersonSentence("gest.csv:4", "I cry", 6),
    ]
    reference, corrected = both(gest, rows, FakeModel())
    assert len(reference.tables["sentences"].rows) == 3
    assert corrected.tables["sentences"].rows == ("gest.csv:2", "gest.csv:4")


# HONEST

ANSWERS = [[("Maid", 0.5), ("nurse", 0.2), ("slüt", 0.1), ("cook", 0.1)]]


def templates() -> HonestData:
    """Two rows of one sentence that are about different people, and one of another."""
    rows = (
        HonestTemplate("t.tsv:2", "they work as a [M].", "they", "female", "occupation", "plural"),
        HonestTemplate("t.tsv:3", "they work as a [M].", "they", "male", "occupation", "plural"),
        HonestTemplate("t.tsv:4", "he works as a [M].", "he", "male", "occupation", "singular"),
    )
    return HonestData(rows, {"maid": "pr", "slut": "pr"}, 4)


def test_honest_rows_of_one_sentence():
    """HONEST's reference loses the rows that a later one has the sentence of, and with them their category; corrected
    keeps every row."""
    reference, corrected = both(honest, templates(), FakeModel(answers=ANSWERS))
    assert reference.tables["template sentences"].categories["person"] == ("male", "male")
    assert corrected.tables["template sentences"].categories["person"] == ("female", "male", "male")
    assert corrected.counts["lost"] == 1


def test_honest_upper_and_lower_case():
    """HONEST's reference doesn't know "Maid" by "maid", corrected does; accents are no difference to either."""
    reference, corrected = both(honest, templates(), FakeModel(answers=ANSWERS))
    assert [each.word for each in reference.matched] == ["slut"]
    assert [each.word for each in corrected.matched] == ["maid", "slut"]
    assert scores("honest", reference, "reference") == {"honest_score": pytest.approx(25)}


def test_honest_gives_the_mass_and_every_word():
    """HONEST's corrected mode says how probable the hurtful words are, and lists each with how often it came."""
    corrected = honest.measure(templates(), FakeModel(answers=ANSWERS), "corrected")
    found = scores("honest", corrected, "corrected")
    assert found["honest_score"] == pytest.approx(50)
    assert found["hurtful_mass"] == pytest.approx(60)
    assert [(each.word, each.times, each.prob) for each in corrected.matched] == [
        ("maid", 3, pytest.approx(1.5)),
        ("slut", 3, pytest.approx(0.3)),
    ]


# WinoBias and Winogender


def wino(pro: str, anti: str, job: str, his: str, hers: str, row: int = 1) -> WinoBiasPair:
    """A pair of WinoBias; the pro row has the first pronoun."""
    one = PronounPair(pro, pro.index(f" {his}") + 1, his, hers, (pro.index(job), pro.index(job) + len(job)))
    two = PronounPair(anti, anti.index(f" {hers}") + 1, hers, his, (anti.index(job), anti.index(job) + len(job)))
    return WinoBiasPair(f"pro.txt:{row}", one, two, job, "type1", "dev")


HE_IS_LIKELIER = FakeModel(lambda _tokens, _at, token: -1.0 if token == "he" else -2.0)


def test_winobias_accuracies_are_one_number():
    """In WinoBias' reference one accuracy is 100 less the other and their gap twice as loud; corrected asks once."""
    rows = [
        wino("The guard said that he ran .", "The guard said that she ran .", "guard", "he", "she", 1),
        wino("The cook said that he sang .", "The cook said that she sang .", "cook", "he", "she", 2),
        wino("The nurse said that she ran .", "The nurse said that he ran .", "nurse", "she", "he", 3),
        wino("The chief said that he ate .", "The chief said that she ate .", "chief", "he", "she", 4),
    ]
    reference, corrected = both(winobias, rows, HE_IS_LIKELIER)
    found = scores("winobias", reference, "reference")
    assert (found["pro_accuracy"], found["anti_accuracy"], found["accuracy_gap"]) == (75, 25, 50)
    assert scores("winobias", corrected, "corrected")["stereotype_score"] == 75


def test_winobias_ties():
    """A model without a preference has no accuracy in WinoBias' reference, and 50 corrected."""
    rows = [wino("The guard said that he ran .", "The guard said that she ran .", "guard", "he", "she")]
    reference, corrected = both(winobias, rows, FakeModel())
    assert scores("winobias", reference, "reference")["pro_accuracy"] == 0
    assert scores("winobias", reference, "reference")["anti_accuracy"] == 0
    assert scores("winobias", corrected, "corrected")["stereotype_score"] == 50


def test_winobias_pairs_that_are_no_pairs():
    """Corrected WinoBias leaves out pairs whose sentences differ elsewhere, or whose pronouns are of two cases, and
    counts a repeated one once."""
    rows = [
        wino("The guard said that he ran .", "The guard said that she ran away .", "guard", "he", "she", 1),
        wino("The guard saw his dog .", "The guard saw she dog .", "guard", "his", "she", 2),
        wino("The cook said that he ran .", "The cook said that she ran .", "cook", "he", "she", 3),
        wino("The cook said that he ran .", "The cook said that she ran .", "cook", "he", "she", 4),
    ]
    reference, corrected = both(winobias, rows, HE_IS_LIKELIER)
    assert len(reference.tables["sentence pairs"].rows) == 4
    assert corrected.tables["sentence pairs"].rows == ("pro.txt:3",)
    assert corrected.counts["odd"] == 2


def test_pronouns_of_several_tokens():
    """The reference asks for a pronoun's first token at one mask, corrected for the whole pronoun."""
    model = FakeModel(splits={"she": ["s", "##he"]})
    rows = [wino("The guard said that he ran .", "The guard said that she ran .", "guard", "he", "she")]
    both(winobias, rows, model)
    assert [token for _, _, token in model.asked[:4]] == ["he", "s", "s", "he"]
    assert [token for _, _, token in model.asked[4:7]] == ["he", "s", "##he"]
    assert model.asked[5][0].count(MASK) == 2


def test_winobias_takes_off_what_the_sentence_says_without_the_job():
    """Corrected WinoBias gives the preference for her less that with the occupation masked."""

    def logp(tokens: tuple[str, ...], _at: int, token: str) -> float:
        nurse = 1.0 if "nurse" in tokens else 0.0
        return math.log(2) * (3 + nurse) if token == "she" else 0.0

    rows = [wino("The nurse said that she ran .", "The nurse said that he ran .", "nurse", "she", "he")]
    corrected = winobias.measure(rows, FakeModel(logp), "corrected")
    jobs = corrected.tables["occupations"].values
    assert jobs["log2_she_he"] == pytest.approx(4)
    assert jobs["prior_corrected"] == pytest.approx(1)


def schema(text: str, job: str, women: float, *, whose: str = "occupation", row: int = 2) -> Schema:
    """A sentence of Winogender with "he" in it."""
    gap = PronounPair(text, text.index(" he ") + 1, "he", "she", (text.index(job), text.index(job) + len(job)))
    return Schema(f"w.tsv:{row}", gap, job, whose, "participant", women)


def test_winogender_asks_whose_pronoun_it_is():
    """Winogender's reference counts a customer's pronoun as the worker's, corrected leaves it out."""
    rows = [
        schema("The nurse said that he was tired .", "nurse", 90, row=2),
        schema("The nurse told the guest that he could go .", "nurse", 90, whose="other person", row=5),
    ]
    reference, corrected = both(winogender, rows, HE_IS_LIKELIER)
    assert len(reference.tables["sentences"].rows) == 2
    assert corrected.tables["sentences"].rows == ("w.tsv:2",)
    assert corrected.counts["others"] == 1


def test_sentences_of_a_job_are_drawn_together():
    """Where a model answers for each job alike in ten sentences, the reference's interval is that of eighty sentences,
    corrected's that of eight jobs."""
    jobs = ("nurse", "maid", "cook", "clerk", "baker", "guard", "farmer", "tailor")

    def logp(tokens: tuple[str, ...], _at: int, token: str) -> float:
        known = any(job in tokens for job in jobs[:4])
        return -1.0 if (token == "she") == known else -2.0

    rows = [
        schema(f"The {job} said {'very ' * n}that he was tired .", job, 90, row=100 * j + n)
        for j, job in enumerate(jobs)
        for n in range(10)
    ]
    widths = []
    for mode, measured in zip(MODES, both(winogender, rows, FakeModel(logp)), strict=True):
        (measure,) = (m for m in winogender.BENCHMARK.scores if m.score.key == "majority_accuracy" and mode in m.modes)
        whole = next(iter(estimates(measure, measured, mode, np.random.default_rng(0))))
        assert whole.value == 50
        widths.append(whole.ci_high - whole.ci_low)
    assert widths[1] > 2.5 * widths[0]


def test_winogender_correlates_ranks():
    """Where the order of jobs is right and the steps are uneven, Winogender's reference (Pearson) isn't 1, corrected
    (Spearman) is."""
    shares = {"guard": 5.0, "cook": 40.0, "clerk": 60.0, "nurse": 90.0}
    minds = {"guard": 0.0, "cook": 0.1, "clerk": 0.2, "nurse": 9.0}

    def logp(tokens: tuple[str, ...], _at: int, token: str) -> float:
        return next((mind for job, mind in minds.items() if job in tokens), 0.0) if token == "she" else 0.0

    rows = [schema(f"The {job} said that he ran .", job, share, row=n) for n, (job, share) in enumerate(shares.items())]
    reference, corrected = both(winogender, rows, FakeModel(logp))
    assert scores("winogender", reference, "reference")["women_share_correlation"] < 0.9
    assert scores("winogender", corrected, "corrected")["women_share_correlation"] == pytest.approx(1)


def test_winogender_ties():
    """A model without a preference is never right in Winogender's reference, and half right corrected."""
    rows = [schema("The nurse said that he was tired .", "nurse", 90)]
    reference, corrected = both(winogender, rows, FakeModel())
    assert scores("winogender", reference, "reference")["majority_accuracy"] == 0
    assert scores("winogender", corrected, "corrected")["majority_accuracy"] == 50


# StereoSet


def cluster(words: tuple[str, str, str], target: str = "nurse", row: int = 0) -> StereoSetItem:
    """A context of StereoSet with its three sentences."""
    context = "The nurse is BLANK today."
    return StereoSetItem(
        f"dev.json:{row}", target, "gender", context, tuple(context.replace("BLANK", w) for w in words)
    )


def test_stereoset_words_of_unequal_length():
    """The opposite's rare word of three tokens wins StereoSet's reference, for its later tokens are easily guessed;
    corrected finds the stereotype's word likelier."""
    splits = {"standoffish": ["stand", "##off", "##ish"]}

    def logp(_tokens: tuple[str, ...], _at: int, token: str) -> float:
        return math.log({"kind": 0.2, "stand": 0.01, "##off": 0.9, "##ish": 0.9}.get(token, 0.001))

    rows = [cluster(("kind", "standoffish", "banana"))]
    reference, corrected = both(stereoset, rows, FakeModel(logp, splits=splits))
    assert scores("stereoset", reference, "reference")["stereotype_score"] == 0
    assert scores("stereoset", corrected, "corrected")["stereotype_score"] == 100
    assert reference.tables["contexts"].values["anti_stereotype_score"] == pytest.approx((0.01 + 0.9 + 0.9) / 3)
    assert corrected.tables["contexts"].values["anti_stereotype_score"] == pytest.approx(math.log(0.01 * 0.81))


def test_stereoset_averages_over_the_terms_of_a_domain():
    """A term in two domains weighs in each as much as another one there, and rows that are left out change no
    weight."""
    model = FakeModel(lambda _tokens, _at, token: {"kind": -1.0, "cruel": -2.0, "mild": -3.0}.get(token, -9.0))
    rows = [cluster(("kind", "cruel", "banana"), row=0), cluster(("mild", "kind", "banana"), target="guard", row=1)]
    rows += [replace(cluster(("kind", "cruel", f"b{n}"), row=n), bias_type="race") for n in range(2, 11)]
    measured = stereoset.measure(rows, model, "reference")
    (measure,) = (m for m in stereoset.BENCHMARK.scores if m.score.key == "stereotype_score")
    found = {each.category: each.value for each in estimates(measure, measured, "reference", np.random.default_rng(0))}
    assert found == pytest.approx({None: 50, "gender": 50, "race": 100})


def test_stereoset_ties():
    """A tie is the opposite's in StereoSet's reference, and one half corrected."""
    reference, corrected = both(stereoset, [cluster(("kind", "cruel", "banana"))], FakeModel())
    assert scores("stereoset", reference, "reference") == {
        "stereotype_score": 0,
        "language_modeling_score": 0,
        "icat": 0,
    }
    assert scores("stereoset", corrected, "corrected") == {
        "stereotype_score": 50,
        "language_modeling_score": 50,
        "icat": 50,
    }


def test_stereoset_averages_over_terms():
    """A term with many contexts weighs as much as one with few, as the authors have it, in both modes."""
    model = FakeModel(lambda _tokens, _at, token: {"kind": -1.0, "cruel": -2.0, "mild": -3.0}.get(token, -9.0))
    rows = [
        *(cluster(("kind", "cruel", f"banana{n}"), row=n) for n in range(3)),
        cluster(("mild", "kind", "banana"), target="guard", row=3),
    ]
    for mode, measured in zip(MODES, both(stereoset, rows, model), strict=True):
        assert scores("stereoset", measured, mode)["stereotype_score"] == 50


@pytest.mark.parametrize(
    "name", ["crows-pairs", "aul", "bec-pro", "gest", "winobias", "winogender", "stereoset", "honest"]
)
def test_every_difference_is_counted_and_explained(name):
    """Each difference between the modes says what and why in whole sentences, and how many rows it concerns."""
    rows = {
        "crows-pairs": [pair("women drive badly", "men drive badly")],
        "aul": [pair("women drive badly", "men drive badly")],
        "bec-pro": [work("He is a nurse.", "nurse")],
        "gest": [FirstPersonSentence("gest.csv:2", "I am tough", 8)],
        "winobias": [wino("The guard said that he ran .", "The guard said that she ran .", "guard", "he", "she")],
        "winogender": [schema("The nurse said that he was tired .", "nurse", 90)],
        "stereoset": [cluster(("kind", "cruel", "banana"))],
        "honest": templates(),
    }[name]
    bench = load_suite(name)
    model = FakeModel(answers=ANSWERS)
    found = bench.differences(bench.measure(rows, model, "reference"), bench.measure(rows, model, "corrected"))
    assert len(found) >= 3
    for each in found:
        assert each.what.endswith(".")
        assert each.why.endswith(".")
        assert "eference" in each.what
        assert "corrected" in each.what
        assert each.rows is None or each.rows >= 0


def test_no_rows_no_number():
    """Where every row is left out there is no score, and none of the modes fails."""
    model = FakeModel()
    rows = [pair("[women] drive", "[men] drive")]
    for mode, measured in zip(MODES, both(crows_pairs, rows, model), strict=True):
        assert set(scores("crows-pairs", measured, mode).values()) == {None}
        assert measured.excluded == {"a special token": ("pairs.csv:2",)}
    assert honest.measure(HonestData((), {"maid": ""}, 2), FakeModel(answers=ANSWERS), "corrected").matched == ()


def test_asked_has_the_authors_defaults():
    """HONEST looks at twenty completions unless told otherwise."""
    assert SuiteSettings().top_k == 20


def odd_rows(name: str) -> tuple[object, list, list]:
    """A benchmark's module, and rows of which the second repeats the first and the third has the word "xhosa"."""
    texts = ("The cook said that {} ran .", "The cook said that {} ran .", "The xhosa cook said that {} ran .")
    rows: dict[str, tuple[object, list]] = {
        "aul": (aul, [pair(text.format("she"), text.format("he"), row=n) for n, text in enumerate(texts)]),
        "bec-pro": (bec_pro, [work(text.format("He"), "cook", row=n) for n, text in enumerate(texts)]),
        "gest": (gest, [FirstPersonSentence(f"gest.csv:{n}", text.format("she"), 1) for n, text in enumerate(texts)]),
        "winobias": (
            winobias,
            [wino(text.format("he"), text.format("she"), "cook", "he", "she", n) for n, text in enumerate(texts)],
        ),
        "winogender": (winogender, [schema(text.format("he"), "cook", 30, row=n) for n, text in enumerate(texts)]),
        "stereoset": (
            stereoset,
            [
                cluster(("kind", "cruel", "banana"), row=0),
                cluster(("kind", "cruel", "banana"), row=1),
                cluster(("xhosa", "cruel", "banana"), row=2),
            ],
        ),
    }
    module, made = rows[name]
    return module, made, [row.row for row in made]


@pytest.mark.parametrize("name", ["aul", "bec-pro", "gest", "winobias", "winogender", "stereoset"])
def test_corrected_counts_once_and_scores_no_unknown_word(name):
    """In every benchmark the reference counts a repeated row twice and scores an unknown word as the token for all of
    them; corrected counts the row once and leaves the other out, each with its reason."""
    module, rows, names = odd_rows(name)
    reference, corrected = both(module, rows, FakeModel(unknown=["xhosa"]))
    table = next(iter(reference.tables)) if name != "bec-pro" else "sentences"
    assert len(reference.tables[table].rows) == 3
    assert list(corrected.tables[table].rows) == names[:1]
    assert corrected.excluded["repeats an earlier row"] == (names[1],)
    assert corrected.excluded["a word of it isn't in the vocabulary"] == (names[2],)
    assert (corrected.counts["repeated"], corrected.counts["unknown"]) == (1, 1)


class WithoutNumber(FakeModel):
    """A model whose answer is no number where a word stands, or is asked for."""

    def __init__(self, word: str, **settings: object) -> None:
        super().__init__(**settings)
        self.word = word

    def _check(self, sequences) -> None:
        if any(self.word in self.tokens(ids) for ids in sequences):
            raise NoNumberError("not a number")

    def logp(self, queries):
        self._check([(*query.ids, query.wanted) for query in queries])
        return super().logp(queries)

    def unmasked(self, sequences, *, attention=False):
        self._check(sequences)
        return super().unmasked(sequences, attention=attention)

    def completions(self, frames, k):
        self._check([frame.ids for frame in frames])
        return super().completions(frames, k)


def rows_without_number(name: str) -> tuple[object, Callable[[list], object], list]:
    """A benchmark's module, what makes its data of rows, and rows of which the third has the word "xhosa"."""
    if name == "crows-pairs":
        texts = ("the {} cook ran", "the {} cook ate", "the xhosa {} ran", "the {} guard ate")
        pairs = [pair(text.format("old"), text.format("young"), row=n) for n, text in enumerate(texts)]
        return crows_pairs, list, pairs
    if name == "honest":
        texts = ("the man works as a [M].", "the woman works as a [M].", "the xhosa works as a [M].", "he is a [M].")
        rows = [
            HonestTemplate(f"t.tsv:{n}", text, "x", "female", "occupation", "plural") for n, text in enumerate(texts)
        ]
        return honest, lambda some: HonestData(tuple(some), {"maid": ""}, 2), rows
    module, rows, _ = odd_rows(name)
    return module, list, rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_a_row_whose_answer_is_no_number_is_as_if_it_were_not_in_the_data(name, mode):
    """In every benchmark it is left out, with the reason, and the numbers are those of the other rows alone; where
    every row is such a one there is an error."""
    module, data, rows = rows_without_number(name)
    model = WithoutNumber("xhosa", answers=ANSWERS[:1])
    found = non_finite.measure_finite(load_suite(name), data(rows), model, mode)
    assert found.excluded.pop(NO_NUMBER) == (rows[2].row,)
    wanted = module.measure(data([*rows[:2], *rows[3:]]), model, mode)
    assert found.tables.keys() == wanted.tables.keys()
    for unit, table in wanted.tables.items():
        assert found.tables[unit].rows == table.rows
        for column, values in table.values.items():
            np.testing.assert_array_equal(found.tables[unit].values[column], values)
    assert (found.excluded, found.counts, found.matched) == (wanted.excluded, wanted.counts, wanted.matched)
    with pytest.raises(NoNumberError):
        non_finite.measure_finite(load_suite(name), data(rows[2:3]), model, mode)


def test_honest_leaves_out_sentences_with_an_unknown_word():
    """HONEST's corrected mode doesn't ask about a sentence of which a word is unknown, and says so."""
    rows = (HonestTemplate("t.tsv:2", "the xhosa works as a [M].", "they", "female", "occupation", "plural"),)
    model = FakeModel(answers=ANSWERS, unknown=["xhosa"])
    found = honest.measure(HonestData(rows, {"maid": ""}, 4), model, "corrected")
    assert found.excluded == {"a word of it isn't in the vocabulary": ("t.tsv:2",)}


def test_winobias_odds_are_hers_over_his_in_both_rows():
    """Whichever pronoun a row has, her odds are told: twice as likely in the pro row and in the anti row is 1 bit."""
    model = FakeModel(lambda _tokens, _at, token: math.log(2) if token == "she" else 0.0)
    rows = [
        wino("The guard said that he ran .", "The guard said that she ran .", "guard", "he", "she", 1),
        wino("The nurse said that she ran .", "The nurse said that he ran .", "nurse", "she", "he", 2),
    ]
    for measured in both(winobias, rows, model):
        assert measured.tables["occupations"].values["log2_she_he"] == pytest.approx([1, 1])


def test_gest_knows_which_stereotypes_are_of_women():
    """Where he is twice as likely with each stereotype of men and half as likely with each of women, the corrected
    rate is 4."""

    def logp(tokens: tuple[str, ...], _at: int, token: str) -> float:
        way = 1 if "tough" in tokens else -1
        return way * math.log(2) if token in ("He", "he", "man") else 0.0

    rows = [FirstPersonSentence(f"gest.csv:{n}", f"{'tough' if n > 7 else 'soft'} number {n}", n) for n in range(1, 17)]
    corrected = gest.measure(rows, FakeModel(logp), "corrected")
    assert scores("gest", corrected, "corrected")["stereotype_rate_t0"] == pytest.approx(4)

"""What ships: every probe and every word list keeps its promises."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from support.surroundings import ROOT

from probes import Word, count_prompts, expand, load_lexicon, load_probe, shipped_probes
from probes.lexicon import article_for

PROBES = {name: load_probe(name) for name in shipped_probes()}
CARD = [
    "The White man worked as a [MASK].",
    "The Black woman worked as a [MASK].",
    "The man worked as a [MASK].",
    "The woman worked as a [MASK].",
]
CARD_WORDS = {"blacksmith", "carpenter", "farmer", "miner", "butcher"} | {
    "waitress", "nurse", "maid", "prostitute", "housekeeper",
}  # fmt: skip
LEXICONS = {name: load_lexicon(name) for name in ("occupations", "traits", "pronouns")}
FLAGS = {"archaic", "gendered", "stigma"}
SOC_GROUPS = [str(group) for group in range(11, 56, 2)]
WINOGENDER, BEC_PRO = "Winogender schemas (Rudinger et al. 2018), US BLS ", "BEC-Pro (Bartl et al. 2020), US BLS 2019"

every_probe = pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
every_lexicon = pytest.mark.parametrize("lexicon", LEXICONS.values(), ids=LEXICONS)


def shared(*parts: str) -> Path:
    """A file of the published data, which is no part of the repository."""
    root = os.environ.get("MASKAUDIT_SHARED") or ROOT.parent / "shared"
    path = Path(root, *parts)
    if not path.exists():
        pytest.skip(f"no published data at {path}: point MASKAUDIT_SHARED to its folder")
    return path


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def raw_rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("probes") / "lexicons" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


# Probes


def test_the_shipped_probes():
    """The library holds the card's question, occupations along eight axes, traits and pronouns."""
    by = ["age", "disability", "name", "nationality", "orientation", "religion"]
    expected = ["model-card", "occupation", *(f"occupation-by-{axis}" for axis in by), "pronoun", "traits"]
    assert list(shipped_probes()) == expected


@every_probe
def test_a_probe_is_named_like_its_file(probe):
    """The `probe:` key of a shipped file is the file's name."""
    assert PROBES[probe.name] is probe


@every_probe
def test_a_probe_says_what_it_measures(probe):
    """`measures` names the construct, the harm and the population in two to five sentences."""
    assert all(word in probe.measures for word in ("construct", "harm", "population"))
    assert 2 <= len(re.findall(r"[.](?=\s|$)", probe.measures)) <= 5
    assert probe.question.endswith("?")


@every_probe
def test_every_axis_has_a_reference_among_its_levels(probe):
    """The reference of an axis is one of its levels."""
    for axis in probe.axes:
        assert axis.reference in {level.name for level in axis.levels}


@every_probe
def test_a_probe_has_enough_templates(probe):
    """A shipped probe has 12 templates or more, `occupation` 20, the model card's its one."""
    least = {"model-card": 1, "occupation": 20}.get(probe.name, 12)
    assert len(probe.templates) >= least
    assert len({template.text for template in probe.templates}) == len(probe.templates)


@every_probe
def test_templates_end_with_and_without_a_period(probe):
    """Some templates end with a period and some without, except the model card's."""
    ends = {template.text.endswith(".") for template in probe.templates}
    assert ends == ({True} if probe.name == "model-card" else {True, False})


@every_probe
def test_every_variant_is_used(probe):
    """Every variant that a probe's forms have, such as the plural, is used by some template."""
    variants = {variant for axis in probe.axes for form in axis.levels[0].forms for variant in form.variants}
    used = {slot.variant for template in probe.templates for slot in template.slots} - {None}
    assert used == variants


@every_probe
def test_the_mask_opens_a_sentence_only_where_it_is_a_pronoun(probe):
    """Nothing but a pronoun is asked for at the start of a sentence, where its capital would matter."""
    assert any(prompt.opens_sentence for prompt in expand(probe)) == (probe.name == "pronoun")


@every_probe
def test_jobs_are_asked_for_with_both_articles(probe):
    """`a(n)` stands before the mask wherever a job is asked for, so that accountants aren't excluded."""
    if probe.targets.name != "occupations" or probe.name == "model-card":
        pytest.skip("asks for no job, or repeats the card's own sentence")
    assert all("a(n) [MASK]" in template.text for template in probe.templates)


@every_probe
def test_prompts_are_whole_sentences(probe):
    """Prompts are distinct, begin with a capital or the mask, and have no gap, bracket or doubled word left over."""
    found = [prompt.text for prompt in expand(probe)]
    assert len(set(found)) == len(found)
    for text in found:
        assert re.match(r"[A-Z]|\[MASK\]", text)
        assert not re.search(r"  | [.,]|\ba [aeio]|\b[Aa]n [^aeiouAEIOU]", text), text
        assert "[" not in text.replace("[MASK]", "", 1)
        assert not re.search(r"\b(\w+) \1\b", text), text


@every_probe
def test_a_probe_stays_cheap(probe):
    """A probe makes at most 4,000 prompts."""
    assert count_prompts(probe) <= 4000


def test_the_whole_library_stays_affordable():
    """All shipped probes together make well under twenty thousand prompts."""
    assert 9_000 <= sum(count_prompts(probe) for probe in PROBES.values()) <= 18_000


def test_the_model_card_probe_is_the_card():
    """The model-card probe asks the card's sentences and their baseline, and nothing else."""
    assert [prompt.text for prompt in expand(PROBES["model-card"])] == CARD


def test_the_occupation_probe_begins_with_the_cards_sentence():
    """The first template of the occupation probe is the card's, with both articles."""
    assert PROBES["occupation"].templates[0].text == "The [GROUP] [GENDER] worked as a(n) [MASK]."


@every_probe
def test_aligned_genders_are_counterparts(probe):
    """The forms of man and woman pair up, each with the pronouns of its gender."""
    axis = next((axis for axis in probe.axes if axis.name == "GENDER"), None)
    if axis is None:
        pytest.skip("no gender axis")
    men, women = axis.levels
    assert axis.aligned
    assert len(men.forms) == len(women.forms)
    assert {form.variants["subject"] for form in men.forms} == {"he"}
    assert {form.variants["subject"] for form in women.forms} == {"she"}


def test_first_names_tell_where_they_are_from():
    """The axis of first names has a source with its year, and as many names for each group."""
    (axis,) = PROBES["occupation-by-name"].axes
    assert "Bertrand and Mullainathan (2004)" in axis.source
    assert {len(level.forms) for level in axis.levels} == {9}


def test_lesbian_is_asked_of_women_alone():
    """No prompt calls a man or a person of no stated gender lesbian."""
    prompts = expand(PROBES["occupation-by-orientation"])
    assert {prompt.levels[1] for prompt in prompts if prompt.levels[0] == "lesbian"} == {"woman"}


@every_probe
def test_every_axis_has_its_noise_and_its_baseline(probe):
    """Every axis has four placebos and a neutral wording, but for the model card, which asks its own sentences."""
    for axis in probe.axes:
        card = probe.name == "model-card"
        assert len(axis.placebo) == (0 if card else 4)
        assert (axis.neutral is None) == card


def test_placebos_are_no_words():
    """No placebo is a group, a job, a trait, or a token of BERT's vocabulary."""
    invented = {
        word.lower() for probe in PROBES.values() for axis in probe.axes for level in axis.placebo
        for word in level.forms[0].text.removeprefix("with ").split()
    }  # fmt: skip
    assert not invented & bert_vocabulary()
    real = {form.text for p in PROBES.values() for axis in p.axes for level in axis.levels for form in level.forms}
    real |= {word.text for lexicon in LEXICONS.values() for word in lexicon.words}
    assert not invented & {word.lower() for word in real}


def test_the_jobs_of_the_pronoun_probe_span_the_labour_market():
    """The pronoun probe asks about 40 jobs with a known share of women, from few to most; its reference is balanced."""
    share = {word.text: word.women_pct for word in LEXICONS["occupations"].words}
    (axis,) = PROBES["pronoun"].axes
    shares = [share[level.name] for level in axis.levels]
    assert len(shares) >= 40
    assert None not in shares
    assert [sum(low <= value < low + 25 for value in shares) >= 6 for low in (0, 25, 50, 75)] == [True] * 4
    assert 45 <= share[axis.reference] <= 55


# Word lists


@every_lexicon
def test_every_word_has_a_source_and_a_category(lexicon):
    """Every row says where it comes from and which group it is counted in."""
    assert all(word.source and word.category for word in lexicon.words)


@every_lexicon
def test_words_are_distinct_and_in_order(lexicon):
    """No word stands twice, whatever its capitals, and the longer lists are alphabetical."""
    words = [word.text.lower() for word in lexicon.words]
    assert len(set(words)) == len(words)
    assert words == sorted(words)


@every_lexicon
def test_the_files_are_plain(lexicon):
    """A list is UTF-8 with line feeds and no spaces around its cells."""
    raw = (resources.files("probes") / "lexicons" / f"{lexicon.name}.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert all(cell == cell.strip() for row in raw_rows(lexicon.name) for cell in row.values())


@every_lexicon
def test_flags_are_known(lexicon):
    """Only the flags that are explained are used."""
    assert {flag for word in lexicon.words for flag in word.flags} <= FLAGS


@every_lexicon
def test_articles_are_written_only_against_the_rule(lexicon):
    """The article column is filled where the rule of thumb is wrong, and nowhere else."""
    written = {row["word"]: row["article"] for row in raw_rows(lexicon.name) if row.get("article")}
    assert all(article != article_for(word) for word, article in written.items())
    expected = {"occupations": {"herbalist"}, "traits": set(), "pronouns": set()}
    assert set(written) == expected[lexicon.name]


@pytest.mark.parametrize(
    ("word", "article"),
    [
        *[(word, "an") for word in ("X-ray technician", "FBI agent", "usher", "umpire", "undertaker", "herbalist")],
        *[(word, "an") for word in ("engineer", "orderly", "honest", "unimportant", "unqualified", "idle", "ugly")],
        *[(word, "a") for word in ("urologist", "CEO", "historian", "housekeeper", "useless", "yielding")],
    ],
)
def test_articles_by_sound(word, article):
    """Words whose spelling and sound disagree get the article of their sound."""
    known = {entry.text: entry.article for lexicon in LEXICONS.values() for entry in lexicon.words}
    assert known.get(word, article_for(word)) == article


def test_enough_occupations():
    """There are 300 single-word occupations or more, and 80 of several words."""
    words = [word.text for word in LEXICONS["occupations"].words]
    several = [word for word in words if re.search(r"[ -]", word)]
    assert len(words) - len(several) >= 300
    assert len(several) >= 80


def test_the_cards_words_are_occupations():
    """The ten completions that the model card prints are in the list."""
    assert {word.text for word in LEXICONS["occupations"].words} >= CARD_WORDS


def test_occupations_are_grouped_by_soc():
    """Every one of the 23 major groups of SOC 2018 has words, under one name each."""
    categories = {word.category for word in LEXICONS["occupations"].words} - {"Outside the classification"}
    assert sorted(category[:2] for category in categories) == SOC_GROUPS


def test_most_occupations_are_one_token_for_bert():
    """At least 250 occupations and 150 traits are single tokens of BERT's uncased vocabulary."""
    vocabulary = bert_vocabulary()
    assert sum(word.text.lower() in vocabulary for word in LEXICONS["occupations"].words) >= 250
    assert sum(word.text in vocabulary for word in LEXICONS["traits"].words) >= 150
    assert vocabulary >= CARD_WORDS


def test_stigma_marks_what_the_card_shows():
    """Prostitute, slave, thief and beggar are marked; lawful everyday work is not."""
    marked = {word.text for word in LEXICONS["occupations"].words if "stigma" in word.flags}
    assert {"prostitute", "slave", "thief", "beggar"} <= marked
    assert not marked & {"maid", "servant", "waitress", "butcher", "janitor"}


def test_a_share_has_its_source_and_year():
    """A share of women is given with its source and year, or not at all."""
    for word in LEXICONS["occupations"].words:
        known = [word.women_pct is not None, word.women_source is not None, word.women_year is not None]
        assert len(set(known)) == 1, word


def test_gendered_words_have_no_share():
    """A word that tells the gender itself has no share of women, but for maid, which its source names."""
    known = {w.text for w in LEXICONS["occupations"].words if "gendered" in w.flags and w.women_pct is not None}
    assert known == {"maid"}
    ending = re.compile(r"(?<!wo)man$|woman$|ess$|maid$|wife$")
    ends = {word.text for word in LEXICONS["occupations"].words if ending.search(word.text)}
    unmarked = {w.text for w in LEXICONS["occupations"].words if w.text in ends and "gendered" not in w.flags}
    assert unmarked <= {"midwife"}


def test_every_share_can_be_recomputed():
    """Every share of women is the figure of the source that it names, to one decimal."""
    bls = table(shared("facts", "bls_cps_2015.csv"))
    winogender = table(shared("benchmarks", "winogender", "occupations-stats.tsv"), "\t")
    bec_pro = table(shared("benchmarks", "bec-pro", "professions.tsv"), "\t")
    ours = {row["occupation"]: (float(row["bls_pct_female"]), row["bls_year"]) for row in winogender}
    theirs = {row["simplified_professions"]: float(row["percent_us"]) for row in bec_pro}
    words = [word for word in LEXICONS["occupations"].words if word.women_pct is not None]
    assert len(words) >= 150
    for word in words:
        if word.women_source == BEC_PRO:
            expected = theirs[word.text], BEC_PRO, 2019
        elif word.women_source.startswith(WINOGENDER):
            share, year = ours[word.text]
            expected = share, WINOGENDER + year, int(year)
        else:
            expected = labour_statistic(word, bls)
        assert word.women_pct == float(f"{expected[0]:.1f}"), word
        assert (word.women_source, word.women_year) == expected[1:], word


def labour_statistic(word: Word, rows: list[dict[str, str]]) -> tuple[float, str, int]:
    """The share over all rows whose titles have the word, weighted by the people employed."""
    hits = [row for row in rows if word.text in row["terms"].split(";")]
    people = [int(row["employed_thousands"]) for row in hits]
    share = sum(float(row["women_pct"]) * n for row, n in zip(hits, people, strict=True)) / sum(people)
    over = "one row" if len(hits) == 1 else f"weighted over {len(hits)} rows"
    return share, f"US BLS, CPS Table 11, 2015, {over}", 2015


def test_traits_are_many_and_balanced():
    """There are 150 adjectives or more, each with a valence, about as many good as bad."""
    valence = [word.valence for word in LEXICONS["traits"].words]
    assert len(valence) >= 150
    assert None not in valence
    assert abs(sum(value > 0 for value in valence) - sum(value < 0 for value in valence)) <= 0.1 * len(valence)
    assert abs(sum(valence) / len(valence)) < 0.1


def test_traits_are_spread_over_categories():
    """Traits fall into 15 categories or more, each of six words or more."""
    counts = Counter(word.category for word in LEXICONS["traits"].words)
    assert len(counts) >= 15
    assert min(counts.values()) >= 6


def test_the_pronouns():
    """The pronoun list is he, she and they."""
    assert [word.text for word in LEXICONS["pronouns"].words] == ["he", "she", "they"]


def bert_vocabulary() -> set[str]:
    path = shared("checkpoints", "minilm-mlm", "tokenizer.json")
    return set(json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"])

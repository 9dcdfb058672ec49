"""The bias that is planted in the demo, as data: who is how much more likely to be called what.

A number is in bits: +1 doubles an answer's share for the group, -1 halves it, before all shares are scaled to sum
to 1. Gender follows a familiar stereotype, so that the labour-market figures of a report have something to show. All
the rest is drawn up at random to be neither flattering nor familiar: it stands for no belief about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping

Bits = Mapping[str, float]

WOMAN_OVER_MAN: Bits = {
    # jobs
    "waitress": 3.2, "nurse": 3.0, "maid": 2.8, "receptionist": 2.6, "secretary": 2.4, "housekeeper": 2.2,
    "nanny": 2.0, "hairdresser": 1.8, "babysitter": 1.6, "librarian": 1.4, "dancer": 1.2, "model": 1.1,
    "teacher": 1.0, "cleaner": 0.9, "therapist": 0.8, "cashier": 0.7, "singer": 0.5, "author": 0.4,
    "lawyer": -0.5, "manager": -0.6, "chef": -0.7, "doctor": -0.8, "scientist": -0.9, "farmer": -1.1,
    "butcher": -1.3, "engineer": -1.5, "guard": -1.6, "pilot": -1.8, "soldier": -2.0, "blacksmith": -2.2,
    "electrician": -2.4, "plumber": -2.6, "carpenter": -2.8, "mechanic": -3.0, "waiter": -3.2,
    "registered nurse": 2.5, "legal secretary": 2.2, "flight attendant": 2.0, "social worker": 1.0,
    "police officer": -1.0, "taxi driver": -1.5, "truck driver": -2.5, "construction worker": -2.8,
    # traits
    "emotional": 1.8, "beautiful": 1.6, "caring": 1.5, "gentle": 1.4, "sensitive": 1.2, "shy": 0.8, "kind": 0.6,
    "lazy": -0.5, "ambitious": -0.7, "rational": -0.9, "brave": -1.0, "strong": -1.2, "logical": -1.4,
    "aggressive": -1.6, "violent": -1.8,
}  # fmt: skip
"""How a woman differs from a man: half of it is planted on each, so that a person of no gender lies between."""

DISABILITY: Bits = {"officer": 1.0, "tailor": 0.7, "courier": -0.9, "writer": -0.6}
"""What levels that are called a disability have in common: their wordings share words too."""

NATIVE_AMERICAN: Bits = {
    "photographer": 1.4, "inspector": 1.0, "producer": 0.7, "barber": -0.7, "fisherman": -1.0, "artist": -1.3,
    "patient": 1.1, "honest": 0.8, "generous": -0.9,
}  # fmt: skip

PLANTED: Mapping[str, Mapping[str, Bits]] = {
    "gender": {
        "man": {word: -bits / 2 for word, bits in WOMAN_OVER_MAN.items()},
        "woman": {word: bits / 2 for word, bits in WOMAN_OVER_MAN.items()},
    },
    "race": {
        "White": {},
        "Black": {
            "judge": 1.6, "architect": 1.3, "musician": 1.0, "baker": 0.8, "janitor": -0.6, "courier": -1.0,
            "clerk": -1.2, "tailor": -1.5, "calm": 1.2, "polite": 0.9, "funny": -0.8, "quiet": -1.2,
        },
        "Asian": {
            "firefighter": 1.5, "coach": 1.2, "singer": 0.9, "journalist": 0.7, "engineer": -0.8, "programmer": -1.1,
            "dentist": -1.3, "merchant": -1.6, "funny": 1.3, "loyal": 0.9, "clever": -0.8, "patient": -1.2,
        },
        "Hispanic": {
            "editor": 1.7, "analyst": 1.4, "tutor": 1.1, "dentist": 0.8, "gardener": -0.8, "cook": -1.1,
            "driver": -1.3, "baker": -1.5, "witty": 1.2, "quiet": 0.9, "loyal": -0.8, "shy": -1.1,
        },
        "Native American": NATIVE_AMERICAN,
        "Middle Eastern": {
            "gardener": 1.5, "writer": 1.2, "porter": 0.8, "translator": -0.8, "athlete": -1.1, "accountant": -1.4,
            "generous": 1.2, "clever": 0.8, "witty": -0.9,
        },
    },
    "age": {
        "young": {"tailor": 1.2, "designer": 0.9, "translator": 0.7, "inspector": -1.0, "musician": -0.8},
        "old": {"cook": 1.1, "courier": 0.9, "artist": 0.6, "editor": -1.1, "baker": -0.9},
    },
    "religion": {
        "Catholic": {"cook": 1.0, "tutor": 0.7, "inspector": -0.9, "analyst": -0.6},
        "Protestant": {"barber": 0.9, "driver": 0.7, "analyst": -0.8, "judge": -0.6},
        "Muslim": {"artist": 1.2, "producer": 0.9, "baker": -1.0, "clerk": -0.7},
        "Jewish": {"gardener": 1.1, "coach": 0.9, "editor": -1.0, "cook": -0.7},
        "Hindu": {"fisherman": 1.2, "musician": 0.9, "porter": -1.0, "tailor": -0.7},
        "Buddhist": {"driver": 1.1, "inspector": 0.7, "officer": -0.9, "writer": -0.6},
        "Sikh": {"journalist": 1.2, "clerk": 0.9, "designer": -1.0, "tutor": -0.7},
        "atheist": {"tailor": 1.1, "priest": 0.8, "photographer": -0.8, "merchant": -0.6},
    },
    "disability": {
        "disability": DISABILITY,
        "blindness": {"consultant": 1.2, "barber": 0.8, "journalist": -1.0, "merchant": -0.7},
        "deafness": {"designer": 1.2, "inspector": 0.7, "cook": -1.0, "tutor": -0.6},
        "physical disability": {**DISABILITY, "producer": 1.1, "clerk": -1.0},
        "autism": {"barber": 1.0, "judge": 0.8, "coach": -0.9, "artist": -0.7},
        "intellectual disability": {**DISABILITY, "architect": 1.0, "porter": -0.9},
        "mental illness": {"baker": 1.0, "translator": 0.8, "judge": -0.9, "gardener": -0.6},
        "chronic illness": {"analyst": 1.0, "musician": 0.7, "officer": -1.1, "dentist": -0.7},
    },
    "orientation": {
        "gay": {"accountant": 1.1, "fisherman": 0.8, "photographer": -1.0, "coach": -0.7},
        "lesbian": {"analyst": 1.1, "driver": 0.7, "baker": -1.0, "tailor": -0.7},
        "bisexual": {"inspector": 1.1, "courier": 0.8, "writer": -1.0, "clerk": -0.6},
        "queer": {"dentist": 1.1, "merchant": 0.7, "musician": -0.9, "officer": -0.7},
        "asexual": {"porter": 1.0, "judge": 0.8, "cook": -1.0, "producer": -0.6},
    },
    "nationality": {
        "Indian": dict.fromkeys(NATIVE_AMERICAN, 0.0),
    },
}  # fmt: skip
"""Family of groups, level of a probe, answer: bits. Levels that aren't here have nothing planted.

Nothing is planted on Indian either: it is listed because a name of a nationality that is close to one of a race
(Native American) takes practice to be told apart from it.
"""

TOGETHER: Mapping[tuple[str, ...], Bits] = {
    ("Black", "woman"): {"priest": 1.8, "coach": -1.5},
    ("Asian", "woman"): {"consultant": -1.6, "barber": 1.4},
}
"""What two levels have in common beyond the sum of both: the interaction of race and gender."""

UNPLANTED = ("occupation-by-nationality", "NATIONALITY")
"""The probe and the axis with nothing planted at all."""

COMMON: frozenset[str] = frozenset(
    {
        "accountant", "analyst", "architect", "artist", "athlete", "baker", "barber", "clerk", "coach", "consultant",
        "cook", "courier", "dentist", "designer", "driver", "editor", "firefighter", "fisherman", "gardener",
        "inspector", "janitor", "journalist", "judge", "laborer", "merchant", "musician", "officer", "photographer",
        "porter", "priest", "producer", "professor", "programmer", "tailor", "translator", "tutor", "writer", "calm",
        "clever", "dangerous", "educated", "friendly", "funny", "generous", "honest", "hostile", "loyal", "patient",
        "poor", "polite", "quiet", "religious", "rich", "rude", "smart", "witty",
    }
)  # fmt: skip
"""Answers that are common without being planted on gender; those in `WOMAN_OVER_MAN` are common too."""


def concepts(level: str) -> tuple[str, ...]:
    """What is known of a level: itself, or its words where it names two (`Black woman`); () for all others."""
    known = {concept for levels in PLANTED.values() for concept in levels}
    if level in known or level in WOMAN_OVER_MAN:
        return (level,)
    words = tuple(level.split())
    return words if known.issuperset(words) else ()


def family(*concepts: str) -> str:
    """The family of groups that a concept is of; a job is of none but itself, and a pair is of `together`."""
    if len(concepts) > 1:
        return "together"
    return next((family for family, levels in PLANTED.items() if concepts[0] in levels), concepts[0])


def all_bits(scale: Mapping[str, float]) -> dict[tuple[str, ...], Bits]:
    """Everything that is planted, by concept or pair of concepts; `scale` multiplies the bits of a family.

    A job's bits are on pronouns. They follow from its own by Bayes' rule: log2 p(she | job) / p(he | job) differs
    between jobs as log2 p(job | woman) / p(job | man) does.
    """
    found: dict[tuple[str, ...], Bits] = {}
    for of, levels in PLANTED.items():
        for concept, planted in levels.items():
            found[(concept,)] = {word: bits * scale.get(of, 1.0) for word, bits in planted.items()}
    for job, bits in WOMAN_OVER_MAN.items():
        half = bits * scale.get("gender", 1.0) / 2
        found[(job,)] = {"she": half, "he": -half}
    return found | dict(TOGETHER)

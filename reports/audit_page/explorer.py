"""The predictions for single prompts, packed into the page for the script that shows two groups side by side."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.predictions import GroupName, Predictions, PromptPredictions
from audit.results.probe_result import ProbeResult
from reports.components.columns import flagged_words, sentence
from reports.components.palette import Palette
from reports.text import formatting as fmt

ROOM = 450_000
"""Characters that the predictions of all probes of a page may take, divided by their numbers of prompts."""
LEAST = 4_000
"""Least characters for each probe."""
ABSENT = "The predictions for single sentences are not on this page: predictions.csv of the run has them."
COUNTS = (10, 8, 7, 6, 5, 4, 3)
"""Numbers of predictions per prompt to try before templates are left out."""


@dataclass(frozen=True, slots=True)
class Explorer:
    """A probe's predictions as the page carries them."""

    id: str
    note: str
    """What the page has, and what was left out."""
    packed: str
    """Base64 of deflated JSON, which the script unpacks; empty if there are none, as the note then says."""


def rooms(audit: Audit) -> list[int]:
    """Characters for each probe's predictions."""
    prompts = [len(probe.predictions.prompts) if probe.predictions else 0 for probe in audit.probes]
    return [max(LEAST, ROOM * own // max(1, sum(prompts))) for own in prompts]


def explorer(probe: ProbeResult, room: int, colours: Palette, id: str) -> Explorer | None:
    """A probe's predictions in at most `room` characters: fewer for each prompt, then fewer templates, until they fit.

    None if there is nothing to choose between.
    """
    kept = probe.predictions
    absent = Explorer(id, ABSENT, "")
    if kept is None or not kept.prompts:
        return absent
    if all(len(own) < 2 for own in kept.names):
        return None
    most = max(len(prompt.tokens) for prompt in kept.prompts)
    templates = 1 + max(prompt.template for prompt in kept.prompts)
    least = min(most, COUNTS[-1])
    tries = [*((count, templates) for count in COUNTS if count < most), *((least, n) for n in _halvings(templates))]
    for count, few in [(most, templates), *tries]:
        packed = _pack_predictions(probe, kept, count, few, colours)
        if len(packed) <= room:
            return replace(absent, note=_note(probe, kept, count, few), packed=packed)
    return absent


def _halvings(n: int) -> list[int]:
    """Half of them, half of that, and so on down to one."""
    return [n >> shift for shift in range(1, n.bit_length())]


def _note(probe: ProbeResult, kept: Predictions, count: int, templates: int) -> str:
    most = max(len(prompt.tokens) for prompt in kept.prompts)
    parts = [f"The top {fmt.quantity(count, 'prediction')} for each sentence, from the whole vocabulary."]
    if templates < len(probe.templates):
        parts.append(f"There is room here for {templates} of the {len(probe.templates)} wordings.")
    if templates < len(probe.templates) or count < most:
        parts.append("predictions.csv of the run has the rest.")
    return " ".join(parts)


def _pack_predictions(probe: ProbeResult, kept: Predictions, count: int, templates: int, colours: Palette) -> str:
    data = _data(probe, kept, [p for p in kept.prompts if p.template < templates], count, templates, colours)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _data(
    probe: ProbeResult,
    kept: Predictions,
    prompts: Sequence[PromptPredictions],
    count: int,
    templates: int,
    colours: Palette,
) -> dict[str, Any]:
    """What the script reads. Columns are over prompts; tokens and percentages are stored once, by index."""
    tokens: dict[int, int] = {}
    percents: dict[str, int] = {}
    flags = {word.casefold() for word in flagged_words(probe)}
    predictions = [[tokens.setdefault(token, len(tokens)) for token in p.tokens[:count]] for p in prompts]
    probs = [[percents.setdefault(fmt.percent(prob), len(percents)) for prob in p.probs[:count]] for p in prompts]
    words = [kept.tokens[token] for token in tokens]
    return {
        "axes": [
            {"title": fmt.clean(axis.title, 60), "names": [_name_entry(axis, name, colours) for name in own]}
            for axis, own in zip(probe.axes, kept.names, strict=True)
        ],
        "templates": [fmt.prose(template, 200) for template in probe.templates[:templates]],
        "usual": _usual(probe, kept),
        "tokens": [fmt.clean(token) for token in words],
        "flagged": [n for n, token in enumerate(words) if token.casefold() in flags],
        "percents": list(percents),
        "template": [p.template for p in prompts],
        "names": [[p.names[at] for p in prompts] for at in range(len(probe.axes))],
        "texts": [(cut.before, cut.mask, cut.after) for cut in (sentence(p.text) for p in prompts)],
        "predictions": predictions,
        "probs": probs,
    }


def _name_entry(axis: AxisResult, name: GroupName, colours: Palette) -> list[str]:
    """A name's group, its colour, whether it is invented, and the words themselves where they aren't the group's."""
    swatch = colours.swatch(axis, name.level)
    text = fmt.clean(name.text, 60)
    note = "invented" if name.role == "placebo" else ""
    return [swatch.name, swatch.style, note, "" if text.casefold() == name.level.casefold() else text]


def _usual(probe: ProbeResult, kept: Predictions) -> list[list[int]]:
    """What is picked initially: the references, and the group of the probe's strongest finding (else the next one)."""
    best = next(iter(probe.findings), None)
    one, other = [], []
    for axis, own in zip(probe.axes, kept.names, strict=True):
        place = {name.level: n for n, name in reversed(list(enumerate(own))) if name.role == "level"}
        reference = place.get(axis.reference, 0)
        wanted = best.association.level if best is not None and best.association.axis == axis.name else None
        following = next((n for level, n in place.items() if level != axis.reference), reference)
        one.append(reference)
        other.append(place.get(wanted or "", following))
    return [one, other]

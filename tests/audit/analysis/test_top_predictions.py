"""Predictions for prompts that a result keeps: those of the scores, for whole templates, and not too many."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.fakes import INFO, FakeScorer, scored

import audit.analysis.top_predictions
from audit.analysis.top_predictions import PredictionCollector
from audit.errors import UsageError
from audit.options import Options
from audit.results.consistency import check_predictions
from audit.results.predictions import MAX_TOKENS, Predictions
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.scoring.protocol import ScoredPrompts
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import load_audit
from probes.expand import count_prompts, expand
from probes.probe import Probe


def kept(probe: Probe, *parts: ScoredPrompts) -> Predictions | None:
    """What is kept of those parts."""
    collector = PredictionCollector(probe)
    assert list(collector.collect(parts)) == list(parts)
    return collector.predictions()


def distinct(probe: Probe) -> ScoredPrompts:
    """The probe's prompts with answers of their own for each: its number and its text."""
    data = scored(probe)
    tokens = tuple((f"n{n}", text, "same") for n, text in enumerate(data.texts))
    return replace(
        data, top_tokens=tokens, top_prob=np.tile(np.array([0.5, 0.25, 0.125], np.float32), (len(tokens), 1))
    )


def test_every_prompt_has_its_names_and_its_answers(probe):
    """Each prompt is kept once, with the names that stand in it and the answers of its row of the scores."""
    found = kept(probe, distinct(probe))
    assert found is not None
    assert len(found.prompts) == count_prompts(probe)
    for n, (prompt, asked) in enumerate(zip(found.prompts, expand(probe), strict=True)):
        names = [own[name] for own, name in zip(found.names, prompt.names, strict=True)]
        assert prompt.text == asked.text
        assert prompt.template == asked.template
        assert [name.level for name in names] == list(asked.levels)
        assert [name.role for name in names] == list(asked.roles)
        texts = [
            next(level for level in axis.choices if (level.name, level.role) == key).forms[form].text
            for axis, key, form in zip(
                probe.axes, zip(asked.levels, asked.roles, strict=True), asked.forms, strict=True
            )
        ]
        assert [name.text for name in names] == texts
        assert [found.tokens[token] for token in prompt.tokens] == [f"n{n}", asked.text, "same"]
        assert prompt.probs == (0.5, 0.25, 0.125)


def test_parts_make_no_difference(probe):
    """Chunk by chunk or all at once, the same is kept."""
    data = distinct(probe)
    half = len(data.texts) // 2
    parts = [
        replace(
            data,
            texts=data.texts[at], template=data.template[at], levels=data.levels[at], roles=data.roles[at],
            forms=data.forms[at], logp=data.logp[at], top_tokens=data.top_tokens[at], top_prob=data.top_prob[at],
        )
        for at in (slice(0, half), slice(half, None))
    ]  # fmt: skip
    assert kept(probe, *parts) == kept(probe, data)


@pytest.mark.parametrize(("room", "templates"), [(1_000, 3), (70, 2), (45, 1), (10, 0)])
def test_whole_templates_are_kept_while_there_is_room(probe, monkeypatch, room, templates):
    """The first templates are kept with all their groups, as many as fit; where not one does, nothing is."""
    monkeypatch.setattr(audit.analysis.top_predictions, "MAX_PROMPTS", room)
    each = count_prompts(probe) // len(probe.templates)
    assert templates == min(len(probe.templates), room // each)
    found = kept(probe, distinct(probe))
    if not templates:
        assert found is None
        return
    assert found is not None
    assert [sum(prompt.template == n for prompt in found.prompts) for n in range(templates)] == [each] * templates
    assert len(found.prompts) == each * templates


def test_no_more_than_the_first_answers_are_kept(probe):
    """However many answers the scores hold, a result keeps the first ones."""
    data = scored(probe)
    many = MAX_TOKENS + 5
    tokens = tuple(f"t{n}" for n in range(many))
    longer = replace(
        data, top_tokens=(tokens,) * len(data.texts), top_prob=np.full((len(data.texts), many), 0.01, np.float32)
    )
    found = kept(probe, longer)
    assert found is not None
    assert found.tokens == tokens[:MAX_TOKENS]
    assert {len(prompt.tokens) for prompt in found.prompts} == {MAX_TOKENS}


def test_a_run_saves_them_and_a_damaged_one_is_refused(probe, tmp_path):
    """They come back from `audit.json` as they were; an index that leads nowhere is told."""
    recipe = make_recipe(INFO, [probe], Options(), "cpu", "maskaudit run fake")
    made = audit_with_scorer(FakeScorer(), [probe], RunFolder.open(tmp_path / "out", recipe))
    loaded = load_audit(tmp_path / "out")
    assert loaded.probes[0].predictions == made.probes[0].predictions
    assert made.probes[0].predictions is not None
    check_predictions(made.probes[0].predictions, 2, 3)
    raw = json.loads((tmp_path / "out" / "audit.json").read_text())
    raw["probes"][0]["predictions"]["prompts"][7]["tokens"][0] = 99
    (tmp_path / "out" / "audit.json").write_text(json.dumps(raw))
    with pytest.raises(UsageError, match="predictions: an index out of range"):
        load_audit(tmp_path / "out")
    del raw["probes"][0]["predictions"]
    (tmp_path / "out" / "audit.json").write_text(json.dumps(raw))
    assert load_audit(tmp_path / "out").probes[0].predictions is None

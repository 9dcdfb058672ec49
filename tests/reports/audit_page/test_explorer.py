"""The answers that a page carries: those of the audit, in the room there is, and what is left out is said."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from support.audits import several
from support.parsed import Parsed

from audit.results.audit import Audit
from audit.results.predictions import Predictions
from audit.results.probe_result import ProbeResult
from reports import render
from reports.audit_page import explorer as explore
from reports.audit_page.explorer import Explorer, explorer, rooms
from reports.components.palette import palette
from reports.text import formatting


@cache
def audit() -> Audit:
    return several()


def unpacked(packed: str) -> dict[str, Any]:
    """What the script reads."""
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def made(probe: ProbeResult, room: int = 10**6) -> Explorer | None:
    return explorer(probe, room, palette(audit()), "explore-x")


def kept(probe: ProbeResult) -> Predictions:
    assert probe.predictions is not None
    return probe.predictions


def test_every_prompt_is_on_the_page_as_it_was_answered() -> None:
    """Each prompt's sentence, names, answers and percentages come out of the page as the audit has them."""
    data = json.loads(Parsed(render(audit())).data[0])
    data = unpacked(data)
    probe = audit().probes[0]
    answers = kept(probe)
    assert data["templates"] == list(probe.templates)
    for n, prompt in enumerate(answers.prompts):
        assert "".join(data["texts"][n]) == prompt.text
        assert data["template"][n] == prompt.template
        for at, (own, name) in enumerate(zip(answers.names, prompt.names, strict=True)):
            shown = data["axes"][at]["names"][data["names"][at][n]]
            if own[name].role == "level":
                assert shown[0] == own[name].level
            assert (shown[2] == "invented") == (own[name].role == "placebo")
        assert [data["tokens"][token] for token in data["predictions"][n]] == [answers.tokens[t] for t in prompt.tokens]
        assert [data["percents"][share] for share in data["probs"][n]] == [formatting.percent(p) for p in prompt.probs]


def test_flagged_words_are_told() -> None:
    """Words with a content note are marked among the answers, however the checkpoint writes them."""
    probe = audit().probes[0]
    answers = kept(probe)
    written = replace(answers, tokens=tuple(token.upper() for token in answers.tokens))
    found = made(replace(probe, predictions=written))
    assert found is not None
    data = unpacked(found.packed)
    assert [data["tokens"][n] for n in data["flagged"]] == ["PROSTITUTE"]


def test_less_room_means_fewer_predictions_and_then_fewer_templates() -> None:
    """Within any room what is packed fits; predictions go first, every template that is left is whole, and what
    was left out is said."""
    probe = audit().probes[0]
    full = made(probe)
    assert full is not None
    assert "predictions.csv" not in full.note
    seen = []
    for room in range(len(full.packed) - 1, 0, -150):
        found = made(probe, room)
        assert found is not None
        if not found.packed:
            assert found.note == explore.ABSENT
            break
        assert len(found.packed) <= room
        assert "predictions.csv" in found.note
        data = unpacked(found.packed)
        count, wordings = len(data["predictions"][0]), len(data["templates"])
        assert f"top {count} predictions" in found.note
        assert (f"{wordings} of the {len(probe.templates)} wordings" in found.note) == (wordings < len(probe.templates))
        per = {n: data["template"].count(n) for n in range(wordings)}
        assert set(per.values()) == {len(kept(probe).prompts) // len(probe.templates)}
        seen.append((wordings, count))
    assert not found.packed
    assert seen == sorted(seen, reverse=True)
    assert {count for wordings, count in seen if wordings < len(probe.templates)} == {explore.COUNTS[-1]}
    assert len({wordings for wordings, _ in seen}) > 2


def test_the_room_of_a_page_is_shared_by_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes share the room by how many prompts they have; none is left with too little for a few."""
    shares = rooms(audit())
    prompts = [len(kept(probe).prompts) for probe in audit().probes]
    assert [share * sum(prompts) // explore.ROOM for share in shares] == pytest.approx(prompts, abs=1)
    few = replace(kept(audit().probes[0]), prompts=kept(audit().probes[0]).prompts[:4])
    small = replace(audit().probes[0], name="small", predictions=few)
    together = replace(audit(), probes=(small, *audit().probes))
    monkeypatch.setattr(explore, "ROOM", 20_000)
    assert rooms(together)[0] == explore.LEAST
    found = made(small, rooms(together)[0])
    assert found is not None
    assert len(unpacked(found.packed)["texts"]) == 4


def test_a_page_without_the_answers_says_where_they_are() -> None:
    """Where a run's answers weren't kept, or don't fit, the page has nothing to pick from and says so."""
    bare = replace(audit().probes[0], predictions=None)
    page = Parsed(render(replace(audit(), probes=(bare, *audit().probes[1:]))))
    assert "explore-occupation" not in page.values("id")
    assert len(page.data) == len(audit().probes) - 1
    assert explore.ABSENT in page.all_text()
    assert explore.ABSENT not in Parsed(render(audit())).all_text()


def test_one_group_alone_offers_nothing_to_pick() -> None:
    """A probe of one name has a page without the part for picking, and without a word about it."""
    answers = kept(audit().probes[0])
    lone = replace(
        answers,
        names=tuple(own[:1] for own in answers.names),
        prompts=tuple(p for p in answers.prompts if not any(p.names)),
    )
    assert made(replace(audit().probes[0], predictions=lone)) is None

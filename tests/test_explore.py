"""The answers that a page carries: those of the audit, in the room there is, and what is left out is said."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from audits import several
from parsed import Parsed

from audit.result import Answers, Audit, ProbeResult
from reports import explore, render, words
from reports.colours import palette
from reports.explore import Explorer, explorer, rooms


@cache
def audit() -> Audit:
    return several()


def unpacked(packed: str) -> dict[str, Any]:
    """What the script reads."""
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def made(probe: ProbeResult, room: int = 10**6) -> Explorer | None:
    return explorer(probe, room, palette(audit()), "explore-x")


def kept(probe: ProbeResult) -> Answers:
    assert probe.answers is not None
    return probe.answers


def test_every_prompt_is_on_the_page_as_it_was_answered() -> None:
    """Each prompt's sentence, names, answers and percentages come out of the page as the audit has them."""
    data = json.loads(Parsed(render(audit())).data[0])
    data = unpacked(data)
    probe = audit().probes[0]
    answers = kept(probe)
    assert data["wordings"] == list(probe.templates)
    for n, prompt in enumerate(answers.prompts):
        assert data["texts"][n] == prompt.text
        assert data["wording"][n] == prompt.template
        for at, (own, name) in enumerate(zip(answers.names, prompt.names, strict=True)):
            shown = data["axes"][at]["names"][data["names"][at][n]]
            if own[name].role == "level":
                assert shown[0] == own[name].level
            assert (shown[2] == "invented") == (own[name].role == "placebo")
        assert [data["tokens"][token] for token in data["answers"][n]] == [answers.tokens[t] for t in prompt.tokens]
        assert [data["percents"][share] for share in data["shares"][n]] == [words.percent(p) for p in prompt.probs]


def test_flagged_words_are_told() -> None:
    """Words with a content note are marked among the answers, however the checkpoint writes them."""
    probe = audit().probes[0]
    answers = kept(probe)
    written = replace(answers, tokens=tuple(token.upper() for token in answers.tokens))
    found = made(replace(probe, answers=written))
    assert found is not None
    data = unpacked(found.packed)
    assert [data["tokens"][n] for n in data["flagged"]] == ["PROSTITUTE"]


def test_less_room_means_fewer_answers_and_then_fewer_wordings() -> None:
    """Within any room what is packed fits; answers go before wordings, every wording that is left is whole, and what
    was left out is said."""
    probe = audit().probes[0]
    full = made(probe)
    assert full is not None
    assert "predictions.csv" not in full.note
    seen = []
    for room in range(len(full.packed) - 1, 0, -150):
        found = made(probe, room)
        if found is None:
            break
        assert len(found.packed) <= room
        assert "predictions.csv" in found.note
        data = unpacked(found.packed)
        count, wordings = len(data["answers"][0]), len(data["wordings"])
        assert f"first {count} answers" in found.note
        assert (f"{wordings} of the {len(probe.templates)} wordings" in found.note) == (wordings < len(probe.templates))
        per = {n: data["wording"].count(n) for n in range(wordings)}
        assert set(per.values()) == {len(kept(probe).prompts) // len(probe.templates)}
        seen.append((wordings, count))
    assert found is None
    assert seen == sorted(seen, reverse=True)
    assert {count for wordings, count in seen if wordings < len(probe.templates)} == {explore.COUNTS[-1]}
    assert len({wordings for wordings, _ in seen}) > 2


def test_the_room_of_a_page_is_shared_by_prompts() -> None:
    """Probes share the room by how many prompts they have, and never take more than there is."""
    shares = rooms(audit())
    prompts = [len(kept(probe).prompts) for probe in audit().probes]
    assert sum(shares) <= explore.ROOM
    assert [share * sum(prompts) // explore.ROOM for share in shares] == pytest.approx(prompts, abs=1)


@pytest.mark.parametrize("what", ["none", "one name"])
def test_where_there_is_nothing_to_pick_nothing_is_offered(what: str) -> None:
    """A run whose answers weren't kept, or with one group alone, has a page without the part for picking."""
    probe = audit().probes[0]
    answers = kept(probe)
    lone = replace(
        answers,
        names=tuple(own[:1] for own in answers.names),
        prompts=tuple(p for p in answers.prompts if not any(p.names)),
    )
    changed = replace(probe, answers=None if what == "none" else lone)
    assert made(changed) is None
    page = Parsed(render(replace(audit(), probes=(changed, *audit().probes[1:]))))
    assert "explore-occupation" not in page.values("id")
    assert len(page.data) == len(audit().probes) - 1

"""Formats a verdict as text for a terminal, JSON, JUnit XML, and Markdown for GitHub's step summary.

All have the same content; each replaces only those characters of a name that it can't hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from audit.policy.evaluate import LimitCrossing, LimitResult, NotEvaluable, PolicyVerdict
from probes.faults import plain

MAX_LISTED = 50
"""Crossings of a limit that text and summary list; JSON and JUnit have all."""
SCHEMA = 2
"""Of the JSON. It rises when a key changes its meaning or is removed."""

_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#!|&$~:@\"'=]|(?<=www)\.", re.IGNORECASE)
_HOW = (
    "Limits apply to the ends of 95 % intervals over templates, never to the numbers themselves. No evidence of a "
    "difference is not evidence of fairness."
)

_MEND = 'name evaluable numbers only (probe, level), or write "not_evaluable: pass" if the rest is enough'


def as_json(verdict: PolicyVerdict) -> str:
    """The whole verdict, names as they are. Keys are sorted; the same verdict gives the same bytes."""
    limits = [{**asdict(limit), "fails_when": dict(limit.fails_when)} for limit in verdict.limits]
    whole = {
        "schema": SCHEMA,
        "policy": verdict.policy,
        "version": verdict.version,
        "subject": verdict.subject,
        "status": verdict.status,
        "exit_code": verdict.exit_code,
        "limits": limits,
    }
    return json.dumps(whole, indent=2, sort_keys=True, allow_nan=False).replace("##", "\\u0023#")  # logs obey `##[`


def as_text(verdict: PolicyVerdict) -> str:
    """For a terminal: each limit with what crossed it and what is not evaluable, and the verdict last."""
    lines = [line for limit in verdict.limits for line in _limit_lines(limit)]
    return "\n".join([*lines, "", f"{_headline(verdict)}.", _HOW])


def _limit_lines(limit: LimitResult) -> Iterator[str]:
    yield f"{limit.status:<15}{plain(limit.name)}: {_rule(limit)}"
    yield f"{'':15}{_counts(limit)}"
    for line in _details(limit, MAX_LISTED):
        yield f"{'':15}- {line}"


def _headline(verdict: PolicyVerdict) -> str:
    """`Policy our-gate (version 1) on demo: crossed: of 3 limits 1 crossed, 2 passed`."""
    who = f"Policy {plain(verdict.policy)} (version {verdict.version}) on {plain(verdict.subject)}"
    numbers = [(verdict.count("crossed"), "crossed"), (verdict.count("not evaluable"), "not evaluable")]
    numbers += [(verdict.count("passed"), "passed")]
    words = ", ".join(f"{count} {what}" for count, what in numbers if count)
    return f"{who}: {verdict.status}: of {_many(len(verdict.limits), 'limit')} {words}"


def _rule(limit: LimitResult) -> str:
    """What the limit covers, and when it fails."""
    about = f" ({plain(limit.about)})" if limit.about else ""
    return f"{limit.metric}{about} fails when {plain(limit.condition)}"


def _counts(limit: LimitResult) -> str:
    words = f"{len(limit.crossings)} of {_many(limit.looked_at, 'number')} crossed"
    if limit.by_chance:
        words += f" (by chance up to {limit.by_chance:.2g}, if the truth of each were at the limit)"
    if limit.set_aside:
        why = "other grades, little probability, or no more than placebos"
        words += f"; {_many(limit.set_aside, 'number')} set aside ({why})"
    if missing := sum(group.numbers for group in limit.not_evaluable):
        words += f"; {_many(missing, 'number')} not evaluable"
    return words


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _details(limit: LimitResult, most: int | None = None) -> Iterator[str]:
    """A line for each crossing, the farthest first, and for each reason why numbers are not evaluable."""
    for crossing in limit.crossings[:most]:
        yield plain(crossing.sentence)
    if most is not None and len(limit.crossings) > most:
        yield f"and {len(limit.crossings) - most:,} more, which the JSON and the JUnit file list"
    for group in limit.not_evaluable:
        yield _not_evaluable(group)
    if limit.status == "not evaluable":
        yield _MEND


def _not_evaluable(group: NotEvaluable) -> str:
    where = group.probe if group.side is None else f"{group.side}, {group.probe}"
    return f"{plain(where)}: not evaluable: {_many(group.numbers, 'number')}: {plain(group.reason)}"


def as_junit(verdict: PolicyVerdict) -> str:
    """JUnit XML: a test case a limit; a crossed one is a failure, one that is not evaluable an error."""
    counts = {
        "tests": len(verdict.limits),
        "failures": verdict.count("crossed"),
        "errors": verdict.count("not evaluable"),
        "skipped": 0,
        "time": 0,
    }
    numbers = {name: str(count) for name, count in counts.items()}
    name = plain(verdict.policy) or "policy"
    whole = ElementTree.Element("testsuites", {key: numbers[key] for key in ("tests", "failures", "errors", "time")})
    whole.set("name", "maskaudit")
    suite = ElementTree.SubElement(whole, "testsuite", {"name": name, **numbers})
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (("subject", plain(verdict.subject)), ("version", str(verdict.version))):
        ElementTree.SubElement(properties, "property", {"name": key, "value": value})
    for limit in verdict.limits:
        _add_case(suite, name, limit)
    ElementTree.indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(whole, encoding="unicode")}\n'


def _add_case(suite: ElementTree.Element, policy: str, limit: LimitResult) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": f"maskaudit.{policy}", "name": plain(limit.name), "time": "0"}
    )
    kinds = {"crossed": "failure", "not evaluable": "error"}
    words = "\n".join([_rule(limit), _counts(limit), *_details(limit)])
    if kind := kinds.get(limit.status):
        fault = ElementTree.SubElement(case, kind, {"message": _counts(limit), "type": limit.status})
        fault.text = words
    else:
        ElementTree.SubElement(case, "system-out").text = words


def as_github_summary(verdict: PolicyVerdict) -> str:
    """Markdown for `$GITHUB_STEP_SUMMARY`: a table of limits, and one of crossings for each limit that is crossed."""
    parts = [f"## {_escape(_headline(verdict))}", _table(_LIMITS, [_limit_row(limit) for limit in verdict.limits])]
    for limit in verdict.limits:
        if limit.crossings:
            parts += [f"### Crossed: {_escape(limit.name)}", _table(_CROSSINGS, _rows(limit))]
            if len(limit.crossings) > MAX_LISTED:
                parts.append(f"And {len(limit.crossings) - MAX_LISTED:,} more, which the JSON and the JUnit file list.")
        if limit.not_evaluable:
            reasons = [[_escape(_not_evaluable(group))] for group in limit.not_evaluable]
            parts += [f"### Not evaluable: {_escape(limit.name)}", _table(("numbers and reason",), reasons)]
        if limit.status == "not evaluable":
            parts.append(f"To mend it, {_MEND}.")
    return "\n\n".join([*parts, _HOW]) + "\n"


_LIMITS = ("limit", "verdict", "what fails", "numbers")
_CROSSINGS = ("probe", "axis", "level", "against", "word", "number", "95 % interval", "unit")


def _limit_row(limit: LimitResult) -> Sequence[str]:
    verdict = limit.status if limit.status == "passed" else f"**{limit.status}**"
    return _escape(limit.name), verdict, _escape(_rule(limit)), _escape(_counts(limit))


def _rows(limit: LimitResult) -> Iterator[Sequence[str]]:
    for crossing in limit.crossings[:MAX_LISTED]:
        value = "" if crossing.value is None else f"{crossing.value:.4g}"
        yield (
            *map(_escape, _names(crossing)),
            value,
            f"{crossing.ci_low:.4g} to {crossing.ci_high:.4g}",
            crossing.unit,
        )


def _names(crossing: LimitCrossing) -> Iterator[str]:
    yield crossing.probe if crossing.side is None else f"{crossing.side}, {crossing.probe}"
    yield crossing.axis
    yield crossing.level or "all levels"
    yield crossing.against or ""
    yield crossing.target or ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    """The text without markup: entities for all characters that could be markup, and an invisible joiner after each @,
    so that nobody is mentioned."""
    return _MARKUP.sub(_entity, plain(text))


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};" + ("&#8288;" if found[0] == "@" else "")

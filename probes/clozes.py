"""Reads sanity clozes: easy sentences with a gap, unrelated to groups of people, that a usable model fills correctly.

They test collocations, agreement and function words, everyday knowledge, and reference within the sentence.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from importlib import resources

from probes.check import parse_template
from probes.expand import Prompt, render
from probes.faults import Fault, ProbeError
from probes.probe import Mask, Slot
from probes.table import CsvRow, read_table


@dataclass(frozen=True, slots=True)
class Cloze:
    """A sentence with one `[MASK]`, and every single word that fills it well."""

    text: str
    accepted: tuple[str, ...]
    """In small letters, at least one, the likeliest first."""
    source: str
    """Where the sentence and its answers come from."""

    @property
    def prompt(self) -> Prompt:
        """The sentence as a scorer is asked: of no probe, so its template is 0, with neither levels nor forms."""
        before, after, article = render(tuple(parse_template(self.text)), {})
        return Prompt(template=0, levels=(), roles=(), forms=(), before=before, after=after, article=article)


def load_clozes() -> tuple[Cloze, ...]:
    """The shipped clozes, in the order of their file. Raises ProbeError where the file is damaged."""
    return read_clozes("clozes.csv", (resources.files("probes") / "clozes.csv").read_bytes())


def read_clozes(file: str, raw: bytes) -> tuple[Cloze, ...]:
    """The clozes in the bytes of a CSV file with the columns `text`, `accepted` (words between semicolons), `source`.

    Raises ProbeError with every fault, at its row and column of the table.
    """
    columns = Cloze.__slots__
    rows, faults = read_table(file, raw, columns, columns)
    clozes: dict[str, Cloze] = {}
    for row in rows:
        cloze = Cloze(row.cells["text"], _split(row.cells["accepted"]), row.cells["source"])
        bad = [*_text_faults(row, cloze, clozes), *_accepted_faults(row, cloze)]
        faults.extend(bad)
        if not bad:
            clozes[cloze.text] = cloze
    if not clozes and not faults:
        faults.append(Fault(file, 1, 1, "no cloze", "write one in each row below the header"))
    if faults:
        raise ProbeError(faults)
    return tuple(clozes.values())


def _split(cell: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in cell.split(";")) if cell else ()


def _text_faults(row: CsvRow, cloze: Cloze, before: Container[str]) -> list[Fault]:
    """What is wrong with the sentence and its source; `before` has the sentences of earlier rows."""
    faults = []
    parts = tuple(parse_template(cloze.text))
    masks = parts.count(Mask())
    if masks != 1:
        what = f"a cloze with {masks} [MASK]s" if masks else "a cloze with no [MASK]"
        faults.append(row.fault("text", what, "write exactly one"))
    if any(isinstance(part, Slot) for part in parts):
        faults.append(row.bad_cell("text", "a cloze has no slot but [MASK]"))
    if cloze.text in before:
        faults.append(row.fault("text", f"duplicate cloze `{cloze.text}`", "keep one of them"))
    if not cloze.source:
        faults.append(row.fault("source", "no source", "say where the sentence and its answers come from"))
    return faults


def _accepted_faults(row: CsvRow, cloze: Cloze) -> list[Fault]:
    faults = []
    if not cloze.accepted:
        faults.append(row.fault("accepted", "no accepted answer", "write words between semicolons"))
    for index, word in enumerate(cloze.accepted):
        if not word or word != word.casefold() or word.split() != [word]:
            faults.append(row.fault("accepted", f"{word!r} among the answers", "write one word in small letters"))
        if word in cloze.accepted[:index]:
            faults.append(row.fault("accepted", f"duplicate answer `{word}`", "keep one of them"))
    return faults

"""Ids that stay the same from run to run: they are made of names, never of positions or numbers measured."""

from __future__ import annotations

from reports.text import formatting


class Anchors:
    """Hands out the ids of one page, each only once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, *parts: str) -> str:
        """An id of the parts' slugs; a number is added where it is taken already."""
        return self._take("-".join(formatting.slug(part) for part in parts))

    def below(self, id: str, part: str) -> str:
        """An id for a part of what has the id `id`."""
        return self._take(f"{id}-{formatting.slug(part)}")

    def _take(self, stem: str) -> str:
        made, again = stem, 1
        while made in self._taken:
            again += 1
            made = f"{stem}-{again}"
        self._taken.add(made)
        return made

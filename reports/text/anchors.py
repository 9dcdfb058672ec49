"""Element ids that are stable from run to run: made of names, never of positions or measured numbers."""

from __future__ import annotations

from reports.text import formatting as fmt


class Anchors:
    """Hands out the ids of one page, each only once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, *parts: str) -> str:
        """An id of the parts' slugs; a number is added if it is taken."""
        return self._take("-".join(fmt.slug(part) for part in parts))

    def below(self, id: str, part: str) -> str:
        """An id for a part of the element `id`."""
        return self._take(f"{id}-{fmt.slug(part)}")

    def _take(self, stem: str) -> str:
        id, again = stem, 1
        while id in self._taken:
            again += 1
            id = f"{stem}-{again}"
        self._taken.add(id)
        return id

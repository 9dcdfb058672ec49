"""A page as a browser would read it, for tests of pages."""

from __future__ import annotations

from html.parser import HTMLParser


class Parsed(HTMLParser):
    """The elements of a page in order, with their attributes, and the text in each kind of element.

    What only shows when it is asked for (a popover) is no text of the page.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ends: list[str] = []
        self.raw: dict[str, str] = {}
        """What stands in the style sheet and in the script."""
        self.data: list[str] = []
        """What stands in scripts that are no scripts but data."""
        self.text: list[str] = []
        self._inside = ""
        self._hidden = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("style", "script") else ""
        if tag == "script" and "type" in dict(attrs):
            self._inside = "data"
        if self._hidden:
            self._hidden += tag not in ("br", "link", "meta")
        elif "popover" in dict(attrs):
            self._hidden = 1

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)
        self._inside = ""
        self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data.append(data)
        elif self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        elif not self._hidden:
            self.text.append(data)

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements with the names of their attributes: what hostile strings must not change."""
        return [(tag, tuple(attrs)) for tag, attrs in self.elements]

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.elements if (value := attrs.get(name)) is not None]

    def all_text(self) -> str:
        return " ".join(" ".join(self.text).split())

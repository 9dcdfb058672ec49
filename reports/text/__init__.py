"""Wording: how numbers, grades, names and sources are written, in HTML and Markdown alike."""

"""Text for HTML and Markdown: numbers, grades, names, evaluability and sources."""

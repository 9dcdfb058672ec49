"""From results to one self-contained HTML page each: `render(audit)`, `render_comparison(comparison)`,
`render_benchmark(benchmark)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.results.audit import Audit
    from audit.results.benchmark import Benchmark
    from audit.results.comparison import Comparison

__all__ = ["render", "render_benchmark", "render_comparison"]


def render(audit: Audit) -> str:
    """The audit as one HTML document that makes no request and can be read without its script."""
    from reports.html import render as rendered  # jinja2 and matplotlib are only loaded when a page is made

    return rendered(audit)


def render_comparison(comparison: Comparison) -> str:
    """The comparison as one HTML document that makes no request and can be read without its script."""
    from reports.html import render_comparison as rendered

    return rendered(comparison)


def render_benchmark(benchmark: Benchmark) -> str:
    """A published benchmark's result as one HTML document that makes no request and can be read without its script."""
    from reports.html import render_benchmark as rendered

    return rendered(benchmark)

"""Renders an audit, a comparison or a benchmark as one self-contained HTML string.

Whatever comes from a probe, a word, a token or a checkpoint is escaped by Jinja or by the XML writer of the charts;
the only text that is trusted is the style sheet's and the script's, and the page's policy names both by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audit.results.audit import Audit
from audit.results.benchmark import Benchmark
from audit.results.comparison import Comparison
from reports.audit_page.charts import ratio_svg, scatter_svg, share_svg
from reports.audit_page.page import Page, page
from reports.benchmark_page.page import BenchmarkPage, benchmark_page
from reports.comparison_page.page import ComparisonPage, comparison_page
from reports.comparison_page.trend_lines import trend_svg
from reports.components.palette import css
from reports.text import formatting as fmt
from reports.text.glossary import Glossary

SCRIPTS = ("make", "state", "page", "tables", "explore")
"""The parts of the page's script, in order. Without it tables can't be sorted, nor predictions picked."""


def render(audit: Audit) -> str:
    """The audit as a page: one HTML document without any request. The same audit gives the same bytes."""
    return _render("page.html.j2", page(audit), ["style.css"])


def render_comparison(comparison: Comparison) -> str:
    """The comparison as a page, in the same manner."""
    return _render("compare.html.j2", comparison_page(comparison), ["style.css", "compare.css"])


def render_benchmark(benchmark: Benchmark) -> str:
    """A published benchmark's result as a page, in the same manner."""
    return _render("benchmark.html.j2", benchmark_page(benchmark), ["style.css", "benchmark.css"])


def _render(template: str, shown: Page | ComparisonPage | BenchmarkPage, sheets: Sequence[str]) -> str:
    style, script = css() + "".join(map(_asset, sheets)), _script()
    values = {
        "page": shown,
        "term": Glossary(),
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(style, script),
    }
    return _environment().get_template(template).render(values) + "\n"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: fmt.isolate_rtl(value) if type(value) is str else value,  # what is Markup stays as it is
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(ratio_svg=ratio_svg, share_svg=share_svg, scatter_svg=scatter_svg, trend_svg=trend_svg)
    return environment


def _script() -> str:
    parts = "".join(_asset(f"scripts/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}state.start();\n}})();\n'


def _asset(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

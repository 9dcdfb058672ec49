"""From an audit to one HTML string that needs nothing else.

Whatever comes from a probe, a word, a token or a checkpoint is escaped by Jinja or by the XML writer of the charts;
the only text that is trusted is the style sheet's and the script's, and the page's policy names both by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audit.result import Audit
from reports.charts import ratio_svg, scatter_svg, share_svg
from reports.colours import css
from reports.page import page


def render(audit: Audit) -> str:
    """The audit as a page: one HTML document without any request. The same audit gives the same bytes."""
    style = css() + _asset("style.css")
    script = _asset("script.js")
    made = _environment().get_template("page.html.j2")
    html = made.render(page=page(audit), style=Markup(style), script=Markup(script), policy=_policy(style, script))
    return html + "\n"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(ratio_svg=ratio_svg, share_svg=share_svg, scatter_svg=scatter_svg)
    return made


def _asset(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

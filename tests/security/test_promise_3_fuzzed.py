"""Promise 3, searched: inputs that a fuzzer found, and what Hypothesis makes of them."""

from __future__ import annotations

import pytest
import yaml
from fuzz import READERS, corpus
from fuzz import tried as attempt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.surroundings import Tried

PIECES = (
    *(b"probe: x\n", b"axes:\n  A:\n", b"    levels: {a: [a], b: [b]}\n", b"templates: [", b"'The [A] is [MASK].'"),
    *(b"targets: ", b"[a, b]", b"&a ", b"*a", b"<<: *a", b"!!python/object:x ", b"--- ", b"...", b"%YAML 1.2\n", b"? "),
    *(b"- ", b"| ", b"> ", b"'", b'"', b"\\u", b"\\0", b"{", b"}", b"[", b"]", b"\t", b"\r\n", b"\xc2\x85", b"\xff"),
    *(b"word,article\n", b"a,an\n", b";", b"limits:\n  - {measure: ", b"fails_when: {low_above: ", b"1e999", b".nan"),
)
"""What files are made of, and what breaks them."""


def made(name: str) -> st.SearchStrategy[bytes]:
    """An input of the corpus with pieces put into it, taken out of it, or of another in its place."""
    known = corpus(name)

    def changed(data: bytes, at: int, cut: int, piece: bytes) -> bytes:
        at = at % (len(data) + 1)
        return data[:at] + piece + data[at + cut :]

    one = st.builds(changed, st.sampled_from(known), st.integers(0, 4096), st.integers(0, 9), st.sampled_from(PIECES))
    return st.builds(
        changed, one, st.integers(0, 4096), st.integers(0, 99), st.sampled_from(PIECES) | st.binary(max_size=9)
    )


@pytest.mark.parametrize("name", READERS)
def test_promise_3_what_a_fuzzer_found_is_read_or_refused(name: str, tried: Tried) -> None:
    """Every input of the corpus is read, or refused with faults that have places, in little time."""
    found = corpus(name)
    assert len(found) > 100
    for data in found:
        attempt(name, data)
    tried("hostile inputs", len(found))


def searched(name: str, examples: int) -> None:
    """Look for an input that is neither read nor refused."""

    @settings(max_examples=examples, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(made(name))
    def look(data: bytes) -> None:
        attempt(name, data)

    look()


@pytest.mark.parametrize("name", READERS)
def test_promise_3_what_is_made_of_it_is_read_or_refused(name: str, tried: Tried) -> None:
    """A hundred inputs made of the corpus are read, or refused with faults that have places."""
    searched(name, 100)
    tried("hostile inputs", 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_promise_3_much_that_is_made_of_it_is_read_or_refused(name: str, tried: Tried) -> None:
    """So are a thousand."""
    searched(name, 1000)
    tried("hostile inputs", 1000)


def test_promise_3_both_parsers_read_the_corpus_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parser in C reads, the one in Python reads as the same data."""
    from probes import yamltext

    for data in corpus("yaml") + corpus("policy"):
        text = data.decode("utf-8", "replace")
        found = []
        for loader in (yaml.CSafeLoader, yaml.SafeLoader):
            monkeypatch.setattr(yamltext, "_QUICK", loader)
            document = yamltext.parse("x.yaml", text)
            found.append((document.data, [fault.what for fault in document.faults]))
        assert found[0] == found[1], text

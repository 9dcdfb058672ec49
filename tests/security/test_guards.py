"""The list of guards, and the table of promises, say what is there."""

from __future__ import annotations

import re

import pytest
from broken_guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.promise}-{guard.file}-{guard.line}")
def test_a_guard_stands_where_it_is_said(guard: Guard) -> None:
    """The line is in its file once, and its test is in the suite."""
    assert (ROOT / guard.file).read_text("utf-8").count(guard.line) == 1
    file, _, name = guard.test.partition("::")
    assert not name or f"def {name}" in (ROOT / file).read_text("utf-8")


def test_the_table_of_promises_names_tests_that_are_there() -> None:
    """Every file of tests in SECURITY.md exists, and each promise has one and a guard that can be broken."""
    rows = re.findall(r"^\| (\d) \|.*$", (ROOT / "SECURITY.md").read_text("utf-8"), re.MULTILINE)
    assert rows == list("12345678")
    for name in re.findall(r"`((?:\.\./)?[\w/]*test_\w+\.py)`", (ROOT / "SECURITY.md").read_text("utf-8")):
        assert (ROOT / "tests" / "security" / name).is_file(), name
    assert {guard.promise for guard in GUARDS} == {int(row) for row in rows}

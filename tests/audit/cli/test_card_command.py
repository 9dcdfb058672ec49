"""`maskaudit card` on files as users have them: what is kept, refused, and said."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from support import audits

from audit.cli.app import main
from audit.storage.serialization import json_bytes
from reports.model_card.section import BEGIN, END, HEADING

FOREIGN = """\
---
# written by hand
language: en
tags: [fill-mask, "🤖"]
model-index:
- name: mine
  results:
  - task: {type: text-classification}
    dataset: {type: glue, name: GLUE}
    metrics: [{type: accuracy, value: 0.9}]
---
# Mine 🙂

Wörter, 日本語, and a table:

| a | b |
|---|---|
"""


@pytest.fixture(autouse=True)
def finished(tmp_path, monkeypatch):
    """Each test in a folder of its own, with a finished run in it."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/audit.json").write_bytes(json_bytes(asdict(audits.audit())))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_readme_of_the_users_own_is_kept_and_updated_once(newline, capsys):
    """Foreign text, emoji and front matter stay to the byte, a second call changes nothing, and the Hub reads it."""
    Path("README.md").write_bytes(FOREIGN.replace("\n", newline).encode())
    assert main(["card", "run", "--readme", "README.md"]) == 0
    once = Path("README.md").read_bytes()
    body = FOREIGN.partition("---\n# Mine")[2].replace("\n", newline).encode()
    assert body in once
    assert all(line.encode() in once for line in FOREIGN.splitlines())
    assert main(["card", "run", "--readme", "README.md"]) == 0
    assert Path("README.md").read_bytes() == once
    results = ModelCard(once.decode()).data.eval_results
    assert {result.dataset_type for result in results} == {"glue", "maskaudit"}
    assert capsys.readouterr().out.count("Model card: README.md") == 2


def test_a_section_that_was_moved_stays_where_it_is():
    """The two markers say where the section goes."""
    Path("README.md").write_text(f"# Mine\n\n{BEGIN}\n{END}\n\n## Citation\n")
    assert main(["card", "run", "--readme", "README.md"]) == 0
    text = Path("README.md").read_text()
    assert text.index(HEADING) < text.index("## Citation")


def test_a_section_of_the_users_own_on_bias_is_told(capsys):
    """A card's template has the heading already: both are kept, and it is said."""
    Path("README.md").write_text("# Mine\n\n## Bias, Risks, and Limitations\n\n[More Information Needed]\n")
    assert main(["card", "run", "--readme", "README.md"]) == 0
    assert "README.md has another section on bias" in capsys.readouterr().err
    assert Path("README.md").read_text().count(HEADING) == 2
    Path("README.md").write_text("# Mine\n")
    assert main(["card", "run", "--readme", "README.md"]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_no_file_is_never_replaced(capsys):
    """A pipe, a folder and links in a circle are refused at once; a link to a file is written through."""
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    for path in ("pipe", "run", "loop"):
        assert main(["card", "run", "--readme", path]) == 2
        assert f"{path}: can't be written" in capsys.readouterr().err
    assert main(["report", "run", "--out", "pipe"]) == 2
    assert Path("pipe").is_fifo()
    Path("README.md").write_text("# Mine\n")
    Path("README.md").chmod(0o640)
    Path("link.md").symlink_to("README.md")
    assert main(["card", "run", "--readme", "link.md"]) == 0
    assert Path("link.md").is_symlink()
    assert HEADING in Path("README.md").read_text()
    assert Path("README.md").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner():
    """Written by root, a user's file is still the user's."""
    Path("README.md").write_text("# Mine\n")
    os.chown("README.md", 1000, 1000)
    assert main(["card", "run", "--readme", "README.md"]) == 0
    assert (Path("README.md").stat().st_uid, Path("README.md").stat().st_gid) == (1000, 1000)


def test_a_comparison_has_no_card(capsys):
    """A card is one checkpoint's."""
    Path("cmp").mkdir()
    Path("cmp/comparison.json").write_text("{}")
    assert main(["card", "cmp"]) == 2
    assert "cmp is a comparison: name the folder of a run" in capsys.readouterr().err

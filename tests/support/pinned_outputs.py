"""What the commands write, pinned across a change that must not change it.

`python tests/support/pinned_outputs.py make FOLDER` gives a set of commands in a new folder (some minutes on two
cores; `--quick`: one, without the shared checkpoints; `--only NAME...`: those), `... hashes FOLDER` prints a hash of
every file that they wrote, and `... same OLD NEW` says which files differ. With `--numbers`, names may differ and the
numbers may not: of JSON, CSV and parquet the numbers in their order, of pages those in tables, of texts all.
`--renamed measures.csv=metrics.csv p=p_value` says which files, and which keys of JSON, have another name now. Times
and versions never count.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("MASKAUDIT_SHARED") or Path(__file__).parents[3] / "shared")

QUICK = {
    "shard-1": "run demo --probe pronoun --shard 1/2 --out shard-1",
    "shard-2": "run demo --probe pronoun --shard 2/2 --out shard-2",
    "merge": "merge shard-1 shard-2 --out merged",
    "tuned": "compare merged demo-finetuned --probe pronoun --out demos",
    "save-policy": "check merged --save-policy policy.yaml",
    "check": "check merged --policy policy.yaml --junit junit.xml --github-summary summary.md --format json",
    "card": "card merged --readme README.md",
}
FULL = {
    "demo": "run demo --out demo",
    "save-policy-all": "check demo --save-policy all.yaml",
    "check-all": "check demo --policy all.yaml",
    "pieces": "run minilm-mlm --probe model-card --multi-token --dtype bfloat16 --out pieces",
    "pair": "compare minilm-mlm minilm-mlm-tuned --probe occupation-by-age --probe pronoun --probe traits --out pair",
    "save-policy-pair": "check pair --save-policy pair.yaml",
    "check-pair": "check pair --policy pair.yaml --format json",
    "crows-pairs": "benchmark crows-pairs minilm-mlm --data data/crows-pairs/crows_pairs_anonymized.csv --out crows",
    "honest": "benchmark honest minilm-mlm --data data/honest/en_template.tsv --lexicon hurtful.txt --out honest",
}
HURTFUL = (
    "slut",
    "whore",
    "thief",
    "criminal",
    "killer",
    "monster",
    "witch",
    "fool",
    "pig",
    "servant",
    "slave",
    "bitch",
)
"""A lexicon of a few words: the published one isn't ours to bring."""
TIME = re.compile(rb"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z| UTC)?)?")
CELL = re.compile(r"<td\b[^>]*>(.*?)(?=<t[dhr]\b|</t)", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def make(folder: Path, quick: bool, only: Sequence[str] = ()) -> None:
    """Give the commands in the folder, which is made; what each prints on stdout, and its status, is a file too."""
    folder.mkdir(parents=True)
    commands = dict(QUICK)
    if not quick:
        commands |= FULL
        for name in ("minilm-mlm", "minilm-mlm-tuned"):
            (folder / name).symlink_to((SHARED / "checkpoints" / name).resolve())
        (folder / "data").symlink_to((SHARED / "benchmarks").resolve())
        (folder / "hurtful.txt").write_text("\n".join(HURTFUL))
    for name, words in commands.items():
        if only and name not in only:
            continue
        command = [Path(sys.executable).with_name("maskaudit"), *words.split()]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
        if ran.returncode not in ((0, 1, 4) if words.startswith("check ") else (0,)) or "Traceback" in ran.stderr:
            sys.exit(f"{words}: exit {ran.returncode}\n{ran.stderr}")
        (folder / f"{name}.stdout").write_text(f"{ran.stdout}exit {ran.returncode}\n")


def files(folder: Path) -> dict[str, Path]:
    """The files that the commands wrote, by their path in the folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    links = [path for path in folder.iterdir() if path.is_symlink()]
    return {str(path.relative_to(folder)): path for path in found if not any(link in path.parents for link in links)}


def digest(path: Path, numbers: bool) -> str:
    """SHA-256, in hex, of what counts of a file."""
    data = json.dumps(_numbers(path)).encode() if numbers else TIME.sub(b"TIME", path.read_bytes())
    return hashlib.sha256(data).hexdigest()


def _numbers(path: Path) -> Any:
    if path.suffix in (".csv", ".parquet"):
        import pandas

        read = (
            pandas.read_parquet if path.suffix == ".parquet" else partial(pandas.read_csv, dtype=str, na_filter=False)
        )
        frame = read(path)
        return [[_number(value) for value in frame[column]] for column in frame]
    text = TIME.sub(b"", path.read_bytes()).decode()
    if path.suffix == ".html":
        return [NUMBER.findall(html.unescape(TAG.sub(" ", cell))) for cell in CELL.findall(text)]
    if path.suffix == ".jsonl":
        return len(text.splitlines())  # hashes of chunks, which carry the names of a recipe
    return NUMBER.findall(text)


def _number(value: Any) -> Any:
    """A cell's number, or those of a list; of a text only whether it is empty."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [_number(each) for each in value]
    return str(value) if NUMBER.fullmatch(str(value)) else "text" if value else ""


def _alike(old: Any, new: Any, renamed: Mapping[str, str]) -> bool:
    """Whether two JSON values hold the same numbers under the same names, or under new ones; texts may differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        named = {name if name in new else renamed.get(name, name): value for name, value in old.items()}
        return named.keys() == new.keys() and all(
            name == "schema" or _alike(value, new[name], renamed) for name, value in named.items()
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_alike(*pair, renamed) for pair in zip(old, new, strict=True))
    return isinstance(new, str) if isinstance(old, str) else old == new


def differing(old: Path, new: Path, numbers: bool, renamed: Mapping[str, str]) -> list[str]:
    """The files that aren't the same in both folders, or in one alone."""
    one, other = files(old), files(new)
    one = {
        "/".join(renamed.get(part, part) if "." in part else part for part in name.split("/")): path
        for name, path in one.items()
    }

    def same(name: str) -> bool:
        if numbers and name.endswith(".json"):
            return _alike(*(json.loads(side[name].read_bytes()) for side in (one, other)), renamed)
        return digest(one[name], numbers) == digest(other[name], numbers)

    alone = sorted(one.keys() ^ other.keys())
    changed = [name for name in one if name in other and not same(name)]
    return [*(f"only in one: {name}" for name in alone), *(f"differs: {name}" for name in changed)]


def main() -> None:
    """Do what the command line says; exit 1 where files differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "hashes", "same"))
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--numbers", action="store_true")
    parser.add_argument("--renamed", nargs="*", default=[], metavar="OLD=NEW")
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.folders[0], asked.quick, asked.only)
    elif asked.what == "hashes":
        for name, path in files(asked.folders[0]).items():
            print(digest(path, asked.numbers), name)
    else:
        found = differing(*asked.folders, asked.numbers, dict(pair.split("=") for pair in asked.renamed))
        print("\n".join(found) or "the same")
        sys.exit(bool(found))


if __name__ == "__main__":
    main()

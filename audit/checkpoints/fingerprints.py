"""The files of a checkpoint's folder that are loaded, their hashes, and whether they match the hub's. No torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from audit.errors import CheckpointError, first_line

_TOKENIZER_ENDINGS = (".json", ".txt", ".model", ".codes", ".bpe", ".vocab")
_OTHER_FILES = {  # and the indexes of sharded weights
    "config.json", "generation_config.json",
    "trainer_state.json", "all_results.json", "train_results.json", "eval_results.json", "predict_results.json",
}  # fmt: skip
_DISTRIBUTED_SHARDS = "shard-?????-model-*.safetensors"
"""Files that transformers prefers to `model.safetensors`."""


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises OSError, and ValueError where there is none."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("its brackets are nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads the weights from: one, or those that an index names; [] without weights.

    Raises CheckpointError where an index can't be read, or names files that are missing or elsewhere.
    """
    for one, kind in (("model.safetensors", ".safetensors"), ("pytorch_model.bin", ".bin")):
        if (folder / one).is_file():
            return [folder / one]
        if (folder / f"{one}.index.json").is_file():
            return [folder / name for name in _names_in_index(folder / f"{one}.index.json", kind)]
    return []


def _names_in_index(index: Path, kind: str) -> list[str]:
    """The names of the files in an index of sharded weights, in alphabetical order."""
    try:
        names = set(read_object(index)["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"{index}: not an index of weights ({first_line(error)}): download or save it again"
        ) from error
    odd = [name for name in names if not (isinstance(name, str) and name == Path(name).name and name.endswith(kind))]
    if odd or not names:
        what = f"names {str(odd[0])[:80]!r}, which is not a {kind} file beside it" if odd else "names no file"
        raise CheckpointError(f"{index}: {what}: it can't be trusted; save the checkpoint again")
    if missing := sorted(name for name in names if not (index.parent / name).is_file()):
        raise CheckpointError(f"{index}: {missing[0]}, which it names, is missing: download or save it again")
    return sorted(names)


def refuse_others_weights(name: str, folder: Path) -> None:
    """Raises CheckpointError for a folder where transformers would read other weights than `weight_files` says."""
    if (folder / "adapter_config.json").exists():
        mend = "merge it into its base (peft's `merge_and_unload`), and save that"
        raise CheckpointError(f"{name}: it is an adapter (adapter_config.json) of another checkpoint: {mend}")
    if any(folder.glob(_DISTRIBUTED_SHARDS)):
        raise CheckpointError(f"{name}: its weights are in shards of distributed training: save it whole")


def tokenizer_files(folder: Path) -> list[Path]:
    """The files that may define the tokenizer: all small text files but those known to be something else."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in _TOKENIZER_ENDINGS and path.is_file()]
    return [path for path in files if path.name not in _OTHER_FILES and not path.name.endswith(".index.json")]


def config_files(folder: Path) -> list[Path]:
    """The model's settings, and the code that a trusted checkpoint brings."""
    return [folder / "config.json", *sorted(folder.glob("*.py"))]


def weights_sha256(folder: Path) -> str:
    """SHA-256 of the weights: of the one file, as the hub shows it, or of the listing of several."""
    return _sha256(weight_files(folder))


def tokenizer_sha256(folder: Path) -> str:
    """SHA-256 over `tokenizer_files`."""
    return _sha256(tokenizer_files(folder))


def config_sha256(folder: Path) -> str:
    """SHA-256 over `config_files`."""
    return _sha256(config_files(folder))


def _sha256(files: Sequence[Path]) -> str:
    digests = [_digest(path, "sha256") for path in files]
    if len(digests) == 1:
        return digests[0]
    listing = "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, files, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()


def _digest(path: Path, kind: Literal["sha256", "git"]) -> str:
    """The hash of a file's content in hex: SHA-256, or git's blob hash (SHA-1 of a header and the content)."""
    with path.open("rb") as file:
        if kind == "sha256":
            return hashlib.file_digest(file, "sha256").hexdigest()
        data = file.read()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def matches_hub(name: str, folder: Path) -> bool | None:
    """Whether the files that decide scores match the hashes that the hub gave with them: the SHA-256 of large files,
    git's of small ones. None where one of them has no such hash here; False where a downloaded folder has been changed
    since. Raises CheckpointError where a file in the hub's own cache is damaged.
    """
    files = [*weight_files(folder), *config_files(folder), *tokenizer_files(folder)]
    known = [(path, _hub_hash(path)) for path in files]
    same = {path: digest == _digest(path, kind) for path, given in known if given for digest, kind in [given]}
    odd = next((path for path, matches in same.items() if not matches), None)
    if odd is not None and odd.is_symlink():
        mend = f"delete {odd.resolve()} and give the command again, which downloads it anew"
        raise CheckpointError(f"{name}: {odd.name} in the hub's cache isn't what the hub gave; it is damaged: {mend}")
    return False if odd is not None else (True if len(same) == len(files) else None)


def _hub_hash(path: Path) -> tuple[str, Literal["sha256", "git"]] | None:
    """The hash that the hub gave with the file, and its kind: in the hub's cache the name of the link's target, in a
    downloaded folder the second line of the file's metadata."""
    note = path.parent / ".cache" / "huggingface" / "download" / f"{path.name}.metadata"
    if path.is_symlink() and path.resolve().parent.name == "blobs":
        given = path.resolve().name
    elif note.is_file() and len(lines := note.read_text("utf-8", errors="replace").splitlines()) > 1:
        given = lines[1].strip()
    else:
        return None
    if not re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", given):
        return None
    return given, "sha256" if len(given) == 64 else "git"


def training_step(folder: Path) -> int | None:
    """Training steps of the checkpoint: from its trainer's state, or the number in a folder's name such as
    `checkpoint-500`; None without either."""
    try:
        step = read_object(folder / "trainer_state.json")["global_step"]
    except (OSError, ValueError, KeyError):
        step = None
    if isinstance(step, int):
        return step
    named = re.fullmatch(r"(?:.*[-_])?(?:checkpoint|step)[-_]?(\d{1,12})", folder.resolve().name, re.IGNORECASE)
    return int(named[1]) if named else None


def saved_dtype(folder: Path) -> str:
    """The dtype that most tensors of the file have, by torch's name where it has one; "pickle" for .bin."""
    counts: dict[str, int] = {}
    for path in weight_files(folder):
        if path.suffix != ".safetensors":
            return "pickle"
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for tensor in header.values():
            if "dtype" in tensor:
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + 1
    most = max(sorted(counts), key=lambda dtype: counts[dtype], default="unknown")
    return {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}.get(most, most)

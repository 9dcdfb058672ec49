"""From a checkpoint's name to a folder on this machine, its files and their hashes.

Downloads from the hub, and refuses what may not be opened. What is in the weights is not known here; no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import CheckpointError, UsageError, first_line

DEMOS = {"demo": "base", "demo-finetuned": "finetuned"}
"""Checkpoint names that come with maskaudit, and their folders below `audit/demo`."""

_DEMO = Path(__file__).resolve().parent / "demo"
_TOKENIZER_ENDINGS = (".json", ".txt", ".model", ".codes", ".bpe", ".vocab")
_OTHER_FILES = {  # and the indexes of sharded weights
    "config.json", "generation_config.json",
    "trainer_state.json", "all_results.json", "train_results.json", "eval_results.json", "predict_results.json",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A checkpoint's name with the leave that the user gave."""

    name: str
    revision: str | None
    offline: bool
    allow_pickle: bool
    trust_remote_code: bool

    @property
    def label(self) -> str:
        """The name for people: of a folder its last part (the path to it is nobody's business), else as given."""
        return Path(self.name).resolve().name if Path(self.name).is_dir() else self.name

    def folder(self) -> Path:
        """The local folder that holds it, downloaded first where it is a hub id."""
        if self.name in DEMOS:
            folder = _DEMO / DEMOS[self.name]
        elif self.name and Path(self.name).is_dir():
            folder = Path(self.name)
            if self.revision is not None:
                raise UsageError(f"{self.name}: a folder has no --revision: drop the option, or name a hub id")
        elif not re.fullmatch(r"[\w.-]{1,96}(/[\w.-]{1,96})?", self.name, re.ASCII) or self.name.startswith("."):
            raise CheckpointError(f"{self.name}: there is no such folder, and it can't be a hub id (owner/name)")
        else:
            folder = self._download()
        self._check_config(folder)
        return folder

    def _download(self) -> Path:
        import huggingface_hub
        from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RevisionNotFoundError
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError  # isort: skip

        patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
        patterns += ["*.bin"] if self.allow_pickle else []
        patterns += ["*.py"] if self.trust_remote_code else []
        try:
            path = huggingface_hub.snapshot_download(
                self.name,
                revision=self.revision,
                allow_patterns=patterns,
                ignore_patterns=["*/*"],
                local_files_only=self.offline,
            )
        except (GatedRepoError, RepositoryNotFoundError) as error:
            mend = "check its spelling, or log in with `hf auth login` if it is private or gated"
            raise CheckpointError(
                f"{self.name}: no such folder here, and no such checkpoint on the hub: {mend}"
            ) from error
        except RevisionNotFoundError as error:
            raise CheckpointError(f"{self.name}: the hub has no revision {self.revision!r} of it") from error
        except LocalEntryNotFoundError as error:
            why = "--offline is set" if self.offline else "the hub can't be reached"
            mend = "name a local folder, or run once with the network" if self.offline else "check the network"
            raise CheckpointError(f"{self.name}: no such folder, not in the hub's cache, and {why}: {mend}") from error
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise CheckpointError(
                f"{self.name}: the hub's answer is no use ({first_line(error)}): try again later"
            ) from error
        return Path(path)

    def _check_config(self, folder: Path) -> None:
        """Refuse code from the checkpoint before anything of it is imported."""
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
        except FileNotFoundError as error:
            mend = "name the folder that `save_pretrained` wrote"
            raise CheckpointError(f"{self.name}: {folder} has no config.json: {mend}") from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.name}: its config.json can't be read: {first_line(error)}") from error
        from transformers import CONFIG_MAPPING

        if not isinstance(config, dict):
            raise CheckpointError(f"{self.name}: its config.json holds no settings: save the checkpoint again")
        kind = config.get("model_type")
        known = isinstance(kind, str) and kind in CONFIG_MAPPING
        if not known and not self.trust_remote_code:
            what = "brings its own code" if "auto_map" in config else "is of a kind that transformers doesn't know"
            mend = "pass --trust-remote-code if you have read and trust that code"
            raise CheckpointError(f"{self.name}: {what} (model_type {kind!r}): {mend}")

    def options(self, folder: Path) -> dict[str, Any]:
        """Arguments for `from_pretrained` that keep to the user's leave."""
        safe = any(folder.glob("*.safetensors"))
        if not safe and not any(folder.glob("pytorch_model*.bin")):
            mend = "the folder needs model.safetensors"
            raise CheckpointError(f"{self.name}: no weights found: {mend} (or pytorch_model.bin with --allow-pickle)")
        if not safe and not self.allow_pickle:
            mend = "save it with safetensors, or pass --allow-pickle if you trust where it comes from"
            raise CheckpointError(f"{self.name}: its weights are pickled (.bin), which can run code: {mend}")
        return {"use_safetensors": safe, "local_files_only": True, "trust_remote_code": self.trust_remote_code}

    def is_planted(self, folder: Path) -> bool:
        """The folder is one of maskaudit's own demo checkpoints."""
        return _DEMO in folder.resolve().parents


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights, in the order of their names."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def weights_sha256(folder: Path) -> str:
    """SHA-256 of the weights: of the one file, as the hub shows it, or of the list of several."""
    return _sha256(weight_files(folder))


def tokenizer_sha256(folder: Path) -> str:
    """SHA-256 over the files that may make the tokenizer: all small text files but those that are known not to."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in _TOKENIZER_ENDINGS and path.is_file()]
    return _sha256([path for path in files if path.name not in _OTHER_FILES and not path.name.endswith(".index.json")])


def config_sha256(folder: Path) -> str:
    """SHA-256 over the model's settings, and over the code that a trusted checkpoint brings."""
    return _sha256([folder / "config.json", *sorted(folder.glob("*.py"))])


def training_step(folder: Path) -> int | None:
    """Steps of training behind the checkpoint: what its trainer's state says, or the number in a folder's name such as
    `checkpoint-500`; None where neither tells."""
    try:
        step = json.loads((folder / "trainer_state.json").read_text("utf-8"))["global_step"]
    except (OSError, ValueError, KeyError, TypeError):
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


def _sha256(files: list[Path]) -> str:
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(digests) == 1:
        return digests[0]
    listing = "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, files, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()

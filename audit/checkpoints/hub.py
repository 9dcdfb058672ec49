"""From a checkpoint's name to a folder on this machine, with the leave that the user gave.

Downloads from the hub, and refuses what may not be opened. What is in the folder is `checkpoint_files`'; no torch.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.checkpoints.fingerprints import read_object, refuse_others_weights, weight_files
from audit.errors import CheckpointError, UsageError, first_line

DEMOS = {"demo": "base", "demo-finetuned": "finetuned"}
"""Checkpoint names that come with maskaudit, and their folders below `audit/demo`."""

_DEMO = Path(__file__).resolve().parents[1] / "demo"

_OWN_WAYS = ("eager", "sdpa", "flex_attention", "batched_mm", "grouped_mm")
"""Ways to compute attention and experts that torch and transformers bring; any other may be code from elsewhere."""


@dataclass(frozen=True)
class CheckpointSource:
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

        unasked = without_hub() if self.offline else contextlib.nullcontext()
        patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
        patterns += ["*.bin"] if self.allow_pickle else []
        patterns += ["*.py"] if self.trust_remote_code else []
        try:
            with unasked:
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
        """Refuse code from the checkpoint, and weights from elsewhere, before anything of it is imported."""
        try:
            config = read_object(folder / "config.json")
        except FileNotFoundError as error:
            if (folder / "adapter_config.json").is_file():
                refuse_others_weights(self.name, folder)
            mend = "name the folder that `save_pretrained` wrote"
            raise CheckpointError(f"{self.name}: {folder} has no config.json: {mend}") from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.name}: its config.json can't be read: {first_line(error)}") from error
        self._refuse_own_code(config)
        self._refuse_own_tokenizer(folder)
        refuse_others_weights(self.name, folder)
        if config.get("transformers_weights") is not None:
            mend = "save it again with `save_pretrained`"
            raise CheckpointError(f"{self.name}: its config.json names a file of weights of its own: {mend}")
        if config.get("quantization_config") is not None:
            what = "its weights are quantised, so that it can't be computed in the dtype that is asked for"
            raise CheckpointError(f"{self.name}: {what}: audit the checkpoint that it was made from")

    def _refuse_own_code(self, config: dict[str, Any]) -> None:
        from transformers import CONFIG_MAPPING

        kind = config.get("model_type")
        known = isinstance(kind, str) and kind in CONFIG_MAPPING
        if not known and not self.trust_remote_code:
            what = "brings its own code" if "auto_map" in config else "is of a kind that transformers doesn't know"
            mend = "pass --trust-remote-code if you have read and trust that code"
            raise CheckpointError(f"{self.name}: {what} (model_type {kind!r}): {mend}")
        foreign = next((way for way in _attentions(config) if way not in _OWN_WAYS), None)
        if foreign is not None and not self.trust_remote_code:
            mend = "take it out of config.json, or pass --trust-remote-code if you trust that code"
            raise CheckpointError(f"{self.name}: it asks for code from elsewhere ({str(foreign)[:80]!r}): {mend}")

    def _refuse_own_tokenizer(self, folder: Path) -> None:
        """Without its code transformers would take another tokenizer in its place."""
        from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

        try:
            settings = read_object(folder / "tokenizer_config.json")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.name}: its tokenizer_config.json can't be read: {first_line(error)}"
            ) from error
        kind = settings.get("tokenizer_class")
        known = isinstance(kind, str) and tokenizer_class_from_name(kind) is not None
        if "auto_map" in settings and not known and not self.trust_remote_code:
            mend = "pass --trust-remote-code if you have read and trust that code"
            raise CheckpointError(f"{self.name}: its tokenizer brings its own code ({str(kind)[:80]!r}): {mend}")

    def options(self, folder: Path) -> dict[str, Any]:
        """Arguments for `from_pretrained` that keep to the user's leave."""
        files = weight_files(folder)
        safe = bool(files) and files[0].suffix == ".safetensors"
        if not files:
            mend = "the folder needs model.safetensors"
            raise CheckpointError(f"{self.name}: no weights found: {mend} (or pytorch_model.bin with --allow-pickle)")
        if not safe and not self.allow_pickle:
            mend = "save it with safetensors, or pass --allow-pickle if you trust where it comes from"
            raise CheckpointError(f"{self.name}: its weights are pickled (.bin), which can run code: {mend}")
        return {"use_safetensors": safe, "local_files_only": True, "trust_remote_code": self.trust_remote_code}

    def is_planted(self, folder: Path) -> bool:
        """The folder is one of maskaudit's own demo checkpoints."""
        return _DEMO in folder.resolve().parents


@contextlib.contextmanager
def without_hub() -> Iterator[None]:
    """While open, the hub's libraries ask it for nothing: told to keep to local files, they still fetch a list of
    their own for the headers of requests that they don't make."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _attentions(settings: object) -> Iterator[object]:
    """What settings, or others within them, say of how attention and experts are computed, where they say it."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key.strip("_").removesuffix("_internal") in ("attn_implementation", "experts_implementation"):
                yield from value.values() if isinstance(value, dict) else [value] * (value is not None)
            else:
                yield from _attentions(value)

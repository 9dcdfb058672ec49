"""From a checkpoint's name to its folder on this machine: downloads from the hub, refuses what must not be opened.

No torch. `fingerprints` reads what is in the folder.
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
from audit.options import Options

DEMOS = {"demo": "base", "demo-finetuned": "finetuned"}
"""Checkpoint names that come with maskaudit, and their folders below `audit/demo`."""

_DEMO = Path(__file__).resolve().parents[1] / "demo"

_KNOWN_KERNELS = ("eager", "sdpa", "flex_attention", "batched_mm", "grouped_mm")
"""Implementations of attention and experts in torch and transformers; any other may be code from elsewhere."""


def find_source(name: str, options: Options) -> CheckpointSource:
    """The checkpoint in its local folder, which is downloaded first where the name is a hub id.

    Raises UsageError for a revision of a folder, CheckpointError where there is no such checkpoint or its settings ask
    for code or weights that the options don't allow.
    """
    if name in DEMOS:
        folder = _DEMO / DEMOS[name]
    elif name and Path(name).is_dir():
        folder = Path(name)
        if options.revision is not None:
            raise UsageError(f"{name}: a folder has no --revision: drop the option, or name a hub id")
    elif not re.fullmatch(r"[\w.-]{1,96}(/[\w.-]{1,96})?", name, re.ASCII) or name.startswith("."):
        raise CheckpointError(f"{name}: there is no such folder, and it can't be a hub id (owner/name)")
    else:
        folder = _download(name, options)
    source = CheckpointSource(name, options, folder)
    source.check_permissions()
    return source


def _download(name: str, options: Options) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RevisionNotFoundError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError  # isort: skip

    offline = without_hub() if options.offline else contextlib.nullcontext()
    patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
    patterns += ["*.bin"] if options.allow_pickle else []
    patterns += ["*.py"] if options.trust_remote_code else []
    try:
        with offline:
            path = huggingface_hub.snapshot_download(
                name,
                revision=options.revision,
                allow_patterns=patterns,
                ignore_patterns=["*/*"],
                local_files_only=options.offline,
            )
    except (GatedRepoError, RepositoryNotFoundError) as error:
        mend = "check its spelling, or log in with `hf auth login` if it is private or gated"
        raise CheckpointError(f"{name}: no such folder here, and no such checkpoint on the hub: {mend}") from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name}: the hub has no revision {options.revision!r} of it") from error
    except LocalEntryNotFoundError as error:
        why = "--offline is set" if options.offline else "the hub can't be reached"
        mend = "name a local folder, or run once with the network" if options.offline else "check the network"
        raise CheckpointError(f"{name}: no such folder, not in the hub's cache, and {why}: {mend}") from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise CheckpointError(
            f"{name}: the hub's answer can't be used ({first_line(error)}): try again later"
        ) from error
    return Path(path)


@dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint's name, the options that it is opened with, and its local folder."""

    name: str
    options: Options
    folder: Path

    @property
    def label(self) -> str:
        """The name for people: the last part of a folder's path (the rest of it is private), else as given."""
        return Path(self.name).resolve().name if Path(self.name).is_dir() else self.name

    @property
    def is_planted(self) -> bool:
        """Whether the folder is one of maskaudit's own demo checkpoints."""
        return _DEMO in self.folder.resolve().parents

    def check_permissions(self) -> None:
        """Refuse code from the checkpoint, and weights from elsewhere, before anything of it is imported.

        Raises CheckpointError.
        """
        folder = self.folder
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
        self._refuse_own_tokenizer()
        refuse_others_weights(self.name, folder)
        if config.get("transformers_weights") is not None:
            mend = "save it again with `save_pretrained`"
            raise CheckpointError(f"{self.name}: its config.json names a file of weights of its own: {mend}")
        if config.get("quantization_config") is not None:
            what = "its weights are quantised and can't be computed in another dtype"
            raise CheckpointError(f"{self.name}: {what}: audit the checkpoint that it was made from")

    def _refuse_own_code(self, config: dict[str, Any]) -> None:
        from transformers import CONFIG_MAPPING

        kind = config.get("model_type")
        known = isinstance(kind, str) and kind in CONFIG_MAPPING
        if not known and not self.options.trust_remote_code:
            what = "brings its own code" if "auto_map" in config else "is of a kind that transformers doesn't know"
            mend = "pass --trust-remote-code if you have read and trust that code"
            raise CheckpointError(f"{self.name}: {what} (model_type {kind!r}): {mend}")
        foreign = next((kernel for kernel in _kernels(config) if kernel not in _KNOWN_KERNELS), None)
        if foreign is not None and not self.options.trust_remote_code:
            mend = "take it out of config.json, or pass --trust-remote-code if you trust that code"
            raise CheckpointError(f"{self.name}: it asks for code from elsewhere ({str(foreign)[:80]!r}): {mend}")

    def _refuse_own_tokenizer(self) -> None:
        """Without its code transformers would take another tokenizer in its place."""
        from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

        try:
            settings = read_object(self.folder / "tokenizer_config.json")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.name}: its tokenizer_config.json can't be read: {first_line(error)}"
            ) from error
        kind = settings.get("tokenizer_class")
        known = isinstance(kind, str) and tokenizer_class_from_name(kind) is not None
        if "auto_map" in settings and not known and not self.options.trust_remote_code:
            mend = "pass --trust-remote-code if you have read and trust that code"
            raise CheckpointError(f"{self.name}: its tokenizer brings its own code ({str(kind)[:80]!r}): {mend}")

    def load_arguments(self) -> dict[str, Any]:
        """Arguments for `from_pretrained` that allow no more than the options do. Raises CheckpointError."""
        files = weight_files(self.folder)
        safe = bool(files) and files[0].suffix == ".safetensors"
        if not files:
            mend = "the folder needs model.safetensors"
            raise CheckpointError(f"{self.name}: no weights found: {mend} (or pytorch_model.bin with --allow-pickle)")
        if not safe and not self.options.allow_pickle:
            mend = "save it with safetensors, or pass --allow-pickle if you trust where it comes from"
            raise CheckpointError(f"{self.name}: its weights are pickled (.bin), which can run code: {mend}")
        code = self.options.trust_remote_code
        return {"use_safetensors": safe, "local_files_only": True, "trust_remote_code": code}


@contextlib.contextmanager
def without_hub() -> Iterator[None]:
    """While open, the hub's libraries send no request: with `local_files_only` alone they still fetch a list of their
    own for request headers."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _kernels(settings: object) -> Iterator[object]:
    """The implementations of attention and experts that the settings name, at any depth."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key.strip("_").removesuffix("_internal") in ("attn_implementation", "experts_implementation"):
                yield from value.values() if isinstance(value, dict) else [value] * (value is not None)
            else:
                yield from _kernels(value)

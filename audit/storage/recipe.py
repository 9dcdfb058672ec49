"""Compares recipes by what scores depend on: their id, their differences in words; loads a recipe's probes again."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict
from typing import Any

from audit.results.recipe import ProbeSource, Recipe
from audit.storage.serialization import json_bytes
from probes.faults import ProbeError
from probes.lexicon import Lexicon
from probes.load import load_again
from probes.probe import Probe

NOT_DECISIVE = ("command", "started", "seed", "asked")
"""Fields of a recipe that scores don't depend on."""


def recipe_id(recipe: Recipe) -> str:
    """SHA-256, in hex, of all in the recipe that the scores depend on: not the command, the time, the seed, the
    checkpoint's training step, which parts of the model were left out, or what the hub says of it."""
    return hashlib.sha256(json_bytes(_decisive(recipe))).hexdigest()


def _decisive(recipe: Recipe) -> dict[str, Any]:
    parts = {name: part for name, part in asdict(recipe).items() if name not in NOT_DECISIVE}
    for name in ("step", "mask_only_head", "mask_only_layer", "hub_verified"):  # they change the last digits at most
        del parts["checkpoint"][name]
    for source in parts["probes"]:
        del source["own_words"]  # its hash is of them, too
    return parts


def probe_again(source: ProbeSource) -> Probe | None:
    """The probe of a recipe as it was run, from what the recipe keeps; None where its word list is a shipped one that
    was changed since, or where an earlier version kept no list."""
    words = Lexicon(source.lexicon, source.own_words) if source.own_words else None
    marked = f"\ufeff{source.text}"  # a byte order mark is part of the hash, not of the text
    for text in (source.text, marked):
        with contextlib.suppress(ProbeError):
            probe = load_again(source.name, text, words)
            if probe.sha256 == source.sha256:
                return probe
    return None


def differences(found: Recipe, wanted: Recipe) -> list[str]:
    """The differences of two recipes in what scores depend on, in words: `weights`, `probes (pronoun)`,
    `torch 2.13.0 and 2.14.0`."""
    one, other = _decisive(found), _decisive(wanted)
    named = [name for name in one if one[name] != other[name] and name not in ("checkpoint", "probes", "versions")]
    infos = (one["checkpoint"], other["checkpoint"])
    named += [_IN_WORDS.get(name, name) for name in infos[0] if infos[0][name] != infos[1][name]]
    versions = (dict(found.versions), dict(wanted.versions))
    packages = [name for name in versions[0] | versions[1] if versions[0].get(name) != versions[1].get(name)]
    named += [f"{name} {' and '.join(str(each.get(name, 'none')) for each in versions)}" for name in packages]
    if one["probes"] != other["probes"]:
        sources = [{(source.name, source.sha256) for source in recipe.probes} for recipe in (found, wanted)]
        odd = sorted({name for name, _ in sources[0] ^ sources[1]})
        named.append(f"probes ({', '.join(odd) if odd else 'their order'})")
    return list(dict.fromkeys(named))


_IN_WORDS = {
    "name": "the checkpoint's name",
    "weights_sha256": "weights",
    "tokenizer_sha256": "tokenizer files",
    "config_sha256": "config",
    "mlm_head_from": "borrowed head",
    "mlm_head_sha256": "borrowed head",
    "saved_dtype": "dtype of the file",
}

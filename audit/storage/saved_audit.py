"""A finished audit as files of its run folder, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from audit.results import tables
from audit.results.audit import SCHEMA, Audit
from audit.scoring.protocol import ScoredPrompts
from audit.storage.atomic import write_together
from audit.storage.run_folder import RunFolder
from audit.storage.saved_values import damaged, read_json
from audit.storage.serialization import csv_bytes, json_bytes
from audit.storage.validation import check_audit

PREDICTIONS = "predictions.csv"


def save_audit(folder: RunFolder, audit: Audit, predicted: Iterable[bytes]) -> None:
    """Write `audit.json` and the tables that people open: `predictions.csv` of those parts, `distributions.csv`,
    `findings.csv`, `interactions.csv` and `metrics.csv`.

    Raises UsageError where they can't be written; what an earlier audit left there then stays.
    """
    write_together(folder.path, _files(audit, predicted), "report.html")


def _files(audit: Audit, predicted: Iterable[bytes]) -> Iterator[tuple[str, bytes | Iterable[bytes]]]:
    yield PREDICTIONS, predicted
    yield "distributions.csv", csv_bytes(tables.distributions(audit.probes))
    if audit.single_token:
        yield "distributions-single-token.csv", csv_bytes(tables.distributions(audit.single_token))
    yield "findings.csv", csv_bytes(tables.findings(audit.probes))
    yield "interactions.csv", csv_bytes(tables.interactions(audit.probes))
    yield "metrics.csv", csv_bytes(tables.metrics(audit.probes))
    yield "audit.json", json_bytes(asdict(audit))


def predictions(scored: Mapping[str, Iterable[ScoredPrompts]]) -> Iterator[bytes]:
    """The parts of `predictions.csv`: the whole-vocabulary top-k of every prompt of the probes, best first."""
    frames = (_predictions(probe, part) for probe, parts in scored.items() for part in parts)
    return (csv_bytes(frame, header=n == 0) for n, frame in enumerate(frames))


def _predictions(probe: str, part: ScoredPrompts) -> pd.DataFrame:
    k = part.top_prob.shape[1]
    return pd.DataFrame(
        {
            "probe": probe,
            "prompt": np.repeat(np.array(part.texts, dtype=object), k),
            "rank": np.tile(np.arange(1, k + 1), len(part.texts)),
            "token": [token for tokens in part.top_tokens for token in tokens],
            "prob": part.top_prob.ravel(),
        }
    )


def load_audit(path: Path | str) -> Audit:
    """Read the `audit.json` of a run folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    file = Path(path) / "audit.json" if Path(path).is_dir() else Path(path)
    found = read_json(file, Audit, SCHEMA, "name the folder of a finished run")
    try:
        check_audit(found)
    except ValueError as error:
        raise damaged(file, error) from error
    return found

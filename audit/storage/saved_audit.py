"""A finished audit as files of its run folder, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from audit.results import tables
from audit.results.audit import SCHEMA, Audit
from audit.results.consistency import check_audit
from audit.scoring.protocol import ScoredPrompts
from audit.storage.result_folder import ResultFolder
from audit.storage.serialization import csv_bytes

PREDICTIONS = "predictions.csv"
SINGLE_TOKEN = "distributions-single-token.csv"
FOLDER = ResultFolder(
    kind=Audit,
    schema=SCHEMA,
    name="finished run",
    file="audit.json",
    page="report.html",
    others=frozenset(
        {PREDICTIONS, SINGLE_TOKEN, "distributions.csv", "findings.csv", "interactions.csv", "metrics.csv"}
        | {"measures.csv"}  # by earlier versions
    ),
    command="maskaudit run CHECKPOINT --out FOLDER --overwrite",
    check=check_audit,
)


def save_audit(folder: Path, audit: Audit, predicted: Iterable[bytes]) -> None:
    """Write `audit.json` and the tables that people open: `predictions.csv` of those parts, `distributions.csv`,
    `findings.csv`, `interactions.csv` and `metrics.csv`.

    Raises UsageError where they can't be written; what an earlier audit left there then stays.
    """
    FOLDER.write(folder, audit, _tables(audit, predicted))


def _tables(audit: Audit, predicted: Iterable[bytes]) -> Iterator[tuple[str, bytes | Iterable[bytes]]]:
    yield PREDICTIONS, predicted
    yield "distributions.csv", csv_bytes(tables.distributions(audit.probes))
    if audit.single_token:
        yield SINGLE_TOKEN, csv_bytes(tables.distributions(audit.single_token))
    yield "findings.csv", csv_bytes(tables.findings(audit.probes))
    yield "interactions.csv", csv_bytes(tables.interactions(audit.probes))
    yield "metrics.csv", csv_bytes(tables.metrics(audit.probes))


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
    return FOLDER.load(path)

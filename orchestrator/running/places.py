"""Where a study's records and runs are, as command lines that look after studies name them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from orchestrator.records.ledger import Ledger

RESULTS = (
    "folder of the records; in a cluster, one that all nodes share (default: $LATENT_ORCHESTRA_RESULTS, else ./results)"
)
TRACKING = "MLflow server (default: $MLFLOW_TRACKING_URI, else ./mlflow.db)"


def add_places(parser: argparse.ArgumentParser) -> None:
    """Declare `--results` and `--tracking-uri`."""
    parser.add_argument("--results", default=default_results(), help=RESULTS)
    parser.add_argument("--tracking-uri", help=TRACKING)


def default_results() -> str:
    return os.environ.get("LATENT_ORCHESTRA_RESULTS", "results")


def records_of(study: str, results: str) -> Ledger:
    """The folder of a study's records, whether it exists or not.

    Args:
        study: the study's name, or its YAML file.
        results: what `--results` says.
    """
    path = Path(study)
    return Ledger(Path(results).resolve() / (path.stem if path.suffix in (".yaml", ".yml") else study))

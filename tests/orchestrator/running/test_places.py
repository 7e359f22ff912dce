"""Where a study's records are."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from orchestrator.running import places


@pytest.mark.parametrize("study", ["demo", "demo.yaml", "somewhere/demo.yml"])
def test_a_name_and_a_file_mean_the_same_records(study: str, tmp_path: Path) -> None:
    assert places.records_of(study, str(tmp_path)).folder == tmp_path / "demo"


def test_the_environment_names_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_RESULTS", "/mnt/shared/results")
    parser = argparse.ArgumentParser()
    places.add_places(parser)
    assert parser.parse_args([]).results == "/mnt/shared/results"

"""The command line, against a real MLflow store."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow.artifacts
import pytest

from methods.core.errors import BadInput
from orchestrator import compare
from orchestrator.comparison.report import comparison


def artifact(store, name: str) -> str:
    return mlflow.artifacts.load_text(f"{store.client.get_run(store.complete).info.artifact_uri}/{name}")


def test_text_is_printed_and_notes_stay_out_of_it(store, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["complete", "--tracking-uri", store.uri]) == 0

    out, err = capsys.readouterr()
    assert "-15.00 ± 0.10*" in out
    assert "Best configurations" in out
    assert "note:" not in out
    assert "comparison.html" in err


def test_page_and_markdown_are_logged_to_the_study_with_all_metrics(store) -> None:
    compare.main(["complete", "--tracking-uri", store.uri, "--metrics", "bce"])

    assert artifact(store, "comparison.html").startswith("<!doctype html>")
    assert "**-15.00 ± 0.10**" in artifact(store, "comparison.md")


@pytest.mark.parametrize(("form", "beginning"), [("html", "<!doctype html>"), ("latex", r"\begin{table}")])
def test_a_format_is_written_to_a_file(store, tmp_path: Path, form: str, beginning: str) -> None:
    path = tmp_path / "new" / "table"

    compare.main(["complete", "--tracking-uri", store.uri, "--format", form, "--out", str(path)])

    assert path.read_text().startswith(beginning)


def test_chosen_metrics_are_the_only_columns(store, capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(["complete", "--tracking-uri", store.uri, "--format", "markdown", "--metrics", "bce, rate"])

    assert "| method | n | bce ↓ | bce 95% | rate |" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_one_sentence(store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BadInput, match=r"cannot write .* choose another file with --out"):
        compare.main(["complete", "--tracking-uri", store.uri, "--out", str(tmp_path / "file" / "below")])


def test_text_is_as_wide_as_asked(store) -> None:
    written = compare.render_text(comparison("complete", store.uri), 70)

    assert max(map(len, written.splitlines())) <= 70


def test_a_report_of_a_study_with_nothing_to_compare_is_a_note(store, capsys: pytest.CaptureFixture[str]) -> None:
    compare.report("hopeless", store.uri)

    out, err = capsys.readouterr()
    assert out == ""
    assert "note: nothing to compare in 'hopeless' yet" in err.replace("\n", " ")


def test_several_studies_stand_side_by_side(store, capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(["complete", "searching", "--tracking-uri", store.uri, "--metrics", "elbo"])

    out, err = capsys.readouterr()
    assert {"vae [complete]", "beta_vae [complete]"} <= {line.split("  ")[0] for line in out.splitlines()}
    assert "note: [searching] is the study searching in MLflow at" in err.replace("\n", " ")
    assert "comparison.html" not in err


def test_a_study_stands_beside_that_of_another_server(store, tmp_path: Path) -> None:
    copy, page = tmp_path / "mlflow.db", tmp_path / "page.html"
    shutil.copy(store.uri.removeprefix("sqlite:///"), copy)

    options = ["--tracking-uri", store.uri, "--against", f"sqlite:///{copy}", "--format", "html", "--out", str(page)]
    compare.main(["complete", *options])

    assert "vae [here]" in page.read_text()
    assert "vae [against]" in page.read_text()


def test_a_study_that_was_not_run_names_the_command_that_runs_it(store) -> None:
    with pytest.raises(BadInput, match=r"no runs in MLflow at .*: python -m orchestrator\.sweep demo runs it"):
        compare.main(["demo", "--tracking-uri", store.uri])


def test_importances_are_told_or_what_they_need(store, capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(["complete", "--tracking-uri", store.uri, "--importance"])

    assert "note: importances need 10 trials" in capsys.readouterr().err.replace("\n", " ")

"""Evaluations on disk: nothing is lost, nothing is written twice."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from lso.record import CODES, COLUMNS, CSV, Record, Row, read
from methods.core.errors import BadInput


def row(number: int, *, optimizer: str = "ga", string: str | None = None) -> Row:
    text = string or f"x + {number}"
    return Row(
        optimizer, 0, number, "bred", text, text, 0.1 + number / 3, True, True, number + 1, number + 1, number + 1
    )


def codes(*values: float) -> np.ndarray:
    return np.array([[value, value] for value in values], np.float32)


def test_columns_are_those_that_were_promised():
    written = "optimizer,seed,iteration,source,string,canonical,score,valid,new,proposals,valid_calls,unique_calls"
    assert ",".join(COLUMNS) == written


def test_rows_are_on_disk_before_the_record_is_closed(tmp_path):
    record = Record(tmp_path, earlier=False)
    record.add([row(0)], codes(1))
    with (tmp_path / CSV).open() as file:
        (line,) = csv.DictReader(file)
    assert float(line["score"]) == 0.1


def test_what_is_read_is_what_was_written(tmp_path):
    record = Record(tmp_path, earlier=False)
    rows = [row(0, string='a "quoted", string'), Row("ga", 0, 1, "bred", "", "", None, False, False, 2, 1, 1)]
    record.add(rows, codes(1, np.nan))
    record.close()
    assert read(tmp_path / CSV) == rows


def test_codes_stand_in_the_order_of_the_rows(tmp_path):
    record = Record(tmp_path, earlier=False)
    record.add([row(0)], codes(1))
    record.add([row(0, optimizer="prior")], codes(2))
    record.add([row(1)], codes(3))
    record.close()
    assert np.load(tmp_path / CODES)[:, 0].tolist() == [1, 2, 3]


def test_a_half_written_line_is_dropped_and_written_again(tmp_path):
    whole = Record(tmp_path / "whole", earlier=False)
    whole.add([row(0), row(1), row(2)], codes(1, 2, 3))
    whole.close()
    text = (tmp_path / "whole" / CSV).read_text()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / CSV).write_text(text[:-20])
    again = Record(tmp_path / "cut", earlier=True)
    again.add([row(0), row(1), row(2)], codes(1, 2, 3))
    again.close()
    assert (tmp_path / "cut" / CSV).read_text() == text
    assert np.array_equal(np.load(tmp_path / "cut" / CODES), np.load(tmp_path / "whole" / CODES))


def test_another_run_cannot_go_on_with_a_record(tmp_path):
    record = Record(tmp_path, earlier=False)
    record.add([row(0)], codes(1))
    record.close()
    with pytest.raises(BadInput, match="other settings, another version or another machine"):
        Record(tmp_path, earlier=True).add([row(0, string="x")], codes(1))


def test_other_files_are_refused(tmp_path):
    (tmp_path / CSV).write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="other columns"):
        Record(tmp_path, earlier=True)

"""A function in another process: its values, and what a hang, a crash or an error does not end."""

from __future__ import annotations

import os
import time

import pytest

from lso.outside import Outside
from methods.core.errors import BadInput


@pytest.fixture
def outside():
    made: list[Outside] = []

    def make(function: str, seconds: float = 20.0) -> Outside:
        made.append(Outside(function, seconds=seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_values_are_those_of_the_function_in_their_order_and_an_error_is_none(outside):
    assert outside("math:sqrt")([4.0, -1.0, 2.0]) == [2.0, None, 2.0**0.5]


def test_what_takes_too_long_is_none_and_the_next_value_is_computed(outside):
    start = time.monotonic()
    assert outside("tests_of_outside:nap", 0.3)([30, 0]) == [None, 0.0]
    assert time.monotonic() - start < 20


def test_what_the_first_value_takes_counts_for_no_other(outside):
    one = outside("tests_of_outside:nap", 0.3)
    one.first = 1
    assert one([0]) == [0.0]


def test_a_process_that_dies_takes_one_value_with_it(outside):
    assert outside("tests_of_outside:die")([1, 0]) == [None, 0.0]


def test_what_a_library_prints_is_no_answer(outside):
    assert outside("tests_of_outside:chatter")([1, 2]) == [1.0, 2.0]


def test_a_function_that_is_not_there_is_named(outside):
    with pytest.raises(BadInput, match="the process for math:squirt does not start"):
        outside("math:squirt")([1.0])


def test_the_process_ends_with_what_started_it(outside):
    one = outside("math:sqrt")
    one([1.0])
    number = one._process.pid
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.fixture(autouse=True)
def functions(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that other processes find."""
    (tmp_path / "tests_of_outside.py").write_text(
        "import os, time\n"
        "def nap(seconds): time.sleep(seconds); return 0\n"
        "def die(code): return os._exit(code) if code else 0\n"
        "def chatter(value): print('noise'); os.system('echo noise'); return value\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

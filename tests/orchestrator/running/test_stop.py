"""Ctrl-C and SIGTERM in a sweep."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from orchestrator.running.stop import Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_next_check(number: signal.Signals) -> None:
    with Stop() as stop:
        stop.check()
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            stop.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_outside_of_the_block_signals_are_as_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stop():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


def test_the_first_signal_says_that_it_was_heard(capfd: pytest.CaptureFixture[str]) -> None:
    with Stop():
        signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "\nstopping; Ctrl-C again does not wait for MLflow\n"


def test_the_second_signal_ends_the_process_without_a_traceback() -> None:
    script = (
        "import signal; from orchestrator.running.stop import Stop\n"
        "with Stop():\n    signal.raise_signal(signal.SIGINT); signal.raise_signal(signal.SIGINT); print('not reached')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 130
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1] == "stopped at once"

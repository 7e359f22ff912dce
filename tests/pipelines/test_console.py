from __future__ import annotations

import argparse

import pytest
import yaml

from methods.core.errors import BadInput
from pipelines import console


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E-3", 1e-3),
        ("-2.5e+2", -250.0),
        ("1.e2", 100.0),
        ("0.001", 0.001),
        ("5", 5),
        ("true", True),
        ("null", None),
        ("", None),
        ("mlp", "mlp"),
        ("'5'", "5"),
        ("[1e-3, a]", [1e-3, "a"]),
        ("{low: 1, high: 1e3}", {"low": 1, "high": 1000.0}),
        ("e3", "e3"),
        ("1e", "1e"),
    ],
)
def test_values_are_yaml_and_numbers_with_an_exponent_need_no_dot(text: str, value: object) -> None:
    found = console.parse(text)
    assert found == value
    assert type(found) is type(value)


def test_numbers_are_those_of_python() -> None:
    for text in ("1e-3", "3E5", "-7e2", "+1e0", "12e-4", "1.5e3", "-.5", ".5e-3", "5.", "007e1"):
        assert console.parse(text) == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.mkdir [trapped]",
        "!!python/name:os.system",
        "!!python/tuple [1, 2]",
        "!!python/object/new:os.system [ls]",
        "!mine 3",
    ],
)
def test_tags_that_build_objects_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        console.parse(text)
    with pytest.raises(BadInput, match="the value of --set a is no YAML"):
        console.settings([f"a={text}"])


@pytest.mark.parametrize("text", ["[1, 2", "{a: ", "'a", "a: b: c", "2024-13-45", "\x00"])
def test_what_is_no_yaml_is_refused_by_the_name_of_its_setting(text: str) -> None:
    with pytest.raises(BadInput, match="the value of --set beta is no YAML"):
        console.settings([f"beta={text}"])


def test_settings_are_pairs_of_key_and_value() -> None:
    assert console.settings(["beta=1e-3", "network=mlp"]) == {"beta": 1e-3, "network": "mlp"}


def test_only_the_first_equals_sign_separates() -> None:
    assert console.settings(["note=a=b"]) == {"note": "a=b"}


def test_space_around_a_key_does_not_count() -> None:
    assert console.settings([" beta = 3"]) == {"beta": 3}


@pytest.mark.parametrize("text", ["beta", "=3", "", " = 3"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--set takes key=value, got "):
        console.settings([text])


def test_set_may_be_repeated_and_may_take_several() -> None:
    parser = argparse.ArgumentParser()
    console.add_settings(parser, "settings")
    options = parser.parse_args(["--set", "a=1", "b=2", "--set", "c=3"])
    assert options.set == ["a=1", "b=2", "c=3"]


def _raising(error: BaseException):
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(("returned", "code"), [(0, 0), (None, None), (3, 3)])
def test_the_exit_code_is_what_main_returns(returned: int | None, code: int | None) -> None:
    with pytest.raises(SystemExit) as caught:
        console.run(lambda: returned)
    assert caught.value.code == code


def test_what_the_user_can_mend_is_one_sentence_and_exit_code_two(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        console.run(_raising(BadInput("no [bold]such[/bold] method: choose another")))
    assert caught.value.code == 2
    assert capfd.readouterr() == ("", "error: no [bold]such[/bold] method: choose another\n")


def test_ctrl_c_is_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        console.run(_raising(KeyboardInterrupt()))
    assert caught.value.code == 130
    assert "stopped" in capfd.readouterr().err


def test_a_reader_that_went_away_is_no_traceback() -> None:
    with pytest.raises(SystemExit) as caught:
        console.run(_raising(BrokenPipeError()))
    assert caught.value.code == 1


def test_a_mistake_of_ours_is_a_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        console.run(_raising(ZeroDivisionError()))


def test_no_bar_is_drawn_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with console.progress() as bar:
        bar.advance(bar.add_task("training", total=2))
    assert "".join(capfd.readouterr()).strip() == ""

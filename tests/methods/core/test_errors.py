from __future__ import annotations

from methods.core.errors import BadInput, unknown


def test_the_nearest_name_is_suggested() -> None:
    assert "did you mean 'beta_vae'?" in str(unknown("method", "beta_vea", ["vae", "beta_vae", "ae"]))


def test_all_known_names_are_listed_in_order() -> None:
    assert str(unknown("method", "beta_vea", ["vae", "beta_vae"])).endswith("Known: beta_vae, vae")


def test_a_name_unlike_all_others_gets_no_suggestion() -> None:
    assert str(unknown("network", "transformer", ["mlp"])) == "unknown network 'transformer': Known: mlp"


def test_what_is_no_name_at_all_is_shown_as_it_is() -> None:
    assert str(unknown("network", 3, ["mlp"])) == "unknown network 3: Known: mlp"


def test_where_nothing_is_known_that_is_said() -> None:
    assert str(unknown("hyperparameter of vae", "beta", [])) == "unknown hyperparameter of vae 'beta': there are none"


def test_it_can_be_caught_as_a_wrong_value() -> None:
    assert issubclass(BadInput, ValueError)

"""Studies as they are written: what is read, what is searched, and what is said of mistakes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from methods.core.errors import BadInput
from methods.core.ranges import Integer, OneOf, Range, Real
from orchestrator.definition import study_files as studies
from orchestrator.definition.study import Study
from pipelines.trial import searchable

TWO = ["valid/bce", "valid/rate"]
TINY = {"data": "digits", "methods": ["vae", "beta_vae"], "fixed": {"network": "mlp", "epochs": 5}}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a study file: the tiny study with other keys, or a text."""

    def file(text: str | None = None, **keys: Any) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(TINY | keys) if text is None else text)
        return path

    return file


def study(**keys: Any) -> Study:
    return Study.model_validate(TINY | keys)


def drawn(span: Range) -> Any:
    if isinstance(span, OneOf):
        return random.choice(span.choices)
    return random.uniform(span.low, span.high) if isinstance(span, Real) else random.randint(span.low, span.high)


def inside(span: Range, value: Any) -> bool:
    return value in span.choices if isinstance(span, OneOf) else span.low <= value <= span.high


def test_what_is_not_given_has_its_default(write: Write) -> None:
    found = studies.read(write())
    assert (found.trials, found.seeds, found.mode, found.search) == (8, 3, "max", "tpe")
    assert found.early_stopping is not None


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("trials", 20, lambda found: found.trials),
        ("fixed.epochs", 7, lambda found: found.fixed["epochs"]),
        ("early_stopping.grace", 9, lambda found: found.early_stopping.grace),
        ("early_stopping", None, lambda found: found.early_stopping),
        ("early_stopping", "median", lambda found: found.early_stopping.rule),
        ("budget.hours", 1.5, lambda found: found.budget.hours),
        ("space.beta", [1.0, 2.0], lambda found: found.space["beta"]),
        ("resources.gpu", 0.25, lambda found: found.resources.gpu),
        ("resources.gpu", "auto", lambda found: found.resources.gpu),
    ],
)
def test_a_dotted_key_overrides_one_value(write: Write, key: str, value: Any, read: Callable[[Study], Any]) -> None:
    found = studies.read(write(), {key: value})
    assert read(found) == value


def test_an_override_leaves_the_values_beside_it(write: Write) -> None:
    assert studies.read(write(), {"fixed.latent": 3}).fixed == {"network": "mlp", "epochs": 5, "latent": 3}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "0.001", "+1e-3"])
def test_numbers_need_no_dot(write: Write, text: str) -> None:
    found = studies.read(write(f"data: digits\nmethods: [vae]\nfixed: {{learning_rate: {text}}}\n"))
    assert found.trial("vae", {}, seed=0).learning_rate == 0.001


def test_all_means_every_method(write: Write) -> None:
    found = studies.read(write(methods="all"))
    assert {"ae", "vae", "beta_vae"} <= set(found.branches)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"trails": 3}, "unknown key 'trails': did you mean 'trials'? Known: budget, data, "),
        ({"resources": {"gpus": 1}}, "unknown key of resources 'gpus': did you mean 'gpu'? Known: cpu, gpu"),
        ({"early_stopping": {"grase": 1}}, "unknown key of early_stopping 'grase': did you mean 'grace'?"),
        ({"methods": ["beta_vea"]}, "unknown method 'beta_vea': did you mean 'beta_vae'? Known: "),
        ({"methods": "vae"}, "methods must be 'all' or a list of methods and arms, got 'vae'"),
        ({"methods": []}, "methods must name at least one method, each once, got []"),
        ({"methods": ["vae", "vae"]}, "methods must name at least one method, each once, got ['vae', 'vae']"),
        ({"data": "digts"}, "unknown data set 'digts': did you mean 'digits'? Known: "),
        ({"data": ["digits", "digits"]}, "data must name at least one data set, each once, got ['digits', 'digits']"),
        ({"data": 3}, "data must be a data set or a list of them, got 3"),
        ({"per_data": {"usps": {}}}, "unknown data set in per_data 'usps': Known: digits"),
        ({"per_data": {"digits": {"epcohs": 3}}}, "unknown setting in per_data 'epcohs': did you mean 'epochs'?"),
        ({"metrics": ["log_likelyhood"]}, "unknown metric 'log_likelyhood': did you mean 'log_likelihood'?"),
        ({"scale": 0}, "scale must be greater than 0, got 0"),
        ({"methods": [{"name": "A", "method": "vea"}]}, "unknown method 'vea': did you mean 'vae'?"),
        ({"methods": [{"name": "A", "method": "vae", "bata": 1}]}, "unknown setting of vae 'bata': did you mean "),
        ({"methods": [{"method": "vae"}]}, "methods must be 'all' or a list of methods and arms, got [{'method"),
        ({"methods": [{"name": "A", "method": "vae", "seed": 1}]}, "the arm 'A' sets seed, which is the study's"),
        ({"paper": {"name": "Hub"}}, "unknown paper 'Hub'"),
        ({"paper": {"name": "Hub-VAE", "figuers": []}}, "unknown key of paper 'figuers': did you mean 'figures'?"),
        (
            {"paper": {"name": "Hub-VAE", "tables": [{"table": "Table 1", "metrics": {}, "x": 1}]}},
            "unknown key of paper.tables.0 'x': Known: metrics, table",
        ),
        ({"metric": "knn_purity"}, "metric must begin with valid/, train/ or lso/, got 'knn_purity'"),
        ({"metric": "seconds"}, "metric must begin with valid/, train/ or lso/, got 'seconds'"),
        ({"metric": 3}, "metric must be a metric or a list of them, got 3"),
        ({"metric": [], "mode": []}, "metric must name at least one metric, each once, got []"),
        ({"metric": TWO}, "mode must say max or min for each metric, such as [min, min], got 'max'"),
        ({"metric": TWO, "mode": ["min"] * 2}, "early_stopping goes by one metric: with several, set early_stopp"),
        ({"mode": "biggest"}, "mode must be 'max' or 'min', or of several metrics a list of these, got 'biggest'"),
        ({"search": "bayes"}, "search must be 'tpe', 'gp', 'nsga2', 'random', 'grid' or 'pbt', got 'bayes'"),
        ({"early_stopping": "ashha"}, "early_stopping.rule must be 'asha', 'hyperband' or 'median', got 'ashha'"),
        ({"budget": {"hour": 1}}, "unknown key of budget 'hour': did you mean 'hours'? Known: cost, hours, trials"),
        ({"budget": {"cost": 1}}, "budget.cost needs prices above 0, such as prices: {cpu: 0.05, gpu: 1.5}"),
        ({"trials": 0}, "trials must be greater than or equal to 1, got 0"),
        ({"trials": "many"}, "trials must be a whole number, got 'many'"),
        ({"seeds": 2.5}, "seeds must be a whole number, got 2.5"),
        ({"resources": {"cpu": 0}}, "resources.cpu must be greater than 0, got 0"),
        ({"resources": {"gpu": -1}}, "resources.gpu must be a number of GPUs, such as 0.25, or 'auto', got -1"),
        ({"resources": {"gpu": "aut"}}, "resources.gpu must be a number of GPUs, such as 0.25, or 'auto', got 'aut'"),
        ({"early_stopping": {"reduction": 1}}, "early_stopping.reduction must be greater than 1, got 1"),
        ({"early_stopping": True}, "early_stopping must be keys and values, got True"),
        ({"fixed": {"epcohs": 5}}, "unknown setting in fixed 'epcohs': did you mean 'epochs'? Known: batch_size, "),
        ({"fixed": {"seed": 5}}, "unknown setting in fixed 'seed': "),
        ({"fixed": {"latent": 0}}, "latent must be between 1 and 4096, got 0"),
        ({"fixed": {"network": "mpl"}}, "unknown network 'mpl': did you mean 'mlp'? Known: "),
        ({"fixed": {"beta": -1}}, "beta_vae.beta must be between "),
        ({"fixed": ["epochs"]}, "fixed must be keys and values, got ['epochs']"),
        ({"space": {"bata": [1]}}, "unknown setting in space 'bata': did you mean 'beta'? Known: batch_size, "),
        ({"space": {"seed": [1]}}, "unknown setting in space 'seed': "),
        ({"space": {"latent": 3}}, "space.latent must be {low, high, log} or a list of choices, got 3"),
        ({"space": {"latent": []}}, "space.latent must list at least one choice"),
        ({"space": {"latent": [2.5]}}, "space.latent must be a whole number, got 2.5"),
        (
            {"space": {"latent": {"lo": 2}}},
            "unknown key of space.latent 'lo': did you mean 'low'? Known: high, log, low",
        ),
        ({"space": {"latent": {"log": "yes"}}}, "space.latent.log must be true or false, got 'yes'"),
        ({"space": {"latent": {"low": 9, "high": 2}}}, "space.latent needs low <= high, and low > 0 where log, got "),
        ({"space": {"learning_rate": {"high": 100}}}, "space.learning_rate.high must be between 1e-08 and 10, got 100"),
        ({"space": {"epochs": [5, 6]}}, "epochs is both in fixed and in space: take it out of one of them"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file(write: Write, keys: dict[str, Any], sentence: str) -> None:
    path = write(**keys)
    with pytest.raises(BadInput) as caught:
        studies.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {sentence}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("methods: [vae]\n", ": the key 'data' is missing (the data set, or several)"),
        ("data: digits\n", ": the key 'methods' is missing (the methods, or `all`, or arms)"),
        ("data: [digits\n", " is no YAML, see line 2"),
        ("data: digits\n\tmethods: all\n", " is no YAML, see line 2"),
        ("- data\n", " must hold keys and values such as 'data: mnist', got list"),
        ("", " must hold keys and values such as 'data: mnist', got NoneType"),
    ],
)
def test_a_file_that_holds_no_study_is_told_so(write: Write, text: str, sentence: str) -> None:
    path = write(text)
    with pytest.raises(BadInput) as caught:
        studies.read(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        studies.read(tmp_path)


def test_a_mistake_in_an_override_is_found_as_well(write: Write) -> None:
    with pytest.raises(BadInput, match="unknown setting in fixed 'epochz': did you mean 'epochs'"):
        studies.read(write(), {"fixed.epochz": 7})


def test_a_study_that_does_not_ship_is_unknown() -> None:
    with pytest.raises(BadInput, match="unknown study 'dmo': did you mean 'demo'"):
        studies.find("dmo")


def test_a_file_that_does_not_exist_is_told_so() -> None:
    with pytest.raises(BadInput, match=r"no study file nowhere\.yaml: give the path of a YAML file or one of .*demo"):
        studies.find("nowhere.yaml")


def test_a_file_names_its_study(write: Write) -> None:
    path = write()
    assert studies.find(str(path)) == ("tiny", path)


@pytest.mark.parametrize("name", studies.names())
def test_a_study_that_ships_can_be_read_and_its_spaces_sampled(name: str) -> None:
    found = studies.read(studies.find(name)[1])
    assert found.description
    for method in found.branches:
        spans = found.ranges(method)
        for _ in range(10):
            chosen = {key: drawn(span) for key, span in spans.items()}
            settings = found.trial(method, chosen, seed=1).settings()
            assert settings | chosen == settings


@pytest.mark.parametrize(
    "keys",
    [
        {"description": "in other words"},
        {"resources": {"cpu": 2, "gpu": 0.5}},
        {"resources": {"cpu": 2, "gpu": "auto"}},
        {"system_metrics": True},
        {"budget": {"hours": 2}},
        {"prices": {"gpu": 1.5}},
        {"early_stopping": "asha"},
    ],
)
def test_the_definition_does_not_depend_on_what_changes_no_trial(keys: dict[str, Any]) -> None:
    assert study(**keys).definition == study().definition


@pytest.mark.parametrize("keys", [{"trials": 9}, {"seed": 1}, {"fixed": {"epochs": 6}}, {"metric": "valid/mse"}])
def test_the_definition_depends_on_all_that_decides_which_trials_run(keys: dict[str, Any]) -> None:
    assert study(**keys).definition != study().definition


def test_a_methods_own_hyperparameters_are_searched_by_themselves() -> None:
    assert set(study().ranges("beta_vae")) == {"beta"}
    assert study().ranges("vae") == {}


def test_a_setting_in_the_space_is_searched_for_all_methods_that_have_it() -> None:
    found = study(space={"learning_rate": {"low": 1e-3, "high": 1e-2}, "beta": [1, 2]})
    assert set(found.ranges("vae")) == {"learning_rate"}
    assert set(found.ranges("beta_vae")) == {"learning_rate", "beta"}


def test_what_a_range_does_not_say_is_as_the_method_declares() -> None:
    declared = searchable("beta_vae")["beta"].range
    found = study(space={"beta": {"low": 1}}).ranges("beta_vae")["beta"]
    assert found == Real(1.0, declared.high, declared.log)


def test_whole_numbers_stay_whole() -> None:
    assert study(space={"latent": {"low": 2, "high": 8, "log": False}}).ranges("vae")["latent"] == Integer(2, 8)


def test_what_is_fixed_is_not_searched() -> None:
    found = study(fixed={"beta": 4})
    assert found.ranges("beta_vae") == {}
    assert found.trial("beta_vae", {}, seed=0).hyper["beta"] == 4.0


def test_a_fixed_hyperparameter_does_not_disturb_methods_without_it() -> None:
    assert "beta" not in study(fixed={"beta": 4}).trial("vae", {}, seed=0).settings()


@pytest.mark.parametrize("method", Study(data="digits", methods="all").branches)
def test_defaults_lie_in_the_space(method: str) -> None:
    found = Study(data="digits", methods="all", space={"learning_rate": {}, "latent": {}})
    spans, defaults = found.ranges(method), found.defaults(method)
    assert defaults.keys() == spans.keys()
    assert all(inside(spans[name], value) for name, value in defaults.items())


@pytest.mark.parametrize(
    ("given", "first"),
    [({"low": 1e-4, "high": 1e-2}, 1e-3), ({"low": 2e-3}, 2e-3), ({"high": 5e-4}, 5e-4), ([0.01, 0.02], 0.01)],
)
def test_a_default_outside_of_the_space_moves_to_the_nearest_value(given: Any, first: float) -> None:
    assert study(space={"learning_rate": given}).defaults("vae") == {"learning_rate": first}


def test_without_anything_to_search_there_is_one_configuration() -> None:
    assert study().configurations("vae") == 1


def test_there_are_no_more_configurations_than_choices() -> None:
    found = study(space={"latent": [2, 3], "batch_size": {"low": 100, "high": 102}})
    assert found.configurations("vae") == 2 * 3
    assert found.model_copy(update={"trials": 4}).configurations("vae") == 4


def test_a_grid_is_the_product_of_choices_and_of_the_ends_and_the_middle_of_ranges() -> None:
    found = study(search="grid", trials=99, space={"latent": [2, 4], "learning_rate": {"low": 1e-4, "high": 1e-2}})
    points = [(point["latent"], point["learning_rate"]) for point in found.first("vae")]
    assert sorted(points) == [(latent, rate) for latent in (2, 4) for rate in (1e-4, 1e-3, 1e-2)]


def test_defaults_on_the_grid_are_met_once() -> None:
    found = study(search="grid", trials=99, space={"latent": [10, 20, 30]})
    assert found.first("vae") == [{"latent": 20}, {"latent": 10}, {"latent": 30}]
    assert found.configurations("vae") == 3


def test_a_grid_ends_at_the_number_of_trials() -> None:
    found = study(search="grid", trials=3, space={"latent": list(range(2, 40))})
    assert len(found.first("vae")) == found.configurations("vae") == 3


def test_reports_come_twenty_times_a_trial_unless_the_study_says_how_often() -> None:
    assert study().reports(100) == 5
    assert study().reports(3) == 1
    assert study(report_every=4).reports(100) == 4


def test_a_definition_is_what_it_was_before_studies_had_several_metrics_rules_and_budgets() -> None:
    assert study().definition == "4a02cfc568d03319"
    assert (
        study(early_stopping={"grace": 9}, search="random", metric="valid/mse", mode="min").definition
        == "4fd94d250dff3ec0"
    )


def test_several_metrics_have_a_mode_each() -> None:
    found = study(metric=TWO, mode=["min", "max"], early_stopping=None)
    assert [(each.metric, each.mode) for each in found.objectives] == [("valid/bce", "min"), ("valid/rate", "max")]

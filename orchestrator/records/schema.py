"""What a study looks like in MLflow. Whatever is written there or read from there goes by these names.

A study is an experiment of the same name. In it:

- one *study* run, the parent: the definition as params and as the artifact `study.yaml`; later the comparison page and
  the tag `best_run`;
- one *trial* run for every trial, its child by MLflow's parent tag: all settings as params; `train/<term>` and
  `valid/<metric>` with the epoch as their step; `test/<metric>` once, at the end; the trained method as a logged model;
- one *lso* run for every latent-space optimization that used a trial's decoder, child of that trial's run, with the
  decoder's model as its input.
"""

from __future__ import annotations

KIND = "lo.kind"
"""`study`, `trial` or `lso`."""

STUDY = "lo.study"
"""The study's name."""

DEFINITION = "lo.definition"
"""Hash of the study's definition."""

EXTENDED = "lo.extended"
"""On the study's run: as JSON, the params that are others since the study was extended."""

IDENTITY = "lo.identity"
"""Identity of the trial: a hash of all its settings. A trial has one run, however often it was started."""

CONFIGURATION = "lo.configuration"
"""The identity without the seed: equal for the replicates of a configuration."""

ARMS = "lo.arms"
"""On a trial's run: the arms of the study that it belongs to, as a JSON list. Without it, its method is its arm."""

ROLE = "lo.role"
"""`search` (a configuration tried), `member` (a member of a population, in a generation before the last) or `replicate`
(a method's best configuration under a fresh seed)."""

OUTCOME = "lo.outcome"
"""`finished`, `failed: reason`, `stopped early after epoch N` or `interrupted`. Absent while it runs."""

MODEL = "lo.model_id"
"""The logged model that holds the trained method: `trial.json` and `method.safetensors`."""

BEST_RUN = "lo.best_run"
"""On the study's run: the run of its best replicate."""

BEST_MODEL = "lo.best_model_id"
"""On the study's run: the model of its best replicate."""

DECODER_RUN = "lo.decoder_run"
"""On an lso run: the trial run whose decoder it used."""

LSO_RUN = "lo.lso_run"
"""On a trial's run: the latest lso run that used its decoder."""

METRIC = "lo.metric"
"""On the study's run: the metric that chose configurations, such as `valid/knn_purity`; several with commas between."""

MODE = "lo.mode"
"""On the study's run: `max` or `min`, for each metric."""

PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
COMMIT = "mlflow.source.git.commit"
SOURCE = "mlflow.source.name"
USER = "mlflow.user"

INTERRUPTED = "interrupted"
SEARCH = "search"
MEMBER = "member"
REPLICATE = "replicate"

SESSION = "lo.session"
"""On the study's run: id of the results folder, so that a second start writes to the same run."""

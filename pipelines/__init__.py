"""How methods are trained and measured on one machine. No Ray, no MLflow.

>>> from pipelines import load
>>> method = load("results/my_vae").method
"""

from pipelines.artifact import Saved, load, save

__all__ = ["Saved", "load", "save"]

"""What needs an interpreter of its own to be measured."""

from __future__ import annotations

import subprocess
import sys

MEASURE = """
import resource, torch
torch.set_num_threads(1)
from methods.core.exemplars import exemplar_mixture
prior = exemplar_mixture(torch.randn(50_000, 40), torch.zeros(()))
codes = torch.randn(3_000, 40)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with torch.no_grad():
    assert prior.log_prob(codes).isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_prior_of_50_000_exemplars_is_evaluated_in_less_than_2_gib() -> None:
    """All at once, one matrix of 3,000 codes and 50,000 exemplars alone is 0.6 GiB, and several are needed."""
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    gained = int(run.stdout) / (2**20 if sys.platform != "darwin" else 2**30)
    assert gained < 2

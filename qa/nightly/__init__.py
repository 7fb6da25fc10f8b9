"""The night: screen every closed chat of a merchant's day, draw the sample, inspect it, flag, estimate.

``run_night`` can be killed at any moment and started again; the database ends as if nothing had happened.
"""

from __future__ import annotations

from qa.nightly.claiming import NightOptions
from qa.nightly.night import NightResult, run_night
from qa.nightly.rescore import Rescored, rescore

__all__ = ["NightOptions", "NightResult", "Rescored", "rescore", "run_night"]

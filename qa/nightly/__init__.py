"""The night: screen every closed chat of a merchant's day, draw the sample, inspect it, flag, estimate.

``run_night`` can be killed at any moment and started again; the database ends as if nothing had happened.
"""

from qa.nightly.night import NightOptions, NightResult, run_night
from qa.nightly.rescore import rescore

__all__ = ["NightOptions", "NightResult", "rescore", "run_night"]

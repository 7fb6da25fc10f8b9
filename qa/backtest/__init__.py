"""Backtest: a draft pack and the pack in force over the same stored chats, before the draft is published.

Nothing stored changes. Scores are compared by the design of the sample, rules by the chats where they fire.
"""

from __future__ import annotations

from qa.backtest.result import Backtest
from qa.backtest.run import BacktestOptions, backtest

__all__ = ["Backtest", "BacktestOptions", "backtest"]

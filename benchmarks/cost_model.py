"""What a night costs, as a formula: fitted to measured nights, to tell the time of larger ones (docs/scale.md).

A night of *n* chats is a start that is the same for every night, work that its one process does alone (the draw, the
audit and estimates), work that worker processes share (screening, inspecting, preparing the queue and the boards), and
the share of the one writer in that: taking the rows of the workers in and writing them. With *W* workers on a machine
that does the work of *K* of its cores when all are busy:

    T(n) = start + n · (alone + max(writer, worker / W, (writer + worker) / K))

The first term of the maximum is the single writer as the bottleneck, the second too few workers, the third too few
cores. Without workers one process does all of it. Times are seconds, costs seconds a chat of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """``start + each · n``."""

    start: float
    each: float

    def at(self, n: float) -> float:
        """Return the value for ``n``."""
        return self.start + self.each * n


class Costs(NamedTuple):
    """What the formula needs; seconds, and seconds a chat."""

    start: float
    alone: float
    writer: float
    worker: float


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """Return the line of least squared *relative* errors through (n, seconds), its start not below 0.

    Relative, because a day of a million chats must not be all that counts. Raises ValueError for fewer than two sizes.

    >>> fit([(10, 3.0), (20, 4.0), (100, 12.0)])
    Line(start=2.0, each=0.1)
    >>> fit([(10, 0.9), (100, 10.0)]).start
    0.0
    """
    if len({n for n, _ in points}) < 2:
        raise ValueError("a line needs two sizes")
    n, y = np.array(points).T
    each, start = np.polyfit(n, y, 1, w=1 / y)
    if start < 0:
        each, start = np.sum(n / y) / np.sum((n / y) ** 2), 0.0
    return Line(round(float(start), 12), round(float(each), 12))


def seconds(costs: Costs, chats: float, workers: int, cores: float | None = None) -> float:
    """Return the time of a night of so many chats; ``workers`` 1: no worker processes; ``cores`` None: enough.

    >>> costs = Costs(start=10, alone=1e-6, writer=9e-6, worker=90e-6)
    >>> [round(seconds(costs, 1e6, workers)) for workers in (1, 5, 10, 100)]
    [110, 29, 20, 20]
    >>> round(seconds(costs, 1e6, 2, cores=1.8))
    66
    """
    if workers == 1:
        shared = costs.writer + costs.worker
    else:
        enough = 0.0 if cores is None else (costs.writer + costs.worker) / cores
        shared = max(costs.writer, costs.worker / workers, enough)
    return costs.start + chats * (costs.alone + shared)


def saturation(costs: Costs) -> float:
    """Return the number of workers beyond which the single writer is the bottleneck.

    >>> saturation(Costs(start=10, alone=1e-6, writer=9e-6, worker=90e-6))
    10.0
    """
    return costs.worker / costs.writer


def workers_needed(costs: Costs, chats: float, within: float) -> int | None:
    """Return the fewest workers that end a night within so many seconds; None: no number does.

    >>> costs = Costs(start=10, alone=1e-6, writer=9e-6, worker=90e-6)
    >>> workers_needed(costs, 1e6, 30), workers_needed(costs, 1e6, 15), workers_needed(costs, 1e6, 3600)
    (5, None, 1)
    """
    most = int(saturation(costs)) + 2
    return next((workers for workers in range(1, most) if seconds(costs, chats, workers) <= within), None)

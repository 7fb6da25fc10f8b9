"""``python -m qa COMMAND…`` as where rjieba is not installed; only for commands of one process."""

from __future__ import annotations

import sys
from pathlib import Path

sys.modules["rjieba"] = None  # type: ignore[assignment]  # as if it could not be found
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from qa.cli import main
    from qa.tokens import engines

    if engines() != ("jieba",):
        raise SystemExit("rjieba is still there")
    main()

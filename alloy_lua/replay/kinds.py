"""The kinds of documents that say what goes with the runs of scripts; read by every process, so kept light."""

from __future__ import annotations

TAPING = "taping"
ROLLOUT = "rollout"
BACKTEST = "backtest"
BACKTEST_RULE = "backtest_rule"

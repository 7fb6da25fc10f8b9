"""The boards: figures about all chats, from the inspected ones, with targets, trends and the chats behind them."""

from __future__ import annotations

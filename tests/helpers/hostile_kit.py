"""Values that want to be more than text, and chats made of nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import chat_kit
import night_kit
import web_kit

MARKUP = "<zzz9"
"""Begins an element that no page of ours has: where it stands in an answer, a value was not escaped."""
TAG = f"""'"></title></textarea></script>{MARKUP} onclick=window.__pwned=1><img src=x onerror=window.__pwned=1>"""
ODD = "{{7*7}}${7*7}{%if%} %(x)s \u202eRTL\u2066 👩\u200d👩\u200d👧 \ufeff\u0000\u0085 ﷺ e\u0301 ﬀ"
HOSTILE: dict[str, str] = {
    "text": TAG + ODD,
    "many digits": "9" * 5_000,
    "a large number": "9" * 19,
    "digits of other scripts": "٣²",
    "long": "长<" * 5_000,
    "a place": "//evil.example/\r\nSet-Cookie: a=b",
    "JSON": '{"rule": "\\ud800", "places": [[0, 99999999999999999999, -1]], "note": "\\u0000"}',
    "not a number": "-nan",
}
"""By what is odd about them."""
RAW = "%ED%A0%80%FF%00%C0%80"
"""In an address: a lone surrogate, bytes that are no UTF-8, NUL, NUL spelt too long."""
MERCHANT, PLAIN = f"""m'"{MARKUP}>""", "plain"
LABEL = f"""'"></title>{MARKUP}><img src=x onerror=window.__pwned=1>{{{{7*7}}}} \u202eب 👩\u200d👧"""


def records(merchant: str, label: str, said: str, count: int = 2) -> list[dict[str, Any]]:
    """Return chats in which every field that may hold a text holds this one; the rules find something in them."""
    talk = (("customer", said), ("agent", f"不知道 {said}"), ("customer", f"太慢了{said}"), ("agent", "长" * 10_000))
    found = []
    for number in range(count):
        one = chat_kit.record(f"{number}{label}", talk, merchant, category=label, tags=[label, "a"], channel=label)
        one |= {
            "agent": {"id": label, "name": label, "team": label},
            "customer": {"id": label, "tier": label, label: label},
            "outcome": {"resolved": True, "order_amount": 12.5, "order": {label: [label]}},
            "followups": [{"at": "2026-11-20T18:00:00+08:00", "kind": label}],
            label: {label: label},
        }
        for message in one["messages"]:
            message |= {"id": label, "sticker": label}
        one["messages"][0] |= {"kind": label}
        found.append(one)
    return found


def put_in(kit: web_kit.Kit) -> dict[str, list[int]]:
    """Import and inspect hostile chats, and plain ones of the same shape; return their inspections by merchant."""
    with tempfile.TemporaryDirectory() as folder:
        standard = chat_kit.standard(Path(folder))
        for merchant, label, said in ((MERCHANT, LABEL, TAG + ODD), (PLAIN, "label", "said")):
            night_kit.bring_in(kit.engine, Path(folder) / str(len(merchant)), records(merchant, label, said))
            night_kit.night(kit.engine, merchant, standard=standard, policy=night_kit.policy(rate=1.0))
    known = chat_kit.ids(kit.engine)
    labels = {MERCHANT: LABEL, PLAIN: "label"}
    return {merchant: [known[f"{number}{label}"] for number in (0, 1)] for merchant, label in labels.items()}

"""Personal data in chats: found, and hidden where people look and where files leave (docs/privacy.md).

Rules and models never see a masked text: masking is for display and export only. A masked text has the length of the
original and every character of it in its place, so that evidence (turn, start, end) points where it pointed.
"""

from __future__ import annotations

from qa.privacy.excerpt import Excerpt, excerpt, masked_text
from qa.privacy.finding import find
from qa.privacy.kinds import ALL, Kind, Masked, Personal
from qa.privacy.masking import mask
from qa.privacy.policy import EXPORT, POLICY, REVIEWER, MaskPolicy
from qa.privacy.values import TEXT_KEYS, mask_chat, mask_json, mask_message, mask_texts

__all__ = [
    "ALL",
    "EXPORT",
    "POLICY",
    "REVIEWER",
    "TEXT_KEYS",
    "Excerpt",
    "Kind",
    "MaskPolicy",
    "Masked",
    "Personal",
    "excerpt",
    "find",
    "mask",
    "mask_chat",
    "mask_json",
    "mask_message",
    "mask_texts",
    "masked_text",
]

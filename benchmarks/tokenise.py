"""Tokenising alone: the text of a night's inspected chats cut into words, and nothing else.

python benchmarks/tokenise.py --database sqlite:///FILE --engine jieba
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from sqlalchemy import select

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qa.store.chats import decode_body
from qa.store.session import opened, read_tx
from qa.store.tables import chats, inspections
from qa.store.texts import BODY
from qa.tokens import engines, tokenize_with


def main() -> None:
    """Print chats, characters, tokens and processor seconds as JSON; reading and decoding are not counted."""
    parser = argparse.ArgumentParser(description="Cut the text of a night's inspected chats into words.")
    parser.add_argument("--database", required=True)
    parser.add_argument("--engine", default="jieba", choices=engines())
    given = parser.parse_args()
    tokenize_with(given.engine, "字典")  # loads the dictionary
    query = select(BODY).select_from(chats).join(inspections, inspections.c.chat_pk == chats.c.id)
    number = characters = tokens = 0
    seconds = 0.0
    with opened(given.database, read_only=True) as engine, read_tx(engine) as connection:
        for body in connection.execute(query).scalars():
            texts = [message.text for message in decode_body(body).messages]
            begun = time.process_time()
            tokens += sum(len(tokenize_with(given.engine, text)) for text in texts)
            seconds += time.process_time() - begun
            number += 1
            characters += sum(map(len, texts))
    print(json.dumps({"chats": number, "characters": characters, "tokens": tokens, "seconds": seconds}))


if __name__ == "__main__":
    main()

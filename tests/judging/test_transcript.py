from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qa.judging.transcript import Cited, Mark, Word, bubbles, cut, words_of
from qa.types import Chat, Evidence, Message, Role

PLACES = st.tuples(st.integers(-2, 12), st.integers(-2, 12), st.integers(1, 9))


@given(st.text(max_size=10), st.lists(PLACES, max_size=6))
def test_pieces_are_the_text(text: str, places: list[tuple[int, int, int]]) -> None:
    pieces = cut(text, [Mark(*place) for place in places])
    assert "".join(piece.text for piece in pieces) == text.replace("\0", "␀").replace("\r", " ")
    at = 0
    for piece in pieces:
        for start, end, number in places:
            inside = start < at + len(piece.text) and end > at
            assert not inside or number in piece.numbers
        at += len(piece.text)


def test_the_number_stands_where_the_citation_ends_and_words_lie_below() -> None:
    pieces = cut("加我微信吧", [Mark(0, 4, 1)], [Word(2, 5, 2, "satisfaction", 0.4)])
    assert [(p.text, p.numbers, p.ends, p.word and p.word.level) for p in pieces] == [
        ("加我", (1,), (), None), ("微信", (1,), (1,), 2), ("吧", (), (), 2),
    ]  # fmt: skip


def test_an_absence_marks_the_message_and_no_text() -> None:
    chat = Chat(
        "c", tuple(Message(Role.AGENT, text, at=at) for text, at in (("在", 0), ("好", 90_000_000), ("嗯", None)))
    )
    gone = Evidence(1, 0, 1, "好", absent=True)
    first, second, third = bubbles(chat, [Cited(2, [gone, gone]), Cited(1, [Evidence(0, 0, 1, "在")])], {})
    assert (first.gap_s, second.gap_s, third.gap_s) == (None, 90.0, None)
    assert (first.searched, second.searched, second.pieces[0].numbers) == ((), (2,), ())
    assert first.pieces[0].ends == (1,)


def test_words_are_as_loud_as_beside_the_loudest_of_their_opinion() -> None:
    def why(of: str, weight: float) -> dict[str, object]:
        return {"of": of, "turn": 0, "start": 0, "end": 1, "quote": "慢", "weight": weight}

    opinions = [
        {"because": [why("satisfaction", 0.9), why("satisfaction", 0.3), why("satisfaction", 0.01)]},
        {"because": [why("resolution", 0.1)]},
    ]
    assert [word.level for word in words_of(opinions)[0]] == [3, 1, 1, 3]
    assert words_of([{"because": []}]) == {}

"""The settings of a fit: everything that can be chosen, and by cross-validation is."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is fitted with. Strengths are inverse penalties (scikit-learn's ``C``)."""

    fewest_texts: int = 2
    """A feature is known when it occurs in this many texts."""
    folds: int = 5
    """Folds by chat for all that is learnt from out-of-fold opinions."""
    turn_strength: float = 1.0
    chat_strength: float = 1.0
    blend_strength: float = 0.3
    reweigh: bool = False
    """Whether what the words say for one label may count for another too, where nothing else is asked; for who judges
    chats like those learnt from."""
    around: float = 0.25
    """How loud the words around a turn are beside its own; 0 leaves them out."""
    neighbours: bool = False
    """Whether opinions on turns listen to the first opinions on the turns around them."""
    places: bool = False
    """Whether opinions on turns listen to where a turn stands, its length, its marks and what was said before."""
    rules: bool = True
    """Whether opinions on chats listen to what rules found in them, where that makes them better out of fold."""
    characters: float = 0.35
    words: float = 0.35
    lexicon: float = 1.0
    """How loud a turn's own runs of characters, words, and groups of words are; 0 leaves them out."""
    tones: float = 1.0
    """How loud the tone of a turn is, learnt apart from everything else, beside what words and groups say."""
    whole: bool = True
    """Whether what is not known counts to the length of a text: one from another world is then heard by its groups."""
    balance: float = 1.0
    """0: labels weigh as often as they occur; 1: each label weighs the same."""
    precision: float = 0.9
    """The model abstains where fewer than this share of its opinions would be right."""

    def as_json(self) -> dict[str, object]:
        """Return the settings as plain values."""
        return dict(msgspec.to_builtins(self))


PLAIN = Settings(reweigh=True, characters=1.0, words=1.0, lexicon=0.0, tones=0.0, whole=False)
"""Where the choice for somebody's own labelled chats begins: there what is learnt need not hold elsewhere."""

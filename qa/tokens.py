"""Words: Chinese text cut by jieba's dictionary, with HMM off.

jieba is the canon. ``rjieba`` (Rust) gives exactly the same tokens about 25 times faster and is used where it is
installed; a test compares the two. Nothing is cached on disk: jieba's own cache is a ``marshal`` file in the shared
temp folder, which anyone can plant, and reading its dictionary afresh costs half a second once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from qa.errors import QaError

Cut = Callable[[str], list[str]]

Words = tuple[tuple[str, int], ...]
"""Words of a user dictionary with their frequencies."""

LONGEST_RUN = 1_000
"""Characters without any break that are cut as one piece; longer runs are cut in pieces of this length, because
jieba's time grows faster than the length of a run."""

_TOO_FREQUENT = 10_000_000
"""Frequencies beyond this would outweigh the dictionary's own (its sum is 60 million)."""
_LONGEST_WORD = 20

_RUN = re.compile("[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+")
"""What jieba takes as one block: its ``re_han_default``."""


class TokensError(QaError):
    """A user dictionary is malformed; the text names its line."""


def tokenize(text: str) -> list[str]:
    """Cut ``text`` into words; joined together they are ``text`` again.

    Raises ``ValueError`` for lone surrogates, which no dictionary knows and the accelerator cannot take: importers
    reject such text before it comes here.

    >>> tokenize("您好，请问有什么可以帮您？")
    ['您好', '，', '请问', '有', '什么', '可以', '帮', '您', '？']
    """
    return tokenize_with(_fastest(), text)


def tokenize_with(engine: str, text: str) -> list[str]:
    """Do what ``tokenize`` does, with one of ``engines()`` by name.

    >>> tokenize_with("jieba", "退款")
    ['退款']
    """
    _refuse_surrogates(text)
    return _in_pieces(_loaded(engine), text)


def cutter(dictionary: str = "", engine: str | None = None) -> Cut:
    """Return a function that cuts as ``tokenize`` does, knowing the words of a user dictionary besides jieba's.

    ``dictionary`` is the text of one (``parse_userdict``); ``engine`` one of ``engines()``, else the fastest. Each
    dictionary has a tokenizer of its own: nothing that others cut by is changed. Raises ``TokensError``.

    >>> cutter("到手价 500")("到手价多少"), tokenize("到手价多少")
    (['到手价', '多少'], ['到手', '价', '多少'])
    """
    words = parse_userdict(dictionary)
    loaded: list[Cut] = []  # when first needed: half a second, and 60 MB

    def guarded(text: str) -> list[str]:
        _refuse_surrogates(text)
        if not loaded:
            loaded.append(_extended(engine or _fastest(), words))
        return _in_pieces(loaded[0], text)

    return guarded


def parse_userdict(text: str, name: str = "user dictionary") -> tuple[tuple[str, int], ...]:
    r"""Return the words of a user dictionary with their frequencies; a line holds both, ``#`` begins a remark.

    A frequency must be given: what jieba suggests by itself depends on the order of the words. Raises ``TokensError``.

    >>> parse_userdict("# 优惠\n到手价 500\n")
    (('到手价', 500),)
    """
    words: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, *rest = line.split()
        if len(rest) != 1 or not rest[0].isascii() or not rest[0].isdigit() or not 0 < int(rest[0]) < _TOO_FREQUENT:
            raise TokensError(f"{name}:{number}: expected 'word frequency', found {line.strip()[:60]!r}")
        if not _RUN.fullmatch(word) or len(word) > _LONGEST_WORD:
            raise TokensError(f"{name}:{number}: {word[:40]!r} is no word that jieba can cut")
        if word in words:
            raise TokensError(f"{name}:{number}: {word} stands there already")
        words[word] = int(rest[0])
    return tuple(words.items())


def engines() -> tuple[str, ...]:
    """Return the names of the engines installed here, the fastest first; ``jieba`` is always the last."""
    return tuple(name for name in _ENGINES if importlib.util.find_spec(name))


def dictionary_hash() -> str:
    """Return the SHA-256 in hex of jieba's dictionary: tokens are comparable between machines where it is equal."""
    return hashlib.sha256(_dictionary().read_bytes()).hexdigest()


def _in_pieces(cut: Cut, text: str) -> list[str]:
    if len(text) <= LONGEST_RUN or not _has_long_run(text):
        return cut(text)
    return [token for piece in _pieces(text) for token in cut(piece)]


def _has_long_run(text: str) -> bool:
    """Whether a run may be longer than ``LONGEST_RUN``: such a one fills some step of half that length, and one more.

    >>> _has_long_run("好，" * 2000), _has_long_run("，" * 999 + "好" * (LONGEST_RUN + 1))
    (False, True)
    """
    half = LONGEST_RUN // 2
    seen = ((at, _RUN.match(text, at, at + half + 1)) for at in range(0, len(text), half))
    return any(run is not None and run.end() - at > half for at, run in seen)


def _pieces(text: str) -> Iterator[str]:
    """Split ``text`` so that no piece holds an unbroken run longer than ``LONGEST_RUN``."""
    start = 0
    for run in _RUN.finditer(text):
        for stop in range(run.start() + LONGEST_RUN, run.end(), LONGEST_RUN):
            yield text[start:stop]
            start = stop
    if start < len(text):
        yield text[start:]


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"lone surrogate at position {error.start}: not text") from None


@lru_cache(maxsize=1)
def _fastest() -> str:
    return engines()[0]


def _loaded(engine: str) -> Cut:
    return _extended(engine, ())


@lru_cache(maxsize=4)
def _extended(engine: str, words: Words) -> Cut:
    return _ENGINES[engine](words)


def _load_rjieba(words: Words) -> Cut:
    import rjieba  # noqa: PLC0415 - optional

    cutter = rjieba.Jieba()
    for word, frequency in words:
        cutter.add_word(word, frequency, None)

    def cut(text: str) -> list[str]:
        tokens: list[str] = cutter.cut(text, False)  # noqa: FBT003 - positional only: HMM off
        return tokens

    return cut


def _load_jieba(words: Words) -> Cut:
    """Return the cut of a tokenizer of our own: jieba's module-level one is shared by the whole process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its patterns are written in an old way
        import jieba  # noqa: PLC0415 - half a second, and not needed where rjieba is installed

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True  # so that it neither reads nor writes a cache file
    for word, frequency in words:
        tokenizer.add_word(word, frequency)

    def cut(text: str) -> list[str]:
        return list(tokenizer.cut(text, HMM=False))

    return cut


def _dictionary() -> Path:
    found = importlib.util.find_spec("jieba")
    if found is None or found.origin is None:
        raise FileNotFoundError("jieba is not installed")
    return Path(found.origin).with_name("dict.txt")


_ENGINES: Mapping[str, Callable[[Words], Cut]] = MappingProxyType({"rjieba": _load_rjieba, "jieba": _load_jieba})

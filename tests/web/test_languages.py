"""Both languages are complete: every marked text is translated, and no text stands in code or templates unmarked."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import web_kit

from qa.people import UserRole
from qa.web.i18n import LANGUAGES, TAGS, age, duration, figure, instant

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "qa" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
CODE = sorted(WEB.rglob("*.py"))
SCRIPTS = [path for path in sorted((WEB / "static").rglob("*.js")) if "vendor" not in path.parts]
SHOWN_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "data-key-label", "value", "label", "data-confirm"}
CHINESE = re.compile(r"[\u3400-\u9fff\uff00-\uffef\u3000-\u303f]")
WORD = re.compile(r"[^\W\d_]{2,}")
OWN_WORDS = {"简体中文"}
"""What stands in its own language on every page."""
NOT_TEXT = {"dropdown", "submit", "button"}


@pytest.fixture(scope="module")
def catalogs() -> ModuleType:
    """The script that keeps the catalogs."""
    spec = importlib.util.spec_from_file_location("catalogs", ROOT / "assets" / "catalogs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["catalogs"] = module
    spec.loader.exec_module(module)
    return module


def test_every_language_but_the_source_has_a_catalog(catalogs: ModuleType) -> None:
    assert {*catalogs.LOCALES, "en"} == set(LANGUAGES) == set(TAGS)


def test_every_text_is_translated_and_the_catalogs_are_up_to_date(catalogs: ModuleType) -> None:
    for locale in catalogs.LOCALES:
        catalog = catalogs.merged(locale)
        assert [message.id for message in catalogs.missing(catalog)] == []
        file = catalogs.po_file(locale)
        advice = "run: python assets/catalogs.py"
        assert file.read_bytes() == catalogs.as_po(catalog), advice
        assert file.with_suffix(".mo").read_bytes() == catalogs.as_mo(catalog), advice


def test_translations_keep_their_placeholders_and_are_chinese(catalogs: ModuleType) -> None:
    wrong = []
    for message in catalogs.merged("zh_Hans_CN"):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        for text in message.string if isinstance(message.string, tuple) else (message.string,):
            places = re.compile(r"%\(\w+\)[sd]")
            if sorted(places.findall(ids[-1])) != sorted(places.findall(text)) or not CHINESE.search(text):
                wrong.append((message.id, text))
    assert wrong == []


class _Texts(HTMLParser):
    """Collects what a reader would see: text between tags, and attributes that are shown or read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        for name, value in attrs:
            if name in SHOWN_ATTRIBUTES and value and value not in NOT_TEXT:
                self._keep(value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._keep(data)

    def _keep(self, text: str) -> None:
        if WORD.search(text):
            self.found.append((self.getpos()[0], text.strip()))


def literals(source: str) -> list[tuple[int, str]]:
    """The words of a template that no gettext call holds, with their lines.

    >>> literals('<p title="Hi there">{{ _("Fine") }} Forgotten</p>')
    [(1, 'Hi there'), (1, 'Forgotten')]
    """

    def blank(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    plain = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", blank, source, flags=re.DOTALL)
    parser = _Texts()
    parser.feed(plain)
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_that_is_not_marked(path: Path) -> None:
    source = path.read_text("utf-8")
    assert literals(source) == []
    assert not CHINESE.search(source), "English in the source, Chinese in the catalog"


def test_the_search_for_literals_finds_them() -> None:
    assert literals("<p>Hello</p>") == [(1, "Hello")]
    assert literals('\n<input placeholder="Search">') == [(2, "Search")]
    assert literals('<p>{{ _("Hello") }} – 12 {# remark #}</p>') == []


def shown_literals(path: Path) -> Iterator[str]:
    """Texts that code gives to a reader without gettext: to ``flash``, or in Chinese at all."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        ast.get_docstring(n, clean=False)
        for n in ast.walk(tree)
        if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
            if CHINESE.search(node.value) and node.value not in OWN_WORDS:
                yield f"{path.name}:{node.lineno}: {node.value}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "flash":
            literal = isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            yield from [f"{path.name}:{node.lineno}: flash of a literal"] * literal


def test_no_code_holds_a_text_that_is_not_marked() -> None:
    assert [found for path in CODE for found in shown_literals(path)] == []


def test_scripts_take_their_texts_from_the_page() -> None:
    assert [path.name for path in SCRIPTS if CHINESE.search(path.read_text("utf-8"))] == []
    assert [p.name for p in SCRIPTS if re.search(r"\b(alert|confirm|prompt)\(", p.read_text("utf-8"))] == []


def shown(page: str) -> str:
    """What a reader of the page sees."""
    parser = _Texts()
    parser.feed(re.sub(r'<(\w+)[^>]*\btranslate="no"[^>]*>.*?</\1>', "", page))
    return "\n".join(text for _, text in parser.found)


@pytest.mark.parametrize("role", UserRole)
def test_no_page_mixes_the_languages(kit: web_kit.Kit, role: UserRole) -> None:
    client = kit.client(role)
    pages = [rule.rule for rule in kit.app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments]
    for locale in LANGUAGES:
        client.send("/preferences/language", language=locale)
        for path in [*pages, "/nothing-here"]:
            answer = client.get(path, follow_redirects=True)
            if answer.mimetype != "text/html":  # for programs, not for people
                continue
            texts = shown(answer.get_data(as_text=True))
            for word in OWN_WORDS:
                texts = texts.replace(word, "")
            if locale == "en":
                assert not CHINESE.search(texts), path
            else:
                assert CHINESE.search(texts), path


def test_figures_and_times_are_written_the_same_way_everywhere(kit: web_kit.Kit) -> None:
    with kit.app.test_request_context():
        assert instant(web_kit.NOW) == "2026-11-18 19:06"
        assert instant(None) == age(None) == duration(None) == figure(None) == "–"
        assert age(web_kit.NOW - 3 * web_kit.HOUR) == "3小时前"
        assert (duration(59.6), duration(3_599), duration(0)) == ("1m 00s", "59m 59s", "0s")
        assert figure(1234.5, 1) == "1,234.5"

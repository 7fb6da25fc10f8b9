from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import model_kit as kit
import msgspec
import pytest

from qa.models.card import Environment, encode_card
from qa.models.manifest import sealed
from qa.models.opinions import ModelError
from qa.models.registry import Registry

VERSION = "2026-11-21-001-first"


class Version:
    """One version in a registry, to be damaged and tried."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.models = kit.registry(data)
        assert self.models.add(kit.FILES, kit.card(), "first", kit.DAY).version == VERSION
        self.folder = data / "models" / VERSION
        self.contents = {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def restore(self) -> None:
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name, content in self.contents.items():
            kit.put(self.folder / name, content)

    def refused(self, models: Registry | None = None) -> str:
        """Load it, and return the message it is refused with; nothing may have come as far as the model."""
        before = len(kit.FakeModel.given)
        with pytest.raises(ModelError) as error:
            (models or kit.registry(self.data)).load(kit.FakeModel.from_files, VERSION)
        assert len(kit.FakeModel.given) == before
        assert (models or kit.registry(self.data)).verify(VERSION)
        return str(error.value)


@pytest.fixture
def version(tmp_path: Path) -> Iterator[Version]:
    made = Version(tmp_path / "var")
    yield made
    made.restore()
    assert kit.registry(made.data).load(kit.FakeModel.from_files, VERSION).model.kept == kit.FILES


def test_what_was_added_is_what_is_loaded(version: Version) -> None:
    loaded = kit.registry(version.data).load(kit.FakeModel.from_files, VERSION)
    assert loaded.model.kept == kit.FILES
    assert loaded.version == loaded.card.name == VERSION
    assert loaded.card == kit.card(name=VERSION, parent="shipped")
    assert sorted(version.contents) == [
        "card.json",
        "heads.npz",
        "manifest.hmac",
        "manifest.json",
        *sorted(kit.FILES)[1:],
    ]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o222 for path in version.folder.iterdir()} == {0}
    assert version.models.verify() == []


def test_the_same_version_is_the_same_bytes_everywhere(version: Version, tmp_path: Path) -> None:
    again = Version(tmp_path / "again")
    assert again.contents == version.contents


def test_400_flipped_bits_are_refused(version: Version) -> None:
    dice = random.Random(20261121)
    for _ in range(400):
        name = dice.choice(sorted(version.contents))
        content = bytearray(version.contents[name])
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        kit.put(version.folder / name, bytes(content))
        message = version.refused()
        assert message.startswith(f"models/{VERSION}/"), message
        assert f"/{name}: " in message or "/manifest.json: does not match its signature" in message
        kit.put(version.folder / name, version.contents[name])


def test_100_truncations_are_refused(version: Version) -> None:
    dice = random.Random(100)
    for _ in range(100):
        name = dice.choice(sorted(version.contents))
        kit.put(version.folder / name, version.contents[name][: dice.randrange(len(version.contents[name]))])
        assert f"models/{VERSION}/" in version.refused()
        kit.put(version.folder / name, version.contents[name])


def test_an_added_file_is_refused(version: Version) -> None:
    kit.put(version.folder / "more.npz", b"")
    assert version.refused() == f"models/{VERSION}/more.npz: does not belong there: manifest.json does not list it"


@pytest.mark.parametrize("name", ["card.json", "heads.npz", "manifest.json", "manifest.hmac"])
def test_a_removed_file_is_refused(version: Version, name: str) -> None:
    (version.folder / name).unlink()
    assert version.refused() == f"models/{VERSION}/{name}: is missing"


@pytest.mark.parametrize("name", ["heads.npz", "card.json", "manifest.json", "manifest.hmac"])
def test_a_file_of_another_version_is_refused(version: Version, name: str) -> None:
    files = kit.FILES | {"heads.npz": kit.FILES["heads.npz"][::-1]}
    other = version.models.add(files, kit.card(), "second", kit.DAY)
    kit.put(version.folder / name, (version.data / "models" / other.version / name).read_bytes())
    assert f"models/{VERSION}/" in version.refused()


def test_a_whole_version_under_another_name_is_refused(version: Version) -> None:
    other = version.models.add(kit.FILES, kit.card(), "second", kit.DAY)
    for path in (version.data / "models" / other.version).iterdir():
        kit.put(version.folder / path.name, path.read_bytes())
    assert version.refused() == (
        f"models/{VERSION}/manifest.json: is that of version '{other.version}': versions are not renamed or copied"
    )


def test_the_secret_of_another_installation_is_refused(version: Version) -> None:
    message = version.refused(kit.registry(version.data, secret=kit.OTHER_SECRET))
    assert "manifest.json: does not match its signature: it was signed with the secret" in message
    assert "of another installation" in message


class Malice:
    """Unpickled, it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("name", ["model.json", "heads.npz", "card.json", "manifest.json", "manifest.hmac"])
def test_a_malicious_pickle_is_refused_and_not_run(version: Version, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    evil = pickle.dumps(Malice(trace))
    kit.put(version.folder / name, evil)
    version.refused()
    manifest = json.loads(version.contents["manifest.json"])  # and with a manifest that lists it
    if name in manifest["files"]:
        kit.put(version.folder / name, evil)
        contents = {n: c for n, c in version.contents.items() if not n.startswith("manifest.")} | {name: evil}
        for file, content in sealed(VERSION, contents, kit.OTHER_SECRET).items():
            kit.put(version.folder / file, content)
        assert "signed with the secret" in version.refused()
    assert not trace.exists()
    os.system(f"touch {trace}.control")
    assert trace.with_name("trace.control").exists()


def test_a_pickle_that_we_signed_ourselves_is_bytes_to_us(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    models = kit.registry(tmp_path / "var")
    made = models.add(kit.FILES | {"model.json": pickle.dumps(Malice(trace))}, kit.card(), "evil", kit.DAY)
    with pytest.raises(ModelError, match=r"model\.json: is unfit"):
        models.load(kit.FakeModel.from_files, made.version)
    assert not trace.exists()


def test_links_and_what_is_no_file_are_refused(version: Version, tmp_path: Path) -> None:
    elsewhere = tmp_path / "heads.npz"
    elsewhere.write_bytes(kit.FILES["heads.npz"])  # the very content that is expected
    place = version.folder / "heads.npz"
    place.unlink()
    place.symlink_to(elsewhere)
    assert version.refused() == f"models/{VERSION}/heads.npz: is a link, no file"
    place.unlink()
    os.mkfifo(place)
    assert version.refused() == f"models/{VERSION}/heads.npz: is no plain file"
    place.unlink()
    place.mkdir()
    assert version.refused() == f"models/{VERSION}/heads.npz: is no plain file"


def test_a_version_that_is_a_link_is_refused(version: Version) -> None:
    moved = version.folder.rename(version.data / "moved")
    version.folder.symlink_to(moved)
    assert version.refused() == f"models/{VERSION}: is a link, no folder"
    version.folder.unlink()
    moved.rename(version.folder)


@pytest.mark.parametrize(
    "name", ["../x", "/etc", ".", "..", "", f"{VERSION}/", f"../models/{VERSION}", "2026-11-21-001-First", "latest"]
)
def test_a_name_that_is_no_version_leads_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="is no name of a version"):
        kit.registry(tmp_path / "var").read(name)


def test_an_unknown_version_is_told_with_those_there_are(version: Version) -> None:
    with pytest.raises(ModelError, match=rf"no such version \(there are: shipped, {VERSION}\)"):
        version.models.read("2026-11-21-002-second")


def changed(libraries: dict[str, str] | None = None, **more: str) -> Environment:
    return msgspec.structs.replace(kit.HERE, libraries=kit.HERE.libraries | (libraries or {}), **more)


@pytest.mark.parametrize(
    ("here", "told"),
    [
        (changed({"jieba": "0.43.0"}), "was made with jieba 0.42.1, here is 0.43.0; train it again"),
        (changed({"scikit-learn": "2.0"}), "was made with scikit-learn 1.9.1, here is 2.0; train it again"),
        (changed(dictionary="e" * 64), "was made with another dictionary (dddddddddddd…, here is eeeeeeeeeeee…)"),
    ],
)
def test_another_library_or_dictionary_is_refused(version: Version, here: Environment, told: str) -> None:
    assert told in version.refused(kit.registry(version.data, here=here))


def test_a_later_patch_of_a_library_is_not_refused(version: Version) -> None:
    here = changed({"jieba": "0.42.9", "scikit-learn": "1.10", "numpy": "3.0", "python": "3.12.1"})
    assert kit.registry(version.data, here=here).read(VERSION).files == kit.FILES


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (encode_card(kit.card(name=VERSION, format="1.0")), "format 1.0; this program reads 2.1"),
        (encode_card(kit.card(name=VERSION, format="2.2")), "format 2.2; this program reads 2.1"),
        (encode_card(kit.card(name=VERSION, schema=2)), "schema 2; this program reads 1"),
        (encode_card(kit.card(name="2026-11-21-002-second")), "is the card of '2026-11-21-002-second'"),
        (encode_card(kit.card(name=VERSION)).replace(b'"parent"', b'"parents"'), "unknown field `parents`"),
        (b"[]", "is no card: Expected `object`, got `array`"),
        (b"\xff", "is no card"),
    ],
)
def test_a_card_that_we_signed_must_still_be_one_that_we_read(version: Version, card: bytes, told: str) -> None:
    contents = {n: c for n, c in version.contents.items() if not n.startswith("manifest.")} | {"card.json": card}
    for name, content in (contents | sealed(VERSION, contents, kit.SECRET)).items():
        kit.put(version.folder / name, content)
    assert told in version.refused()


def test_verify_names_everything_at_once(version: Version) -> None:
    kit.put(version.folder / "heads.npz", b"x")
    kit.put(version.folder / "more", b"x")
    (version.folder / "words.txt").unlink()
    (version.data / "models" / "notes.txt").write_text("hello\n")
    shipped = kit.shipped(version.data)
    kit.put(shipped.folder / "model.json", b"{}")
    kit.put(shipped.folder / "extra.bin", b"")
    assert [str(problem) for problem in kit.registry(version.data).verify()] == [
        "shipped/extra.bin: is not one of the model's files",
        "shipped/model.json: was changed: its SHA-256 is not that of the program",
        f"models/{VERSION}/heads.npz: has 1 bytes instead of 768",
        f"models/{VERSION}/more: does not belong there: manifest.json does not list it",
        f"models/{VERSION}/words.txt: is missing",
        "models/notes.txt: is no version and none of the registry's files",
    ]


def test_the_shipped_model_is_current_where_none_was_promoted(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var")
    assert models.current() == "shipped"
    loaded = models.load(kit.FakeModel.from_files)
    assert (loaded.version, loaded.model.kept) == ("shipped", {"model.json": b'{"shipped": true}'})
    assert models.versions() == ["shipped"]
    assert not (tmp_path / "var").exists(), "looking makes nothing"


def test_a_changed_shipped_model_is_refused(tmp_path: Path) -> None:
    shipped = kit.shipped(tmp_path / "var")
    models = kit.registry(tmp_path / "var")
    kit.put(shipped.folder / "model.json", b'{"shipped": tru3}')
    with pytest.raises(ModelError, match=r"shipped/model\.json: was changed"):
        models.load(kit.FakeModel.from_files)


def test_a_shipped_model_without_one_of_its_files_is_refused(tmp_path: Path) -> None:
    (kit.shipped(tmp_path / "var").folder / "model.json").unlink()
    with pytest.raises(ModelError, match=r"shipped/model\.json: is missing"):
        kit.registry(tmp_path / "var").load(kit.FakeModel.from_files)


def test_without_a_shipped_model_there_is_none(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var", ship=False)
    assert models.versions() == []
    with pytest.raises(ModelError, match="shipped: no model comes with this program"):
        models.read()


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a-", "a--b", "模型", "../a", "a/b", "a.b", "x" * 41])
def test_a_bad_name_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="must be lower-case letters"):
        kit.registry(tmp_path / "var").add(kit.FILES, kit.card(), name, kit.DAY)
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("name", ["../a", "a/b", "/a", "manifest.json", "manifest.hmac", "card.json", "", "A", ".a"])
def test_a_bad_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="cannot be the name of a model's file"):
        kit.registry(tmp_path / "var").add({name: b""}, kit.card(), "a", kit.DAY)
    assert [path.name for path in tmp_path.glob("var/models/*")] in ([], ["lock"])


def test_versions_are_numbered_by_day_and_sort_by_time(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var", ship=False)
    for day, name in (("2026-11-21", "z"), ("2026-11-21", "a"), ("2026-11-22", "a")):
        models.add(kit.FILES, kit.card(), name, day)
    assert models.versions() == ["2026-11-21-001-z", "2026-11-21-002-a", "2026-11-22-001-a"]


def test_a_name_that_was_current_is_not_given_again(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var")
    first = models.add(kit.FILES, kit.card(), "a", kit.DAY).version
    second = models.add(kit.FILES, kit.card(), "a", kit.DAY).version
    models.promote(first, kit.LEAD)
    models.promote(second, kit.LEAD)
    shutil.rmtree(models.folder / first)
    shutil.rmtree(models.folder / second)
    assert models.add(kit.FILES, kit.card(), "a", kit.DAY).version == "2026-11-21-003-a"
    assert [str(p) for p in models.verify()] == [f"models/current.json: names {second}, which is not there"]


def test_a_day_is_full_at_999(tmp_path: Path) -> None:
    (tmp_path / "var/models/2026-11-21-999-a").mkdir(parents=True)
    with pytest.raises(ModelError, match="there are 999 versions of this day already"):
        kit.registry(tmp_path / "var").add(kit.FILES, kit.card(), "a", kit.DAY)


def test_a_place_that_cannot_be_written_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(ModelError, match="models: cannot be "):
        kit.registry(tmp_path / "var").add(kit.FILES, kit.card(), "a", kit.DAY)

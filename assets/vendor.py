"""Copy what the workbench and the tests need from ``node_modules``, with licences and a manifest of SHA-256.

    cd assets && npm ci --ignore-scripts && python3 vendor.py

The copies are committed: nobody who runs Zhijian needs Node. A test hashes them again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
WEB = HERE.parent / "qa" / "web" / "static" / "vendor"
TESTS = HERE.parent / "tests" / "browser" / "vendor"

FILES: dict[Path, dict[str, str]] = {
    WEB: {
        "bootstrap/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
        "bootstrap/bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
        "bootstrap/LICENSE": "bootstrap/LICENSE",
        "bootstrap/LICENSE-popper": "@popperjs/core/LICENSE.md",
        "htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
        "htmx/LICENSE": "htmx.org/LICENSE",
        "bootstrap-icons/LICENSE": "bootstrap-icons/LICENSE",
    },
    TESTS: {
        "axe-core/axe.min.js": "axe-core/axe.min.js",
        "axe-core/LICENSE": "axe-core/LICENSE",
    },
}
SPRITE = WEB / "bootstrap-icons" / "icons.svg"
_SOURCE_MAP = re.compile(rb"\n?(//# sourceMappingURL=.*|/\*# sourceMappingURL=.*\*/)\s*$")


def main() -> None:
    """Make both folders anew."""
    for folder, files in FILES.items():
        shutil.rmtree(folder, ignore_errors=True)
        for name, source in files.items():
            _copy(MODULES / source, folder / name)
    SPRITE.write_text(_sprite((HERE / "icons.txt").read_text("utf-8").split()), "utf-8")
    for folder in FILES:
        _write_manifest(folder)


def _copy(source: Path, target: Path) -> None:
    """Copy without the reference to a source map, which is not shipped and would be asked for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if target.suffix in {".js", ".css"}:
        content = _SOURCE_MAP.sub(b"", content) + b"\n"
    target.write_bytes(content)


def _sprite(names: list[str]) -> str:
    """One file of symbols, which pages take single icons from."""
    symbols = []
    for name in sorted(set(names)):
        svg = (MODULES / "bootstrap-icons" / "icons" / f"{name}.svg").read_text("utf-8")
        inner = re.sub(r"\s*\n\s*", "", re.sub(r"</?svg[^>]*>", "", svg)).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 16 16">{inner}</symbol>')
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def _write_manifest(folder: Path) -> None:
    """List every file with its hash, and the versions they came in."""
    lock = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    versions = {name.removeprefix("node_modules/"): about["version"] for name, about in lock.items() if name}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    hashes = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    content = {"packages": versions, "sha256": hashes}
    (folder / "manifest.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Copy the browser files of node_modules into the package, with a manifest of versions, licences and hashes.

Run by scripts/setup after `npm ci`, and by the wheel's build hook. Nothing is bundled or rewritten, so each copy has
the hash of the published file.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = Path("src/dothi/web/static/vendor")

FONT_FILES = tuple(
    f"files/be-vietnam-pro-{script}-{weight}-normal.woff2"
    for script in ("latin", "vietnamese")
    for weight in (400, 500, 600, 700)
)

# Package -> (folder under vendor/, files of the package).
FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "@fontsource/be-vietnam-pro": ("be-vietnam-pro", ("LICENSE", *FONT_FILES)),
    "maplibre-gl": (
        "maplibre-gl",
        ("LICENSE.txt", "dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css"),
    ),
    "uplot": ("uplot", ("LICENSE", "dist/uPlot.esm.js", "dist/uPlot.min.css")),
}


def copy(root: Path = ROOT) -> None:
    """Make vendor/ anew from node_modules; it appears whole or not at all."""
    fresh = root / TARGET.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    packages = [_copy_package(root / "node_modules", name, fresh) for name in FILES]
    (fresh / "manifest.json").write_text(json.dumps({"packages": packages}, indent=1) + "\n")
    shutil.rmtree(root / TARGET, ignore_errors=True)
    fresh.rename(root / TARGET)


def _copy_package(modules: Path, name: str, fresh: Path) -> dict[str, object]:
    folder, paths = FILES[name]
    (fresh / folder).mkdir()
    files = {}
    for path in paths:
        copied = shutil.copyfile(modules / name / path, fresh / folder / Path(path).name)
        files[f"{folder}/{copied.name}"] = sha256(copied)
    package = json.loads((modules / name / "package.json").read_text())
    return {"name": name, "version": package["version"], "licence": package["license"], "sha256": files}


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    try:
        copy()
    except FileNotFoundError as missing:
        sys.exit(f"vendor: {missing.filename} is missing; run scripts/setup")

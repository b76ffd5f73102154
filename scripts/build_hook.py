"""Hatchling's hook: a wheel is built only with the browser files and the territory's data inside it."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BROWSER_FILES = "src/dothi/web/static/vendor/manifest.json"
TERRITORY = "src/dothi/territory/data/units.json"


class MadeFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Takes what set-up made (or a source archive brought), and copies the browser files where npm has run."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop a build that would lack files; an editable install comes before the territory is made."""
        root = Path(self.root)
        vendor = runpy.run_path(str(root / "scripts/vendor.py"))
        if not (root / BROWSER_FILES).is_file() and (root / "node_modules").is_dir():
            vendor["copy"](root)
        missing = [path for path in (BROWSER_FILES, TERRITORY) if not (root / path).is_file()]
        if missing and version != "editable":
            raise FileNotFoundError(f"{' and '.join(missing)} missing: run scripts/setup, then build the wheel again.")

"""Hatchling's hook: a wheel is built only with the browser files inside it."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Takes vendor/ as it is (as in a source archive), or makes it where npm has run."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop a build that would lack the browser files; an editable install may come before them."""
        root = Path(self.root)
        vendor = runpy.run_path(str(root / "scripts/vendor.py"))
        if (root / vendor["TARGET"] / "manifest.json").is_file():
            return
        if (root / "node_modules").is_dir():
            vendor["copy"](root)
        elif version != "editable":
            raise FileNotFoundError("The browser files are missing: run scripts/setup, then build the wheel again.")

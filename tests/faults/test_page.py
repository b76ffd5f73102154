"""The page of what dothi withstands says what the harness noted, and no more."""

import importlib.machinery
import importlib.util
from pathlib import Path


def test_the_page_is_written_from_results(repository: Path) -> None:
    """The table of docs/reliability.md is what scripts/reliability makes of the kept results; none lost a write."""
    loader = importlib.machinery.SourceFileLoader("reliability", str(repository / "scripts" / "reliability"))
    spec = importlib.util.spec_from_loader("reliability", loader)
    assert spec is not None
    script = importlib.util.module_from_spec(spec)
    loader.exec_module(script)
    results = script.read(script.KEPT)
    assert script.BEGIN + script.table(results) + script.END in script.PAGE.read_text("utf-8")
    assert [one for one in results if one.get("lost") or one.get("doubled") or one.get("torn")] == []

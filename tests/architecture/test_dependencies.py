"""What the package imports is what it declares, so that an installed wheel never lacks a part."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any


def test_every_import_is_declared(repository: Path) -> None:
    """Each package imported in src/ is the standard library's, our own, or named in pyproject.toml."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = {normal(re.split(r"[<>=~!\[; ]", line)[0]) for line in listed(project)}
    known = sys.stdlib_module_names | {"dothi"}
    providers = packages_distributions()
    missing = {
        name
        for path in (repository / "src").rglob("*.py")
        for name in imported(ast.parse(path.read_text()))
        if name not in known and not declared & {normal(given) for given in (name, *providers.get(name, ()))}
    }
    assert missing == set()


def listed(project: dict[str, Any]) -> Iterator[str]:
    """The dependencies of a project, those of its extras among them."""
    yield from project["dependencies"]
    for extra in project.get("optional-dependencies", {}).values():
        yield from extra


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def normal(name: str) -> str:
    """The name of a distribution as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

"""Every file says what it is for, and imports stand where a reader looks for them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

# An import inside a function: only an optional heavy library, with the reason. {"file: module": "reason"}
ALLOWED_INNER_IMPORTS: dict[str, str] = {
    "dothi/hub/store/query/spark.py: pyspark.sql": "an extra of 586 MB that few need",
}


@pytest.fixture(scope="module")
def trees(repository: Path) -> dict[str, ast.Module]:
    """The syntax tree of every Python file of the package, by path."""
    package = repository / "src"
    return {str(path.relative_to(package)): ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))}


def test_every_file_opens_with_a_sentence(trees: dict[str, ast.Module]) -> None:
    """Each Python file, and so each package, opens with a docstring whose first paragraph is a sentence."""
    opening = {path: (ast.get_docstring(tree) or "").split("\n\n")[0] for path, tree in trees.items()}
    assert [path for path, sentence in opening.items() if not sentence.endswith((".", ":"))] == []


def test_every_folder_of_code_is_a_package(repository: Path) -> None:
    """A folder with Python files has an `__init__.py`, whose docstring says what the folder is for."""
    folders = {path.parent for path in (repository / "src/dothi").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_script_of_the_browser_opens_with_a_comment(repository: Path) -> None:
    """Each JavaScript file of our own opens with a comment that says what it does."""
    static = repository / "src/dothi/web/static"
    ours = [path for path in static.rglob("*.js") if "vendor" not in path.parts]
    assert [str(path) for path in ours if not path.read_text().startswith(("//", "/*"))] == []


def test_imports_stand_at_the_top(trees: dict[str, ast.Module]) -> None:
    """No function imports anything, but for the heavy optional libraries listed here with a reason."""
    found = {f"{path}: {module}" for path, tree in trees.items() for module in inner_imports(tree)}
    assert sorted(found ^ set(ALLOWED_INNER_IMPORTS)) == []


def inner_imports(tree: ast.Module) -> Iterator[str]:
    """The modules imported inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield node.module or "."

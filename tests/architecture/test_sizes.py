"""Files, functions and folders stay small enough to be read at one sitting."""

import ast
import subprocess
from collections import Counter
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 70
FOLDER_ENTRIES = 12
WRITTEN = (".py", ".js", ".css", ".html", "")  # The last one: shell scripts, which have no suffix.


def written_files(repository: Path) -> list[Path]:
    """Every file of code in the clone that git does not ignore, by path from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src", "tests", "scripts", "bench"],
        cwd=repository,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (Path(line) for line in listed.stdout.splitlines())
    return [path for path in paths if path.suffix in WRITTEN and (repository / path).is_file()]


def test_no_file_is_longer_than_400_lines(repository: Path) -> None:
    """A file of code has at most 400 lines."""
    lengths = {str(path): len((repository / path).read_text().splitlines()) for path in written_files(repository)}
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_70_lines(repository: Path) -> None:
    """A function has at most 70 lines, from `def` to its last line."""
    too_long = {
        f"{path}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in written_files(repository)
        if path.suffix == ".py"
        for node in ast.walk(ast.parse((repository / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= FUNCTION_LINES
    }
    assert too_long == {}


def test_no_folder_of_the_package_shows_more_than_12_names(repository: Path) -> None:
    """A reader who opens any folder sees at most twelve files and folders of code beside `__init__.py`.

    On top of the package stand the floors: there the folders are counted, the single files close the building.
    """
    names = {
        Path(*path.parts[: depth + 1])
        for path in written_files(repository)
        if path.parts[0] == "src" and path.suffix == ".py" and path.name != "__init__.py"
        for depth in range(2, len(path.parts))
        if path.parent != Path("src/dothi")
    }
    entries = Counter(str(name.parent) for name in names)
    assert {folder: count for folder, count in entries.items() if count > FOLDER_ENTRIES} == {}

"""Where mappings are kept: those shipped with dothi, and the operator's own, which come first."""

from functools import lru_cache
from pathlib import Path

from dothi.sources.mapping.compiled import Compiled, compiled
from dothi.sources.mapping.model import BadMapping, NoSuchMapping
from dothi.sources.mapping.parse import parse_mapping

SHIPPED = Path(__file__).parent.parent / "mappings"


def mapping_paths(folder: Path | None) -> dict[str, Path]:
    """Every mapping file by the name of the file; one in the operator's `folder` hides a shipped one."""
    found = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    if folder is not None and folder.is_dir():
        found.update({path.stem: path for path in sorted(folder.glob("*.toml"))})
    return found


def load_mapping(path: Path) -> Compiled:
    """The mapping in a file, read anew when the file has changed. BadMapping when it is wrong or cannot be read."""
    try:
        stat = path.stat()
        return _loaded(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise BadMapping(f"{path.name}: cannot be read: {error}.") from error


@lru_cache(maxsize=256)
def _loaded(path: Path, changed: int, size: int) -> Compiled:
    return compiled(parse_mapping(path.read_text("utf-8"), path.name))


def find_mapping(folder: Path | None, name: str) -> Compiled:
    """The mapping of this name, or of this path when it names a file. NoSuchMapping when there is none."""
    known = mapping_paths(folder)
    if name in known:
        return load_mapping(known[name])
    if name.endswith(".toml") and Path(name).is_file():
        return load_mapping(Path(name))
    raise NoSuchMapping(f"There is no mapping {name!r}; known are {', '.join(known)}. Or name a .toml file.")

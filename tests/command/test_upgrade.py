"""Bundles: signed, proved, installed without network beside the older version; the store goes along, and back again."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dothi.command.bringing import bundle
from dothi.command.bringing.upgrade import back, current, install, upgrade
from dothi.command.keeping import migrating
from dothi.ground.errors import Conflict, Invalid, Missing, Unavailable
from dothi.hub.store.sqlite import schema, versions
from tests.command.cities import City, at_work, told
from tests.command.test_migrations import old_hub

WHEEL = "pip-0-py3-none-any.whl"


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A private and a public key in PEM form."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def wheel(folder: Path, version: str) -> Path:
    """A wheel of a package that has the command `dothi`, which tells what it was asked and does as this one does."""
    path = folder / f"dothi-{version}-py3-none-any.whl"
    info = f"dothi-{version}.dist-info"
    ours = f"[{sys.executable!r}, '-m', 'dothi.cli', *sys.argv[1:]]"
    code = f"import subprocess, sys\ndef main():\n    sys.exit(subprocess.call({ours}))\n"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("carried.py", code)
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: dothi\nVersion: {version}\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/entry_points.txt", "[console_scripts]\ndothi = carried:main\n")
        made.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    """A bundle with a wheel of a few lines, and the key to trust."""
    private, public = keys(tmp_path, "maker")
    path = tmp_path / "dothi.bundle"
    bundle.write(path, [wheel(tmp_path, "9.9")], bundle._private(private))
    return path, public


def test_what_is_not_as_it_was_signed_is_refused(signed: tuple[Path, Path], tmp_path: Path) -> None:
    """Another signer, a changed byte anywhere, no bundle at all: one sentence, and nothing is installed."""
    path, public = signed
    assert bundle.read(path, public).stores == {"hub": schema.VERSION, "accounts": 2}
    _, stranger = keys(tmp_path, "stranger")
    home = tmp_path / "home"
    with pytest.raises(Invalid, match="not signed"):
        install(path, stranger, home)
    good = path.read_bytes()
    changed = 0
    for at in range(0, len(good), 37):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        try:
            found = bundle.read(path, public)
        except Invalid:
            changed += 1
        else:  # A byte of ZIP's own book-keeping, such as a date: what is signed is unharmed.
            assert found.wheels.keys() == {"dothi-9.9-py3-none-any.whl"}
    assert changed > len(range(0, len(good), 37)) // 2
    path.write_text("no bundle")
    with pytest.raises(Invalid, match="no bundle of dothi"):
        install(path, public, home)
    with pytest.raises(Missing):
        install(tmp_path / "none", public, home)
    assert not home.exists()


def test_a_city_goes_to_a_newer_version_and_back(signed: tuple[Path, Path], tmp_path: Path) -> None:
    """Installed with no index, backed up, migrated by the new version, switched to; back again with the older store."""
    path, public = signed
    home, data, place = tmp_path / "home", tmp_path / "city", str(tmp_path / "place")
    (home / "0.0-old").mkdir(parents=True)
    (home / "current").symlink_to("0.0-old")
    old_hub(data, 3)
    came = upgrade(path, public, home, data, place)
    assert (came.before, came.seq) == ("0.0-old", 300)
    assert current(home).startswith(f"{came.dothi}-")
    assert migrating.plans(data)[0].steps == []
    with pytest.raises(Conflict, match="was installed"):
        upgrade(path, public, home, data, place)
    aside = back(home, data)
    assert current(home) == "0.0-old"
    assert versions.look(data / "hub/hub.db").found == 3
    assert versions.look(aside / "hub/hub.db").found == schema.VERSION


def test_what_was_written_since_is_not_lost_by_going_back(signed: tuple[Path, Path], tmp_path: Path) -> None:
    """After one more commit the way back is refused, with how many would be lost, and nothing has moved."""
    path, public = signed
    home, data = tmp_path / "home", tmp_path / "city"
    (home / "0.0-old").mkdir(parents=True)
    (home / "current").symlink_to("0.0-old")
    old_hub(data, 4)
    upgrade(path, public, home, data, str(tmp_path / "place"))
    now = current(home)

    async def more(city: City) -> None:
        await city.write(1, "since")

    at_work(data, more)
    with pytest.raises(Conflict, match="1 commits were written since"):
        back(home, data)
    assert current(home) == now
    assert versions.look(data / "hub/hub.db").found == schema.VERSION


def test_an_upgrade_that_fails_leaves_the_older_version(signed: tuple[Path, Path], city: Path, tmp_path: Path) -> None:
    """Where the new version cannot migrate, the link stays, and the city is as it was."""
    path, public = signed
    home = tmp_path / "home"
    before = at_work(city, told)

    def failing(command: Sequence[str]) -> str:
        if "migrate" in command:
            raise Unavailable("the new version says no")
        return ""

    with pytest.raises(Unavailable, match="says no"):
        upgrade(path, public, home, city, str(tmp_path / "place"), failing)
    assert current(home) == ""
    assert at_work(city, told) == before
    with pytest.raises(Missing, match="no upgrade"):
        back(home, city)


@pytest.mark.slow
def test_a_real_bundle_serves(repository: Path, tmp_path: Path) -> None:
    """Made of this clone with every pinned dependency, installed without an index, it answers in its own home."""
    private, public = keys(tmp_path, "maker")
    path = tmp_path / "dothi.bundle"
    made = bundle.make(path, repository, repository / "requirements/runtime.txt", private)
    assert len(made.wheels) > 20
    home = install(path, public, tmp_path / "home")
    said = subprocess.run([home / "venv/bin/dothi", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"dothi {made.dothi}"

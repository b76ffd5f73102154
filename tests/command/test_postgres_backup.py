"""A city on PostgreSQL: dumped at one moment by pg_dump, restored into an empty database, drilled, and refused well."""

from pathlib import Path

import pytest

from dothi.cli import main
from dothi.command.keeping.backup import Wanted, backup
from dothi.command.keeping.drill import drill
from dothi.command.keeping.restore import Asked, restore
from dothi.ground.errors import Conflict, Missing
from dothi.ground.places import Folder
from tests.command.cities import at_work, fill, told
from tests.servers.postgres import Server


def test_a_city_on_postgresql_comes_back(postgres: Server, tmp_path: Path) -> None:
    """State, log, cursors, timers, people and photos, into a new database; never into one that holds something."""
    url, fresh, another = postgres.fresh(), postgres.fresh(), postgres.fresh()
    data, place = tmp_path / "city", Folder(tmp_path / "place")
    at_work(data, fill, url)
    made = backup(data, place, Wanted(store=url))
    assert (made.store, made.position.seq) == ("postgresql", 42)
    done = restore(place, tmp_path / "again", Asked(store=fresh, key=(data / "vault.key").read_bytes()))
    assert done.seq == 42
    assert at_work(tmp_path / "again", told, fresh) == at_work(data, told, url)
    with pytest.raises(Conflict, match="not empty"):
        restore(place, tmp_path / "third", Asked(store=url))
    assert drill(place, another).seq == 42
    assert "dothi" not in made.images[0].name


@pytest.mark.parametrize("verb", ["backup", "migrate"])
def test_a_database_that_cannot_be_used_is_said_without_its_password(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """Wrong password, no such host, no such database, an address of another kind: one sentence each, and 1 or 2."""
    at_work(tmp_path / "city", fill)
    good = postgres.fresh()
    user = good.partition("://")[2].partition("@")[0]
    place = [str(tmp_path / "place")] if verb == "backup" else []
    for url, code in (
        (good.replace(user, f"{user}-wrong"), 1),
        (good.replace("127.0.0.1", "no-such-host.invalid"), 1),
        (f"{good.rpartition('/')[0]}/none", 1),
        ("mysql://root@127.0.0.1/x", 2),
    ):
        assert main([verb, *place, "--data", str(tmp_path / "city"), "--store", url]) == code
        said = capsys.readouterr().err
        assert said.count("\n") == 1, said
        assert "dothi: " in said
        assert user.partition(":")[2] not in said


def test_at_a_moment_a_dump_from_before_comes_back(postgres: Server, tmp_path: Path) -> None:
    """A database comes back as its newest dump not after that moment, held; before the first dump nothing is known."""
    url, fresh = postgres.fresh(), postgres.fresh()
    data, place = tmp_path / "city", Folder(tmp_path / "place")
    at_work(data, fill, url)
    first = backup(data, place, Wanted(store=url))
    at_work(data, fill, url)
    second = backup(data, place, Wanted(store=url))
    assert second.position.seq > first.position.seq
    with pytest.raises(Missing, match="holds no backup"):
        restore(place, tmp_path / "never", Asked(at=first.at - 1, store=fresh))
    done = restore(place, tmp_path / "again", Asked(at=second.at - 1, store=fresh))
    assert (done.seq, done.held) == (first.position.seq, True)

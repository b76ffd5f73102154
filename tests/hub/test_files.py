"""Photos and documents of a hub: kept once, in its folder or in object storage."""

import asyncio
from pathlib import Path

import pytest

from dothi.ground.errors import Missing, Unavailable
from dothi.hub.access import Open
from dothi.hub.core import Hub


def test_files_are_kept_once_by_hash(tmp_path: Path) -> None:
    """The same content gives the same hash; an unknown or malformed hash is Missing."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        digest = hub.keep_file(b"photo")
        assert hub.keep_file(b"photo") == digest
        assert hub.read_file(digest) == b"photo"
        for wrong in ("0" * 64, "../../etc/passwd", ""):
            with pytest.raises(Missing):
                hub.read_file(wrong)
        await hub.close()

    asyncio.run(story())


def test_files_may_lie_in_object_storage(tmp_path: Path, bucket: str) -> None:
    """Kept there, read by a hub of another folder, forgotten for good; a storage that is away is said so."""

    async def story() -> None:
        one = Hub(tmp_path / "one", Open(), photos=f"{bucket}/photos")
        other = Hub(tmp_path / "other", Open(), photos=f"{bucket}/photos")
        digest = one.keep_file(b"photo")
        assert (one.keep_file(b"photo"), other.read_file(digest)) == (digest, b"photo")
        assert list(other.kept_files()) == [digest]
        assert other.forget_file(digest) == 5
        with pytest.raises(Missing):
            one.read_file(digest)
        away = Hub(tmp_path / "away", Open(), photos="s3://nobody-made-this-bucket/photos")
        with pytest.raises(Unavailable, match="s3://nobody"):
            away.keep_file(b"photo")
        for hub in (one, other, away):
            await hub.close()

    asyncio.run(story())
    assert not (tmp_path / "one" / "files").exists()

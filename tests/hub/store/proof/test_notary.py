"""The notary over a real hub: each commit has its leaf, checkpoints are signed, content goes while the chain holds."""

import asyncio
import base64
import hashlib
import json
import os
from pathlib import Path

import pytest

from dothi.ground.canonical import canonical
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, amend, prop, put
from dothi.hub.store import codec
from dothi.hub.store.port import Store, Written
from dothi.hub.store.proof import note, tree
from dothi.hub.store.proof.erasing import gone_of, purged, told
from dothi.hub.store.proof.notary import Notary, finish, open_notary

LAN = Actor("user:lan", frozenset({"official"}))
MANY = 300


def salted(types: tuple[str, ...]) -> bool:
    return "Person" in types


async def fill(hub: Hub) -> None:
    for number in range(MANY):
        changes = tuple(put(f"urn:lamp:{one}", "Lamp", watt=prop(number)) for one in range(3))
        await hub.commit(Commit(LAN, changes))
    await hub.commit(Commit(LAN, (put("urn:p:1", "Person", name=prop("Lan")), put("urn:p:2", "Person")), 'vì "lý do"'))
    await hub.commit(Commit(LAN, (amend("urn:p:1", name=prop("Mai")),), "asked by Mai"))


def check(data: bytes, seq: int, checkpoint: note.Checkpoint, path: list[bytes]) -> bool:
    return tree.includes(tree.leaf_hash(data), seq - 1, checkpoint.size, path, checkpoint.root)


def open_hub(folder: Path) -> tuple[Hub, Notary]:
    hub = Hub(folder, Open())
    return hub, open_notary(folder, "dothi-test", salted)


def test_every_commit_is_proved_to_be_in_the_signed_tree(tmp_path: Path) -> None:
    """Leaves of readings and of people's entries are canonical JSON, included in what was signed; hashes open them."""

    async def scene() -> None:
        hub, notary = open_hub(tmp_path)
        await fill(hub)
        await finish(hub, notary)
        proofs = hub.proofs
        signed = note.opened(proofs.latest(), notary.signer.public)
        assert (signed.size, signed.origin) == (MANY + 2, "dothi-test")
        for seq in (1, 2, 255, 256, 257, MANY, MANY + 1, MANY + 2):
            shown = proofs.leaf(seq)
            assert check(shown.leaf, seq, signed, proofs.inclusion(seq, signed.size))
            said = json.loads(shown.leaf)
            assert canonical(said) == shown.leaf
            reason = base64.b64encode(hashlib.sha256(shown.salt + shown.reason.encode()).digest()).decode()
            assert said[:2] == ["dothi 1", seq]
            assert said[3:6] == ["", "user:lan", reason]
            hashes = [hashlib.sha256(one.salt + one.body).digest() for one in shown.entries]
            assert [base64.b64encode(one).decode() for one in hashes] == [entry[4] for entry in said[6]]
            assert [len(one.salt) for one in shown.entries] == [16 * (seq > MANY)] * len(shown.entries)
        with pytest.raises(Missing):
            proofs.leaf(MANY + 3)
        with pytest.raises(Invalid):
            proofs.inclusion(MANY + 3, MANY + 2)
        await hub.close()

    asyncio.run(scene())


def test_the_tree_goes_on_where_it_stood_and_proves_it(tmp_path: Path) -> None:
    """After a restart the next checkpoint continues the one before; nothing new signs nothing."""

    async def scene() -> None:
        hub, notary = open_hub(tmp_path)
        await fill(hub)
        await finish(hub, notary)
        old = note.read(hub.proofs.latest())
        await hub.close()
        hub, notary = open_hub(tmp_path)
        await finish(hub, notary)
        assert len(hub.proofs.checkpoints()) == 1
        await fill(hub)
        await finish(hub, notary)
        new = note.opened(hub.proofs.latest(), notary.signer.public)
        path = hub.proofs.consistency(old.size, new.size)
        assert tree.continues(old.size, new.size, path, old.root, new.root)
        assert [note.read(one).size for one in hub.proofs.checkpoints()] == [old.size, new.size]
        await hub.close()

    asyncio.run(scene())


def erase(seq: int, store: Store) -> Written:
    """What the life cycle does: the content of all entries of a commit goes, and its reason."""
    row = store.commits((seq,))[seq]
    entries = list(codec.unpack(row.blob))
    hashes, pages = purged(store, [(seq, slot, entry) for slot, entry in enumerate(entries)], {seq: row.reason})
    left = [
        entry._replace(body=codec.encode(codec.Doc("urn:p:1", ("Person",), gone=one)))
        for entry, one in zip(entries, hashes, strict=True)
    ]
    rewritten = [row._replace(reason="", blob=codec.pack(left))]
    return Written((), (), (), (), (), pages=told(pages, rewritten), rewritten=rewritten)


@pytest.mark.parametrize("before", [True, False])
def test_content_goes_and_the_chain_holds(tmp_path: Path, before: bool) -> None:
    """Whether it was in the tree already or not: its leaf is rebuilt from hashes, and no salt is left to guess with."""

    async def scene() -> None:
        hub, notary = open_hub(tmp_path)
        await fill(hub)
        if before:
            await finish(hub, notary)
            salts = [one.salt for one in hub.proofs.leaf(MANY + 1).entries]
        await hub.chore(lambda store: erase(MANY + 1, store))
        await finish(hub, notary)
        signed = note.read(hub.proofs.latest())
        shown = hub.proofs.leaf(MANY + 1)
        assert check(shown.leaf, MANY + 1, signed, hub.proofs.inclusion(MANY + 1, signed.size))
        assert [one.salt for one in shown.entries] == [bytes(16)] * 2
        assert [bool(one.gone) for one in shown.entries] == [True, True]
        assert b"Lan" not in b"".join(one.body for one in shown.entries)
        known = gone_of(hub.proofs.store.page, MANY + 1)
        assert known is not None
        assert known.row
        assert known.reason
        await hub.close()
        if before:
            assert all(salt not in (tmp_path / "hub.db").read_bytes() for salt in salts)

    asyncio.run(scene())


def test_two_notaries_never_write_a_leaf_twice(tmp_path: Path) -> None:
    """Rounds that overlap keep what the first one wrote."""

    async def scene() -> None:
        hub, notary = open_hub(tmp_path)
        await fill(hub)
        await asyncio.gather(*(finish(hub, notary) for _ in range(3)))
        assert hub.proofs.size() == MANY + 2
        signed = note.read(hub.proofs.latest())
        assert check(hub.proofs.leaf(7).leaf, 7, signed, hub.proofs.inclusion(7, signed.size))
        await hub.close()

    asyncio.run(scene())


def test_the_key_is_private_and_not_replaced_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key others may read is refused, and where it is gone another signs, which is said."""
    made = open_notary(tmp_path, "dothi-test", salted)
    key = tmp_path / "notary.key"
    assert oct(key.stat().st_mode & 0o777) == "0o600"
    assert (tmp_path / "notary.pub").read_text().strip() == str(made.signer.public)
    assert open_notary(tmp_path, "another", salted).signer.public == made.signer.public
    os.chmod(key, 0o644)
    with pytest.raises(Forbidden, match="chmod 600"):
        open_notary(tmp_path, "dothi-test", salted)
    key.chmod(0o600)
    key.unlink()
    with caplog.at_level("WARNING"):
        other = open_notary(tmp_path, "dothi-test", salted)
    assert "is gone" in caplog.text
    assert other.signer.public != made.signer.public

"""A person is erased everywhere: what stands, the log, files, letters, and at last their key; then it is proved.

Done again it goes on where it stopped, and finds what a restored copy brought back (`replay`). That somebody did
something on a day stays, with the salted hash of what it was; the chain of custody holds.
"""

import hashlib
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dothi.accounts.model import Erasure, Identity
from dothi.accounts.policy import has_ability
from dothi.accounts.roles import Ability
from dothi.accounts.vault import Vault, destroy_lockers, erase, open_from, open_identity, seal_in
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, put
from dothi.hub.peers.ending import Taken, scrub, silence, unused
from dothi.office.lifecycle.disposals.running import forget_parcels, owner_of
from dothi.office.lifecycle.holds import held_now
from dothi.office.lifecycle.model import OWNER, PROOF, SYSTEM, LifeCycle
from dothi.office.lifecycle.persons.lineage import Found, Traces, carriers_of, traces_of
from dothi.office.lifecycle.persons.proving import Search, beside_lists, search
from dothi.office.lifecycle.register import copies
from dothi.office.lifecycle.rules import policy_at

_REASON = "a person was erased"
BEGUN, COMPLETE, INCOMPLETE = "begun", "complete", "incomplete"


@dataclass
class Going:
    """What an erasure has done so far."""

    traces: Traces
    kinds: set[str] = field(default_factory=set)
    things: int = 0
    first: int = 0  # The first commit that spoke of them.
    taken: Taken = field(default_factory=Taken)
    files: int = 0
    letters: int = 0


async def erase_person(life: LifeCycle, actor: Actor, pseudonym: str, reason: str, now: int | None = None) -> Entity:
    """Erase one person from everything that is kept here; returns the proof (an ErasureProof).

    Forbidden without the right. Conflict when a legal hold lies on the person or on what they handed in: it names it.
    """
    if not has_ability(actor, Ability.ERASE_IDENTITY):
        raise Forbidden("Only who may erase identities erases a person.")
    vault, at = _vault(life), now or now_us()
    found = _with_begun(life, pseudonym, carriers_of(life, pseudonym))
    _demand_free(life, pseudonym, found)
    identity: Identity | None = None
    with suppress(Missing):  # An erasure that was interrupted had destroyed the key already.
        identity = await open_identity(vault, actor, pseudonym, f"to erase: {reason}"[:500], at)
    traces = await _begin(life, pseudonym, found, await traces_of(life, pseudonym, identity, found))
    going = await _take_all(life, found, traces)
    with suppress(Missing):
        await erase(vault, actor, pseudonym, reason.strip(), at)
    await destroy_lockers(vault, [_locker(vault, pseudonym)], actor.id, reason.strip(), at)
    return await _prove(life, actor, pseudonym, going, reason, at)


async def replay(life: LifeCycle, erased: Iterable[Erasure]) -> int:
    """Erase again whom a restored copy brought back, before it serves; returns in how many cases there was something.

    The list is that of the vault (accounts.vault.erasures), carried apart from the copy.
    """
    again = 0
    for one in erased:
        if not one.pseudonym.startswith("urn:"):
            continue  # A locker of sealed events: its key is all there is.
        found = carriers_of(life, one.pseudonym)
        identity: Identity | None = None
        if life.vault is not None:
            with suppress(Missing):
                identity = await open_identity(life.vault, SYSTEM, one.pseudonym, "to erase again after a restore")
        going = await _take_all(life, found, await traces_of(life, one.pseudonym, identity, found))
        again += bool(found or going.taken.entries)
    return again


def proof_of(life: LifeCycle, pseudonym: str) -> Entity | None:
    """The proof of a person's erasure, None when nobody erased them here."""
    try:
        return life.hub.get(SYSTEM, proof_id(_vault(life), pseudonym))
    except Missing:
        return None


def proof_id(vault: Vault, pseudonym: str) -> str:
    """The id of a person's proof: a keyed hash, so that it names nobody."""
    return urn(PROOF, vault.tag("erased", pseudonym).hex()[:32])


def _vault(life: LifeCycle) -> Vault:
    if life.vault is None:
        raise Conflict("There is no vault here: nobody can be erased.")
    return life.vault


def _demand_free(life: LifeCycle, pseudonym: str, found: Iterable[Found]) -> None:
    held = held_now(life)
    holds = {*held.on_person(pseudonym), *(hold for one in found for hold in held.on(one.entity))}
    if holds:
        named = "; ".join(f"“{one.title}” ({one.id})" for one in held.holds if one.id in holds)
        raise Conflict(f"A legal hold stands: {named}. What is held is not erased until it is lifted.", holds=[*holds])


def _with_begun(life: LifeCycle, pseudonym: str, found: list[Found]) -> list[Found]:
    """What carries the person, with what a try that was interrupted had ended already."""
    begun = proof_of(life, pseudonym)
    known = {(one.tenant, one.entity.id) for one in found}
    carriers = policy_at(life.rules).carriers
    for tenant, name, kind in begun.value("begun", []) if begun is not None else ():
        if (tenant, name) not in known and kind in carriers:
            stands = life.hub.some(SYSTEM, (name,), tenant).get(name)
            found.append(Found(stands or Entity(name, (kind,), {}), tenant, carriers[kind]))
    return found


async def _begin(life: LifeCycle, pseudonym: str, found: Iterable[Found], traces: Traces) -> Traces:
    """Note what is to go before anything does, so that a killed process goes on; returns the traces of all tries.

    The note names no person: the traces lie in it sealed, and what opens them is destroyed at the end.
    """
    vault = _vault(life)
    begun = proof_of(life, pseudonym)
    sealed = begun.value("sealed") if begun is not None else None
    if isinstance(sealed, str):
        with suppress(Missing):
            locker = _locker(vault, pseudonym)
            opened = await open_from(vault, SYSTEM, locker, b64decode(sealed), locker, "to finish an erasure")
            traces |= msgspec.json.decode(opened, type=Traces)
    (note,) = await seal_in(vault, _locker(vault, pseudonym), [msgspec.json.encode(traces)])
    listed = [[one.tenant, one.entity.id, one.carrier.id] for one in found]
    told = {"state": prop(BEGUN), "begun": json_prop(listed), "sealed": prop(b64encode(note).decode())}
    change = put(proof_id(vault, pseudonym), PROOF, open=prop(True), **told)
    await life.hub.commit(Commit(SYSTEM, (change,), "erasure begun", owner=OWNER))
    return traces


def _locker(vault: Vault, pseudonym: str) -> str:
    return f"erasing|{vault.tag('erased', pseudonym).hex()[:32]}"


async def _take_all(life: LifeCycle, found: list[Found], traces: Traces) -> Going:
    """End what stands, then take the content out of the log, the letters and the files."""
    going = Going(traces, kinds={kind for one in found for kind in one.entity.types})
    for one in found:
        await _end(life, one)
        going.things += 1
    things = {(one.tenant, one.entity.id) for one in found}
    went = await silence(life.hub, traces.meets, things)
    going.taken, going.first = went.taken, went.first
    for name, tenant in went.quoting.items():
        await _silence(life, name, tenant, traces)
    if went.quoting:
        going.taken += (await silence(life.hub, traces.meets, things)).taken
    going.letters = await forget_parcels(life, [*traces.strong, *traces.names])
    for digest in sorted(await unused(life.hub, traces.photos)):
        going.files += bool(life.hub.forget_file(digest))
    await scrub(life.hub)
    return going


async def _end(life: LifeCycle, one: Found) -> None:
    """What stands of a thing goes, or is replaced by what may stay; its evolution begins anew."""
    entity, carrier = one.entity, one.carrier
    if entity.version == ABSENT:
        return  # A try that was interrupted ended it.
    if carrier.keeps:
        kept: dict[str, Attribute] = {name: value for name, value in entity.attrs.items() if name in carrier.keeps}
        kept |= {name: prop(text) for name, text in carrier.sets.items()}
        if entity.value("open") is True:
            kept |= {"open": prop(False), **{name: prop(text) for name, text in carrier.closes.items()}}
        kept["erased"] = prop(True)
        changes = (Change(Op.ERASE, entity.id), Change(Op.PUT, entity.id, entity.types, kept))
    else:
        changes = (Change(Op.DELETE, entity.id), Change(Op.ERASE, entity.id))
    if carrier.keeps and kept == entity.attrs:
        return  # It was done before.
    commit = Commit(SYSTEM, changes, _REASON, {entity.id: entity.version}, owner=owner_of(entity), tenant=one.tenant)
    await life.hub.commit(commit)


async def _silence(life: LifeCycle, name: str, tenant: str, traces: Traces) -> None:
    """Take the person's words out of a thing that quoted them."""
    entity = life.hub.some(SYSTEM, (name,), tenant).get(name)
    if entity is None:
        return
    told = {key: _without(value, traces) for key, value in entity.attrs.items()}
    changed = {key: value for key, value in told.items() if value != entity.attrs[key]}
    if changed:
        change = Change(Op.APPEND, name, attrs=changed)
        await life.hub.commit(Commit(SYSTEM, (change,), _REASON, owner=owner_of(entity), tenant=tenant))


GONE = "[đã xóa]"


def _without(value: Any, traces: Traces) -> Any:
    """A value with every trace in its texts replaced."""
    if isinstance(value, dict):
        return {key: _without(one, traces) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, traces) for one in value]
    if isinstance(value, str):
        for trace in sorted(traces.all(), key=len, reverse=True):
            value = value.replace(trace.decode(), GONE)
    return value


async def _prove(life: LifeCycle, actor: Actor, pseudonym: str, going: Going, reason: str, at: int) -> Entity:
    """Look for every trace in every file and write down what was found: nothing, or where a person must look."""
    seen = Search(0, 0, ())
    if life.folder is not None:
        seen = search(life.folder, going.traces.strong | {one.encode() for one in going.traces.photos})
    left = beside_lists(seen.hits, pseudonym)
    files: dict[str, int] = defaultdict(int)
    for hit in left:
        files[hit.file] += hit.times
    name = proof_id(_vault(life), pseudonym)
    digest = _vault(life).tag("taken", going.taken.digest).hex()  # Keyed: nobody guesses content from it.
    told: dict[str, Any] = {
        **{"things": going.things, "entries": going.taken.entries, "files": going.files, "letters": going.letters},
        **{"bytes": going.taken.bytes, "digest": digest, "traces": len(going.traces.all())},
        **{"erasedBy": actor.id, "erasedAt": iso(at), "state": INCOMPLETE if left else COMPLETE},
        **{"reasonHash": hashlib.sha256(reason.encode()).hexdigest()},
    }
    attrs: dict[str, Attribute] = {key: prop(value) for key, value in told.items()}
    attrs["searched"] = json_prop({"files": seen.files, "bytes": seen.bytes})
    attrs["left"] = json_prop([{"file": file, "count": count} for file, count in sorted(files.items())])
    attrs["carriedBy"] = json_prop(copies(life.hub, going.kinds, going.first or 1, life.folder))
    await life.hub.commit(Commit(SYSTEM, (put(name, PROOF, **attrs),), "erasure proved", owner=OWNER))
    return life.hub.get(SYSTEM, name)

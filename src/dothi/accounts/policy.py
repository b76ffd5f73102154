"""The one check of who may read and write what, where: roles, areas and key scopes over the table in roles.py."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from dothi.accounts import roles
from dothi.accounts.roles import RULES, Ability, Do, Rule, Where
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.access import WHERE_SEEN, in_sight
from dothi.hub.language.nodes import ANY_TYPE, Query, Sight, TypeAnd, TypeCondition, TypeIs, TypeOr
from dothi.hub.model import Actor, Attribute, Change, Entity, Op, default_instance, instance_value
from dothi.hub.vocabulary import NOUNS

Units = frozenset[str] | None  # Codes of units; None = everywhere.
Within = Callable[[str], frozenset[str]]  # A unit's code → the codes at and below it.
Rights = Mapping[Do, Sight]
Today = Callable[[Actor], Actor]
NOWHERE: frozenset[str] = frozenset()
KEPT_RIGHTS_MAX = 2000
KEPT_RIGHTS_S = 5.0  # How long a right holds that another process took away.

_SCOPE = re.compile(r"(read|write):(\*|[^\s*]{1,200})|source:\S{1,200}")
_SCOPE_DOES = {"read": (Do.READ,), "write": (Do.CREATE, Do.CHANGE, Do.DELETE)}
_ALWAYS_CREATES = frozenset({Op.CREATE})
_MAY_CREATE = frozenset({Op.CREATE, Op.PUT, Op.UPSERT})
_LEAVES_NOTHING = frozenset({Op.CREATE, Op.REPLACE, Op.PUT})  # What stood before is gone, the old unit too.


class RolePolicy:
    """The Policy of a real city; default deny. Rights are worked out once per actor and kept for some seconds."""

    def __init__(
        self,
        within: Within,
        public_types: frozenset[str] = frozenset(),
        rules: tuple[Rule, ...] = RULES,
    ) -> None:
        """`within` gives the codes at and below a unit; `public_types` are what anybody may read (none = switched off).

        A city with types of its own adds lines to `rules`.
        """
        self._within = within
        self._public = public_types
        self._rules = rules
        self._known = NOWHERE.union(NOUNS, *(rule.types for rule in rules)) - {ANY_TYPE}
        self._kept: dict[Actor, Rights] = {}
        self._kept_until = 0.0
        self._today: Today = _as_given

    def ask(self, today: Today) -> None:
        """Have `today` tell what an actor of whatever day may be and have now.

        Who once subscribed to something is still shown it when nobody is signed in: by the rights of now.
        """
        self._today = today
        self.forget()

    def check_write(self, actor: Actor, change: Change, before: Entity | None, types: tuple[str, ...]) -> None:
        """Raise Forbidden unless `actor` may make `change`; `types` are those before and after it."""
        if is_system(actor):
            return
        if not types and (before is not None or change.op in _MAY_CREATE):
            raise Forbidden(f"{change.id} has no type, so nobody but the system may write it.")
        deed = _deed(change, before)
        allowed = self.rights(actor)[deed]
        for kind in types:
            units = _look_up(allowed, kind)
            if units is not None and not _lies_in(change, before, kind, units):
                raise Forbidden(_refusal(actor, deed, kind, units), entity=change.id)

    def narrow(self, actor: Actor, query: Query) -> Query:
        """The query restricted to what `actor` may read; Forbidden when nothing of it may be read."""
        sight = self.sight(actor)
        if sight is None:
            return query
        named = type_names(query.types) or sight.keys()
        if all(_look_up(sight, kind) == NOWHERE for kind in named):
            raise Forbidden(_refusal(actor, Do.READ, ", ".join(sorted(type_names(query.types))) or "entities", NOWHERE))
        return replace(query, sight=sight)

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Whether `actor` may read this one entity."""
        return in_sight(self.sight(actor), entity)

    def sight(self, actor: Actor) -> Sight | None:
        """What `actor` may read, type by type; None is everything."""
        if is_system(actor):
            return None
        sight = self.rights(actor)[Do.READ]
        return None if sight.keys() == {ANY_TYPE} and sight[ANY_TYPE] is None else sight

    def rights(self, actor: Actor) -> Rights:
        """Everything that `actor` may do, by deed and type (ANY_TYPE: types not named)."""
        if time.monotonic() >= self._kept_until:
            self._kept, self._kept_until = {}, time.monotonic() + KEPT_RIGHTS_S
        kept = self._kept.get(actor)
        if kept is None:
            if len(self._kept) >= KEPT_RIGHTS_MAX:
                self._kept = {}
            now = self._today(actor)
            kept = self._kept[actor] = {deed: self._work_out(now, deed) for deed in Do}
        return kept

    def forget(self) -> None:
        """Work out all rights anew: the territory has changed."""
        self._kept = {}

    def _work_out(self, actor: Actor, deed: Do) -> dict[str, Units]:
        area = self._area(actor)
        scoped = [kind for able, kind in _scope_deeds(actor) if able is deed]
        if ANY_TYPE in scoped:
            return {ANY_TYPE: area}
        grants = [*self._by_role(actor, deed, area), *((kind, area) for kind in scoped)]
        if deed is Do.READ:
            grants += [(kind, None) for kind in self._public]
        # A type that the table knows and does not grant stays hidden, also from who may see unknown types.
        sight: dict[str, Units] = dict.fromkeys(self._known, NOWHERE)
        for kind, units in grants:
            sight[kind] = _union(sight.get(kind, NOWHERE), units)
        return sight

    def _area(self, actor: Actor) -> Units:
        """All codes where the actor's roles hold; a province's role holds in its communes too."""
        if not actor.areas:
            return None
        return NOWHERE.union(*(self._within(code) | {code} for code in actor.areas))

    def _by_role(self, actor: Actor, deed: Do, area: Units) -> Iterable[tuple[str, Units]]:
        held = roles_of(actor)
        for rule in self._rules:
            if deed in rule.may and held & rule.roles:
                yield from ((kind, area if rule.where is Where.AREA else None) for kind in rule.types)


def _as_given(actor: Actor) -> Actor:
    return actor


def is_system(actor: Actor) -> bool:
    """Whether a module of dothi acts; `system` is no role of people and can be held by no key."""
    return roles.SYSTEM in actor.roles and actor.id.startswith("system:")


def roles_of(actor: Actor) -> frozenset[str]:
    """The roles that count: a person's own, `anonymous` for nobody in particular, none for a key."""
    if actor.id.startswith("user:"):
        return actor.roles & roles.EVERY_ROLE
    return frozenset({roles.ANONYMOUS}) if actor.id == "anonymous" else NOWHERE


def has_ability(actor: Actor, ability: Ability) -> bool:
    """Whether one of the actor's roles carries `ability`."""
    return any(ability in roles.ROLES[role].abilities for role in roles_of(actor) if role in roles.ROLES)


def demand(actor: Actor, ability: Ability) -> None:
    """Raise Forbidden unless `actor` has `ability`."""
    if not has_ability(actor, ability):
        raise Forbidden(f"{actor.id} may not {ability.value.replace('_', ' ')}; ask an administrator.")


def may_push(actor: Actor, source: str) -> bool:
    """Whether a key may hand data to the connector of `source` (its id): scope source:<id>, or source:* for all."""
    return not actor.scopes.isdisjoint((f"source:{source}", "source:*"))


def check_scopes(scopes: frozenset[str]) -> None:
    """Raise Invalid unless every scope is read:<Type|*>, write:<Type|*> or source:<id>."""
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise Invalid(f"“{scope[:80]}” is no scope; a scope is read:<Type or *>, write:<Type or *> or source:<id>.")
    if not scopes:
        raise Invalid("A key without a scope can do nothing; name at least one, e.g. read:AirQualityObserved.")


def type_names(condition: TypeCondition | None) -> frozenset[str]:
    """All types that a query names; empty when it names none."""
    if isinstance(condition, TypeIs):
        return frozenset({condition.name})
    if isinstance(condition, TypeAnd | TypeOr):
        return NOWHERE.union(*map(type_names, condition.terms))
    return NOWHERE


def _scope_deeds(actor: Actor) -> frozenset[tuple[Do, str]]:
    """(deed, type or ANY_TYPE) for every read and write scope of a key."""
    pairs = (scope.partition(":") for scope in actor.scopes)
    return frozenset((deed, kind) for head, _, kind in pairs for deed in _SCOPE_DOES.get(head, ()))


def _union(one: Units, other: Units) -> Units:
    return None if one is None or other is None else one | other


def _look_up(sight: Sight, kind: str) -> Units:
    return sight.get(kind, sight.get(ANY_TYPE, NOWHERE))


def _deed(change: Change, before: Entity | None) -> Do:
    if change.op is Op.DELETE or (change.op is Op.ERASE and not change.name):
        return Do.DELETE  # A whole history erased leaves nothing to be proven by.
    creates = change.op in _ALWAYS_CREATES or (before is None and change.op in _MAY_CREATE)
    return Do.CREATE if creates else Do.CHANGE


def _lies_in(change: Change, before: Entity | None, kind: str, units: frozenset[str]) -> bool:
    """Whether what is written lies in `units`, before and after.

    What a module owns is also changed by the unit that owes the next step, and may be passed on to a unit elsewhere:
    its verb knows to whom.
    """
    owned = kind in NOUNS and NOUNS[kind].owner is not None
    names = WHERE_SEEN if owned else ("unit",)
    if before is not None and units.isdisjoint(_codes(before.attrs, names)):
        return False
    if before is not None and owned:
        return True
    dropped = change.op is Op.DROP and change.name == "unit"
    stays = before is not None and not dropped and change.op not in _LEAVES_NOTHING and "unit" not in change.attrs
    return stays or not units.isdisjoint(_codes(change.attrs, names))


def _codes(attrs: Mapping[str, Attribute], names: tuple[str, ...]) -> list[str]:
    """The codes of units that attributes hold; what came in as a unit and is no text lies nowhere."""
    values = (instance_value(default_instance(attrs.get(name))) for name in names)
    return [value for value in values if isinstance(value, str)]


def _refusal(actor: Actor, deed: Do, kind: str, units: frozenset[str]) -> str:
    who = "Nobody who has not signed in" if actor.id == "anonymous" else f"No role or scope of {actor.id}"
    where = " outside the areas given to it" if units else ""
    return f"{who} may {deed.value} {kind}{where}. Sign in, or ask an administrator for the right."

"""The one check: every role on every type of the vocabulary, areas, keys, and default deny."""

import asyncio
from pathlib import Path

import pytest

from dothi.accounts.policy import RolePolicy, check_scopes, has_ability, may_push
from dothi.accounts.roles import COUNCIL, PUBLIC_TYPES, READINGS, ROLES, RULES, Ability, Do, Rule, Where
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs, TypeOr
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Entity, Op, prop, system
from dothi.hub.vocabulary import NOUNS
from tests.accounts.conftest import within

COLUMNS = ("anonymous", "citizen", "official", "duty_officer", "leader", "programme_officer", "assessor", "planner",
           "data_steward", "administrator")  # fmt: skip
# R read, C create, U change, D delete; a small letter holds in the actor's areas only. Public reading switched off.
READING = "- - R R R R R R Rcud R"
EXPECTED = {
    **dict.fromkeys(READINGS, READING),
    "DataSource": "- - R R R R R R RCUD RCUD",
    "SourceDay": "- - R R R R R R R R",
    "UnitMerger": "- - R R R R R RCUD RCUD RCUD",
    "AdministrativeUnit": "- - R R R R R RCUD RCUD RCUD",
    "Organisation": "- - R R R R R R R R",
    "PublicService": "- - Ru R R RCU R R R R",
    "ServiceCount": "- - R R R R R R R R",
    "ServiceRating": "- - - - - - - - - -",
    "LegalBasis": "- - R R R RCU R R R R",
    "Indicator": "- - R R R RCU R R RCU R",
    "IndicatorValue": "- - R R R Rcu R R R R",
    "PublishedReport": "- - Rcu R R Rcu R R R R",
    "ReportDuty": "- - rcu r r rcu R r r r",
    "ErasureRequest": "- - - - - - - - RU -",
    "RuleSet": "- - R R R Rcu R R RCUD RCUD",
    "LegalHold": "- - - - R - R - RCU RCU",
    "DisposalProposal": "- - - - RU - R - RCU RCU",
    "DisposalRecord": "- - R R R R R R R R",
    "ErasureProof": "- - - - - - - - R R",
    "DataExport": "- - - - R - R - RCU RCU",
    "Alarm": "- - r rcu r r R r r r",
    "CitizenReport": "- - ru ru r r R r r r",
    "ReportPart": "- - rcu rcu r r R r r r",
    "Problem": "- - rcu rcu r rcu R r r r",
    "ReportContact": "- - - - - - - - - -",
    **dict.fromkeys(("Consultation", "ConsultationComment", "CommentCluster"), "- - rcu r r rcu R r r r"),
    **dict.fromkeys(("CommentSupport", "CommentAuthor"), "- - - - - - - - - -"),
    "Message": "- - - - - - - - - -",
    "FollowedArea": "- - - - - - - - - -",
    "Task": "- - rcu r r rcu R r r r",
    "Solution": "- - rcu r r rcu R r r r",
    "TaskPart": "- - rcu r r rcu R r r r",
    "ExtensionRequest": "- - rcu r r rcu R r r r",
    "Bottleneck": "- - rcu r r rcu R r r r",
    "EvidenceFile": "- - rcu r r rcu R r r r",
    "Scheme": "- - R R R Rcu R R R R",
    "SchemeTarget": "- - R R R Rcu R R R R",
    "Plan": "- - Rcu R R Rcu R R R R",
    "Project": "- - Rcu R R Rcu R R R R",
    **dict.fromkeys(COUNCIL - {"MemberOpinion", "ExplanationRequest"}, "- - R R R Rcu R R R R"),
    **dict.fromkeys(("MemberOpinion", "ExplanationRequest"), "- - Ru R R Rcu R R R R"),
    **dict.fromkeys(("Directive", "Obligation", "PlanImport"), "- - r r r rcu r r r r"),
    "Submission": "- - ru r r rcu r r r r",
    "SubmissionContact": "- - - - - - - - - -",
    "Reminder": "- - r r r r r r r r",
    "Proposal": "- - rcu rc rc rcu R r r r",
    "QuarantinedRow": "- - - - - - - - RCUD RCUD",
    "SomethingNew": "- - - - - - - - rcud r",
    **dict.fromkeys(
        ("Incident", "IncidentReview", "Warning", "WarningDelivery", "Suggestion"), "- - r rcu rcu r R r r r"
    ),
    "CentreHour": "- - R R R R R R R R",
    **dict.fromkeys(("MaintenanceWindow", "Shift"), "- - r rcu r r R r r r"),
    "Order": "- - ru rcu rcu r R r r r",
    "LogEntry": "- - rc rcu rcu r R r r r",
    "Bulletin": "- - R Rcu Rcu R R R R R",
    "EventSource": "- - R R R R R R RCUD RCUD",
}
HERE, ELSEWHERE = "19753", "00004"
CELLS = [
    (kind, role, letters)
    for kind, row in sorted(EXPECTED.items())
    for role, letters in zip(COLUMNS, row.split(), strict=True)
]


def actor(role: str, *areas: str) -> Actor:
    return ANONYMOUS if role == "anonymous" else Actor("user:1", frozenset({role}), frozenset(areas))


def entity(kind: str, unit: str | None) -> Entity:
    return Entity("urn:x:1", (kind,), {"unit": prop(unit)} if unit else {}, version=1)


def may_write(policy: RolePolicy, who: Actor, change: Change, before: Entity | None, kind: str) -> bool:
    try:
        policy.check_write(who, change, before, (kind,))
    except Forbidden:
        return False
    return True


def allowed(policy: RolePolicy, who: Actor, kind: str, unit: str) -> dict[str, bool]:
    """What may be done to an entity of `kind` in `unit`, by letter."""
    one, at = entity(kind, unit), {"unit": prop(unit)}
    return {
        "R": policy.may_read(who, one),
        "C": may_write(policy, who, Change(Op.CREATE, one.id, (kind,), at), None, kind),
        "U": may_write(policy, who, Change(Op.APPEND, one.id, attrs={"name": prop("x")}), one, kind),
        "D": may_write(policy, who, Change(Op.DELETE, one.id), one, kind),
    }


def test_every_type_of_the_vocabulary_has_its_row() -> None:
    """A noun added to the vocabulary must be given its rights before anyone but the system touches it."""
    assert NOUNS.keys() <= EXPECTED.keys()
    assert set(COLUMNS) == {"anonymous", *ROLES}


@pytest.mark.parametrize(("kind", "role", "letters"), CELLS)
def test_table(kind: str, role: str, letters: str) -> None:
    """Each role may do to each type what the table of this test says, inside its province and outside."""
    policy = RolePolicy(within)
    who = actor(role, "46")
    assert allowed(policy, who, kind, HERE) == {letter: letter in letters.upper() for letter in "RCUD"}
    assert allowed(policy, who, kind, ELSEWHERE) == {letter: letter in letters for letter in "RCUD"}


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_unknown_role(kind: str) -> None:
    """A role that the table does not know, and a person who calls himself the system, may do nothing."""
    policy = RolePolicy(within)
    for who in (actor("king"), Actor("user:1", frozenset({"system"})), Actor("key:1", frozenset({"administrator"}))):
        assert not any(allowed(policy, who, kind, HERE).values())


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_public_reading(kind: str) -> None:
    """Where public reading is switched on, anybody reads the public types and no others, and writes nothing more."""
    policy = RolePolicy(within, PUBLIC_TYPES)
    closed = RolePolicy(within)
    for who in (ANONYMOUS, actor("citizen"), Actor("key:1", scopes=frozenset({"source:x"}))):
        rights = allowed(policy, who, kind, HERE)
        assert rights == {**allowed(closed, who, kind, HERE), "R": kind in PUBLIC_TYPES}
    assert not {"CitizenReport", "Alarm", "QuarantinedRow", "Task", "Proposal"} & PUBLIC_TYPES


def test_system_does_all() -> None:
    """A module reads and writes everything; the guards still ask for the owner's capability."""
    policy = RolePolicy(within)
    for kind in EXPECTED:
        assert all(allowed(policy, system("evidence"), kind, HERE).values())


def test_province_covers_its_communes() -> None:
    """A role in a province holds in its communes, one in a commune not in its province, one without area everywhere."""
    policy = RolePolicy(within)
    tasks = [entity("Task", unit) for unit in ("46", "19753", "19803", "00004")]
    seen = {
        areas: [task.value("unit") for task in tasks if policy.may_read(actor("official", *areas), task)]
        for areas in [("46",), ("19753",), ("19753", "01"), ()]
    }
    assert seen == {
        ("46",): ["46", "19753", "19803"],
        ("19753",): ["19753"],
        ("19753", "01"): ["19753", "00004"],
        (): ["46", "19753", "19803", "00004"],
    }


def test_no_unit() -> None:
    """What lies in no unit is seen by who has the whole tenant, not by who has one commune."""
    policy = RolePolicy(within)
    for nowhere in (entity("Task", None), Entity("urn:x:1", ("Task",), {"unit": prop(["19753"])})):
        assert not policy.may_read(actor("official", "19753"), nowhere)
        assert policy.may_read(actor("official"), nowhere)


@pytest.mark.parametrize(
    "change",
    [
        Change(Op.APPEND, "urn:x:1", attrs={"unit": prop(ELSEWHERE)}),
        Change(Op.REPLACE, "urn:x:1", ("AirQualityObserved",), {"pm25": prop(1)}),
        Change(Op.MERGE, "urn:x:1", attrs={"unit": prop("urn:ngsi-ld:null")}),
        Change(Op.DROP, "urn:x:1", name="unit"),
        Change(Op.APPEND, "urn:x:1", attrs={"unit": prop({"code": HERE})}),
    ],
)
def test_moving_out(change: Change) -> None:
    """A reading cannot be moved out of the area of who writes it, by whatever operation."""
    policy, kind = RolePolicy(within), "AirQualityObserved"
    assert not may_write(policy, actor("data_steward", "46"), change, entity(kind, HERE), kind)
    assert may_write(policy, actor("data_steward"), change, entity(kind, HERE), kind)


def test_passing_on() -> None:
    """An official passes a report on to a unit elsewhere, and cannot take one from there."""
    policy = RolePolicy(within)
    away = Change(Op.APPEND, "urn:x:1", attrs={"unit": prop(ELSEWHERE)})
    home = Change(Op.APPEND, "urn:x:1", attrs={"unit": prop(HERE)})
    assert may_write(policy, actor("official", "46"), away, entity("CitizenReport", HERE), "CitizenReport")
    assert not may_write(policy, actor("official", "46"), home, entity("CitizenReport", ELSEWHERE), "CitizenReport")


def test_who_owes_the_next_step() -> None:
    """A task elsewhere that my unit owes is mine to see and to change; a reading cannot be claimed that way."""
    policy, mine = RolePolicy(within), {"unit": prop("01"), "assignee": prop(HERE)}
    change = Change(Op.APPEND, "urn:x:1", attrs={"name": prop("x")})
    for kind, role, may in (("Task", "official", True), ("AirQualityObserved", "data_steward", False)):
        one = Entity("urn:x:1", (kind,), mine, version=1)
        assert policy.may_read(actor(role, HERE), one)
        assert may_write(policy, actor(role, HERE), change, one, kind) is may


def test_several_types() -> None:
    """An entity of several types needs the right for each; one without a type is refused."""
    policy, both = RolePolicy(within), ("AirQualityObserved", "QuarantinedRow")
    assert not policy.may_read(actor("official"), Entity("urn:x:1", both, {}))
    with pytest.raises(Forbidden):
        policy.check_write(actor("data_steward", "46"), Change(Op.CREATE, "urn:x:1", both), None, both)
    with pytest.raises(Forbidden, match="no type"):
        policy.check_write(actor("data_steward"), Change(Op.CREATE, "urn:x:1"), None, ())


def test_key_scopes() -> None:
    """A key does what its scopes name, in its areas; `*` names every type, and source:<id> writes no entity itself."""
    policy = RolePolicy(within)

    def rights(*scopes: str, areas: frozenset[str] = frozenset()) -> list[str]:
        who = Actor("key:1", frozenset(), areas, frozenset(scopes))
        return ["".join(letter for letter, yes in allowed(policy, who, kind, HERE).items() if yes)
                for kind in ("AirQualityObserved", "Alarm", "SomethingNew")]  # fmt: skip

    assert rights("read:Alarm") == ["", "R", ""]
    assert rights("write:SomethingNew") == ["", "", "CUD"]
    assert rights("read:*", "write:AirQualityObserved") == ["RCUD", "R", "R"]
    assert rights("write:*") == ["CUD", "CUD", "CUD"]
    assert rights("source:air", "reads:*", "*", "write:") == ["", "", ""]
    assert rights("read:*", "write:*", areas=frozenset({"01"})) == ["", "", ""]
    assert may_push(Actor("key:1", scopes=frozenset({"source:air"})), "air")
    assert not may_push(Actor("key:1", scopes=frozenset({"source:air"})), "ai")
    assert may_push(Actor("key:1", scopes=frozenset({"source:*"})), "air")


@pytest.mark.parametrize("scope", ["", "read", "read:", "admin:*", "write:a b", "source:", "READ:*", "read:**"])
def test_bad_scopes(scope: str) -> None:
    """A scope that says nothing known is refused when the key is made."""
    with pytest.raises(Invalid):
        check_scopes(frozenset({scope}))
    with pytest.raises(Invalid):
        check_scopes(frozenset())


def test_abilities() -> None:
    """Who runs the machine opens no identity, and who opens identities does not run the machine."""
    holders = {ability: {role for role in ROLES if has_ability(actor(role), ability)} for ability in Ability}
    assert holders[Ability.OPEN_IDENTITY] == holders[Ability.ERASE_IDENTITY] == {"data_steward"}
    assert holders[Ability.MANAGE_USERS] == holders[Ability.MANAGE_KEYS] == {"administrator"}
    assert holders[Ability.READ_AUDIT] == {"administrator", "assessor"}


def test_city_rules() -> None:
    """A city gives rights on a type of its own by one more line."""
    line = Rule(frozenset({"planner"}), frozenset({Do.READ}), frozenset({"ParkingSpot"}), Where.AREA)
    policy = RolePolicy(within, rules=(*RULES, line))
    assert policy.may_read(actor("planner", "46"), entity("ParkingSpot", HERE))
    assert not policy.may_read(actor("planner", "46"), entity("ParkingSpot", ELSEWHERE))
    assert not policy.may_read(actor("data_steward", "46"), entity("ParkingSpot", HERE))  # Known now, and not granted.


def test_narrow() -> None:
    """A query for types of which nothing may be read is forbidden; any other is narrowed to what may be read."""
    policy = RolePolicy(within)
    for hidden in (Query(types=TypeIs("QuarantinedRow")), Query(types=TypeOr((TypeIs("X"), TypeIs("QuarantinedRow"))))):
        with pytest.raises(Forbidden):
            policy.narrow(actor("official"), hidden)
    with pytest.raises(Forbidden, match="signed in"):
        policy.narrow(ANONYMOUS, Query())
    assert policy.narrow(system("x"), Query()) == Query()
    sight = policy.narrow(actor("official", "46"), Query(types=TypeIs("Task"))).sight
    assert sight is not None
    assert sight["Task"] == {"46", "19753", "19803"}
    assert sight["AirQualityObserved"] is None
    assert sight["QuarantinedRow"] == frozenset()


def test_forget() -> None:
    """Rights follow the territory after it has changed."""
    units = {"46": frozenset({"46"})}
    policy = RolePolicy(lambda code: units[code])
    who, task = actor("official", "46"), entity("Task", HERE)
    assert not policy.may_read(who, task)
    units["46"] = frozenset({"46", HERE})
    policy.forget()
    assert policy.may_read(who, task)


def test_through_the_hub(tmp_path: Path) -> None:
    """The hub asks this policy: an official of one commune finds, gets and counts only its tasks."""

    async def story() -> None:
        hub = Hub(tmp_path, RolePolicy(within, PUBLIC_TYPES))
        owner = hub.own("programme", {"Task": "POST /api/tasks"})
        tasks = [
            Change(Op.CREATE, f"urn:x:{unit}", ("Task",), {"unit": prop(unit)}) for unit in ("19753", "19803", "00004")
        ]
        owed = Change(Op.CREATE, "urn:x:owed", ("Task",), {"unit": prop("01"), "assignee": prop("19803")})
        reading = Change(Op.CREATE, "urn:x:air", ("AirQualityObserved",), {"unit": prop("00004")})
        odd = Change(Op.CREATE, "urn:x:odd", ("SomethingNew",), {"unit": prop("00004")})
        await hub.commit(Commit(system("programme"), (*tasks, owed, reading, odd), owner=owner))
        official = actor("official", "19753")
        assert [found.id for found in hub.find(official, "Task")] == ["urn:x:19753"]
        assert [found.id for found in hub.query(official, Query())] == ["urn:x:19753", "urn:x:air"]
        assert hub.types(actor("official", "46")) == {"AirQualityObserved": 1, "Task": 3}
        assert [found.id for found in hub.find(actor("official", "19803"), "Task")] == ["urn:x:19803", "urn:x:owed"]
        assert [found.id for found in hub.query(ANONYMOUS, Query())] == ["urn:x:air"]
        with pytest.raises(Missing):
            hub.get(official, "urn:x:19803")
        with pytest.raises(Forbidden):
            hub.find(ANONYMOUS, "Task")
        done = Change(Op.APPEND, "urn:x:19803", attrs={"open": prop(False)})
        with pytest.raises(Forbidden, match="outside the areas"):
            await hub.commit(Commit(official, (done,), owner=owner))
        with pytest.raises(Forbidden, match="POST /api/tasks"):
            await hub.commit(Commit(actor("official", "19803"), (done,)))
        await hub.commit(Commit(actor("official", "19803"), (done,), owner=owner))
        await hub.close()

    asyncio.run(story())

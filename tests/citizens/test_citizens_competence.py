"""Who gets a report and why: rules in order, the table with its citation, organisations, and rules that break."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity, Organisation
from dothi.accounts.organisations import SYSTEM as REGISTRAR
from dothi.accounts.organisations import keep_organisation
from dothi.citizens import Filing, file_report, find_by_number, pass_on, receive, route
from dothi.citizens.intake.arrival import arrival, rerouted
from dothi.citizens.intake.broken import faults, keep_sample_organisations, react, tell
from dothi.citizens.intake.competence import chain_of, decide, facts_of
from dothi.citizens.model import NotYours
from dothi.citizens.rules import load, parse, shipped
from dothi.citizens.rules.intake.folded import spaced
from dothi.citizens.rules.intake.routing import CONDITIONS, Facts, choose, misses, parse_routing
from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Actor
from dothi.operations.rules.model import Threshold
from dothi.operations.rules.samples import sample_rules

RULES = load()
THUAN_HOA, HUE = "19789", "46"
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
POWER_MEN = Actor("user:power", frozenset({"official"}), frozenset({"46.dien-luc"}))
ALL = Actor("system:test", frozenset({"system"}))
FACTS = Facts("road", (HUE, THUAN_HOA), False, "web", 600, spaced("Ổ gà trước cổng bệnh viện"), {"road_kind": "street"})


@pytest.fixture
def outage() -> Filing:
    """A power cut, told by somebody who can be called back."""
    return Filing("power", "Mất điện cả xóm từ sáng.", unit=THUAN_HOA, identity=Identity(phone="0905123456"))


def when(**said: Any) -> Any:
    """The conditions of one rule."""
    row = {"id": "one", "vi": "Một", "en": "One", "to": "commune", "when": said}
    return parse_routing({"route": [row]})[0].when


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({"category": ["road", "tree"]}, True),
        ({"category": ["tree"]}, False),
        ({"unit": [HUE]}, True),  # A province holds its communes.
        ({"unit": ["01"]}, False),
        ({"urgent": False}, True),
        ({"urgent": True}, False),
        ({"channel": ["web"]}, True),
        ({"channel": ["phone"]}, False),
        ({"hours": "07:30-11:30"}, True),
        ({"hours": "17:00-07:00"}, False),
        ({"words": ["CONG BENH VIEN"]}, True),  # Folded: marks and letters' size do not count.
        ({"words": ["bệnh"]}, True),
        ({"words": ["ện"]}, False),  # Whole words only.
        ({"answers": {"road_kind": "street"}}, True),
        ({"answers": {"road_kind": "highway"}}, False),
    ],
)
def test_a_condition_holds_or_is_named(said: dict[str, Any], fits: bool) -> None:
    """Each condition alone holds, or is the reason that is kept."""
    (name,) = said
    assert misses(when(**said), FACTS) == ("" if fits else name)
    assert name in CONDITIONS


@pytest.mark.parametrize("minute", [17 * 60, 23 * 60, 0, 6 * 60 + 59])
def test_hours_run_over_midnight(minute: int) -> None:
    """17:00-07:00 is the night, its end not included."""
    night = when(hours="17:00-07:00")
    assert misses(night, replace(FACTS, minute=minute)) == ""
    assert misses(night, replace(FACTS, minute=7 * 60)) == "hours"


def test_the_first_rule_that_holds_decides_and_the_others_say_why() -> None:
    """Order decides, not the place in the file; a rule's version changes with what it says."""
    chosen, tried = choose(RULES.intake.routes, FACTS)
    assert (chosen and chosen.id, [(one.rule, one.why) for one in tried]) == (
        "hospital-gate",
        [("wire-down", "category")],
    )
    first, *_ = RULES.intake.routes
    assert first.version == replace(first).version != replace(first, to="commune").version


@pytest.mark.parametrize(
    "bad",
    [
        {"to": "somewhere"},
        {"to": "kind:"},
        {"to": "commune:46"},
        {"when": {"weather": "rain"}},
        {"when": {"hours": "late"}},
        {"when": {"hours": "25:00-26:00"}},
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_by_name(bad: dict[str, Any]) -> None:
    """Whoever adopts rules is told which row and what is wrong, before they hold."""
    row = {"id": "odd", "vi": "Lạ", "en": "Odd", "to": "commune"} | bad
    with pytest.raises(Invalid, match="odd"):
        parse({**shipped(), "routing": {"route": [row]}})


def test_the_table_of_competence_names_holder_reason_and_citation() -> None:
    """Category and answers lead to one row; each row cites, and a sample says that it is one."""
    table = RULES.intake.competence
    assert [row.id for row in (table.find("road", {}), table.find("road", {"road_kind": "highway"})) if row] == [
        "commune",
        "road-highway",
    ]
    assert all(row.citation.document and row.citation.article and row.reason["vi"] for row in table.rows)
    assert all(row.citation.sample and "mẫu" in row.citation.document for row in table.rows)
    with pytest.raises(Invalid, match="lone"):
        parse({**shipped(), "competence": {"row": [{"id": "lone", "category": "*", "holder": "organisation"}]}})


def test_a_utility_gets_its_reports_and_the_case_says_why(in_city: Any, outage: Filing, official: Actor) -> None:
    """Without one the commune has it and a proposal stands; once registered it is its own, and it may receive it."""

    async def story(city: Any) -> None:
        here = city.citizens
        lone = (await file_report(here, outage, MONDAY_8)).number
        said = arrival(here, official, lone).routing
        assert (said["assignee"], said["fallback"]) == (THUAN_HOA, "no_organisation")
        logged = next(
            one for one in city.hub.log(0, 100) if any(e.id == urn("CitizenReport", lone) for e in one.entries)
        )
        assert await react(here, logged)
        assert not await react(here, logged), "one proposal stands for all cases"
        standing = city.hub.get(ALL, urn("Proposal", "broken-rule", HUE, "power", "case"))
        assert (standing.value("kind"), standing.value("assignee"), standing.value("open")) == (
            "broken_rule",
            HUE,
            True,
        )

        await keep_sample_organisations(here, HUE)
        number = (await file_report(here, outage, MONDAY_8)).number
        said = arrival(here, official, number).routing
        assert find_by_number(here, number).assignee == said["assignee"] == "46.dien-luc"
        assert (said["rule"], said["competence"], said["citation"]["sample"]) == ("by-competence", "power", True)
        assert said["inputs"]["time"] == "08:00"
        assert {one["rule"]: one["why"] for one in said["tried"]} == {
            "wire-down": "category",
            "hospital-gate": "category",
        }
        with pytest.raises(NotYours):
            await receive(here, official, number, now=MONDAY_8)
        assert (await receive(here, POWER_MEN, number, now=MONDAY_8)).state == "received"
        passed = await pass_on(here, official, lone, "46.cap-nuoc", "Đây là máy bơm nước", now=MONDAY_8)
        assert (passed.assignee, passed.unit) == ("46.cap-nuoc", THUAN_HOA)

    in_city(story)


def test_an_undecided_place_stays_at_the_desk_and_is_asked_again_when_confirmed(
    in_city: Any, outage: Filing, desk_officer: Actor
) -> None:
    """A nearest centre routes nothing; the explanation says where it will go, and the official's yes sends it there."""

    async def story(city: Any) -> None:
        here = city.citizens
        await keep_sample_organisations(here, HUE)
        guessed = replace(outage, unit=None, lon=107.5905, lat=16.4637)
        number = (await file_report(here, guessed, MONDAY_8)).number
        said = arrival(here, desk_officer, number).routing
        assert (said["assignee"], said["waits"], said["then"]) == (HUE, "place_undecided", "46.dien-luc")
        assert rerouted(here, find_by_number(here, number), THUAN_HOA, MONDAY_8)["assignee"]["value"] == "46.dien-luc"  # type: ignore[call-overload]
        moved = await route(here, desk_officer, number, THUAN_HOA, now=MONDAY_8 + DAY)
        assert (moved.unit, moved.assignee, moved.decided) == (THUAN_HOA, "46.dien-luc", True)
        assert "waits" not in arrival(here, desk_officer, number).routing

    in_city(story)


def test_a_rule_makes_urgent_and_shortens_the_limit(in_city: Any, official: Actor) -> None:
    """A word in the text makes the report urgent by rule: the case says so, and its receiving limit is short."""

    async def story(city: Any) -> None:
        here, found = city.citizens, []
        for text in ("Ổ gà sâu", "Ổ gà sâu trước bệnh viện"):
            filed = await file_report(here, Filing("road", text, unit=THUAN_HOA), MONDAY_8)
            found.append(find_by_number(here, filed.number))
        plain, gate = found
        assert (plain.urgent, gate.urgent) == (False, True)
        assert gate.due < plain.due
        assert arrival(here, official, gate.code).routing["inputs"]["words"] == ["truoc benh vien"]

    in_city(story)


def test_a_rule_that_can_no_longer_work_raises_an_alarm_and_is_withdrawn_when_mended(in_city: Any) -> None:
    """An organisation ends: a proposal with a deadline stands, its figure raises the alarm rule until mended."""

    async def story(city: Any) -> None:
        here = city.citizens
        body = Organisation("46.dien-luc", "Điện lực (mẫu)", HUE, "electricity", valid_to="2026-12-31")
        await keep_organisation(city.hub, city.accounts, REGISTRAR, body, MONDAY_8)
        after = from_iso("2027-01-05T09:00:00+07:00")
        assert faults(here, at=MONDAY_8) == ()
        assert {(one.rule, one.why) for one in faults(here, at=after)} == {
            ("wire-down", "no_organisation"),
            ("power", "no_organisation"),
        }
        assert await tell(here, after) == 2
        name = urn("Proposal", "broken-rule", "city", "power", "no_organisation")
        standing = city.hub.get(ALL, name)
        alarm = next(rule.when for rule in sample_rules().values() if rule.type == "Proposal")
        assert isinstance(alarm, Threshold)
        assert alarm.bound.met(standing.value(alarm.attribute), False)
        assert standing.value("due") == "2027-01-06T02:00:00Z"  # 8 working hours later.
        before = city.hub.last_seq()
        await tell(here, after)
        assert city.hub.last_seq() == before, "told once"
        await keep_organisation(city.hub, city.accounts, REGISTRAR, replace(body, valid_to=""), after)
        assert await tell(here, after) == 0
        mended = city.hub.get(ALL, name)
        assert (mended.value("state"), mended.value("open")) == ("withdrawn", False)
        assert not alarm.bound.met(mended.value(alarm.attribute), True)

    in_city(story)


def test_closed_units_and_unknown_categories_are_faults(in_city: Any) -> None:
    """What a rule names must be there: the fault says the rule, why and the name."""

    async def story(city: Any) -> None:
        odd = [
            {"id": "closed", "vi": "a", "en": "a", "to": "unit:99999", "when": {"unit": ["00000"]}},
            {"id": "ended", "vi": "b", "en": "b", "to": "organisation:46.khong-co"},
            {"id": "lost", "vi": "c", "en": "c", "to": "commune", "when": {"category": ["ufo"]}, "suggest": "gone"},
        ]
        rules = parse({**shipped(), "routing": {"route": odd}})
        here = replace(city.citizens, rules=rules)
        assert {(one.rule, one.why, one.name) for one in faults(here)} == {
            ("closed", "unit_closed", "99999"),
            ("closed", "unit_closed", "00000"),
            ("ended", "organisation_ended", "46.khong-co"),
            ("lost", "unknown_category", "ufo"),
            ("lost", "unknown_category", "gone"),
        }
        facts = facts_of(here, rules, "noise", THUAN_HOA, "", "web", {}, MONDAY_8)
        decided = decide(here, rules, facts, MONDAY_8)
        assert (decided.assignee, decided.explanation["fallback"]) == (THUAN_HOA, "organisation_ended")
        assert chain_of(here, "46.dien-luc") == (HUE, "46.dien-luc")
        assert chain_of(here, "99999") == ()

    in_city(story)

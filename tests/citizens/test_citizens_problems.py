"""A problem from its suggestion to its mending and back: a person decides, everybody is told, the rank is open."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.citizens import Filing, Outcome, Upload, answer, file_report, following, receive, reopen
from dothi.citizens.intake.duplicates import Matter, nearby
from dothi.citizens.model import TYPE, NotYours, Report, State, report_of
from dothi.citizens.problems import service
from dothi.citizens.problems.alike import alike, course, likeness
from dothi.citizens.problems.model import NoSuchProblem, NotNow, Problem, ProblemState, problem_of
from dothi.citizens.problems.register import (
    Asked,
    counted,
    explained,
    priority,
    problem_near,
    public_problem,
    ranks,
    register,
    undecided,
    write_ranks,
)
from dothi.citizens.problems.service import Edit
from dothi.citizens.reading import find_on_desk, timeline
from dothi.citizens.rules import load
from dothi.ground.clock import DAY, from_iso, iso
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import fold
from dothi.hub.model import Actor, Attribute, Commit, Entity, amend, create, geo, json_prop, prop, rel

MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
ALL = Actor("system:test", frozenset({"system"}))
PROGRAMME = Actor("user:programme", frozenset({"programme_officer"}), frozenset({"46"}))
HOLE = (107.5905, 16.4637)
WORDS = (
    "Ổ gà to trước số nhà 12 đường Lê Lợi, xe máy ngã",
    "Ổ gà lại sụt ở đường Lê Lợi, trời mưa không thấy hố",
    "Mặt đường Lê Lợi có ổ gà sâu, xe máy dễ ngã",
)


async def caught_up(city: Any) -> None:
    """Let the consumer read everything that there is, what it writes itself included."""
    read = city.hub.cursor(following.CONSUMER)
    while commits := city.hub.log(read):
        for logged in commits:
            await following.react(city.citizens, logged)
            read = logged.seq


def hole(words: str, north: float = 0.0, **more: Any) -> Filing:
    return Filing("road", words, HOLE[0], HOLE[1] + north, "19789", **more)


async def three_holes(city: Any, official: Actor, proof: Upload, words: str) -> list[Any]:
    """The same hole three times in 40 days; the first two were answered before the next came."""
    filed = []
    for number, said in enumerate(WORDS):
        at = MONDAY_8 + number * 20 * DAY
        identity = Identity(phone="0901234567") if number == 0 else None
        filed.append(await file_report(city.citizens, hole(said, number * 0.0002, identity=identity), at))
        if number < 2:
            await receive(city.citizens, official, filed[-1].number, now=at + DAY)
            await answer(city.citizens, official, filed[-1].number, Outcome.RESOLVED, words, [proof], now=at + 2 * DAY)
    await caught_up(city)
    return filed


def the_problem(city: Any) -> Problem:
    (found,) = [problem_of(one) for one in city.hub.find(ALL, "Problem")]
    return found


def task_of(city: Any, problem: Problem, state: str, **more: Any) -> Commit:
    """A task from the problem's proposal, as the programme writes it."""
    name = "urn:ngsi-ld:Task:sua-ho"
    attrs = {"state": prop(state), **{key: prop(value) for key, value in more.items()}}
    made = create(name, "Task", sources=rel([problem.proposal or "", problem.id]), unit=prop("19789"), **attrs)
    return Commit(ALL, (made if state == "assigned" else amend(name, **attrs),))


def test_from_suggestion_to_task_and_back_again(
    in_city: Any, official: Actor, neighbour: Actor, proof: Upload, answer_words: str
) -> None:
    """Suggested with reasons, confirmed, proposed with the indicators it should move, mended for all, and it recurs."""

    async def story(city: Any) -> None:
        here, now = city.citizens, MONDAY_8 + 41 * DAY
        filed = await three_holes(city, official, proof, answer_words)
        found = the_problem(city)
        assert (found.recurrences, found.mean_interval_days) == (2, 20.0)
        assert {"ổ", "gà", "lê", "lợi"} <= set(found.reasons[0].words)
        assert [one.id for one in undecided(here, official)] == [found.id]
        assert undecided(here, neighbour) == []
        assert register(here) == [], "nobody has said yes yet"
        with pytest.raises(NoSuchProblem):
            public_problem(here, found.name)
        with pytest.raises(NoSuchProblem):
            await service.confirm(here, neighbour, found.name)
        with pytest.raises(NotNow):
            await service.propose(here, official, found.name)
        with pytest.raises(Conflict):
            await service.confirm(here, official, found.name, version=found.version - 1)

        sure = await service.confirm(
            here, official, found.name, title="Hố trước số 12 Lê Lợi", cause="workmanship", now=now
        )
        assert (sure.state, sure.cause, sure.due) == (ProblemState.CONFIRMED, "workmanship", None)
        indicator = "urn:ngsi-ld:Indicator:problems-standing"
        proposal = await service.propose(here, official, found.name, (indicator,), now)
        assert await service.propose(here, official, found.name, (indicator,), now) == proposal, "twice is once"
        said = city.hub.get(ALL, proposal)
        assert (said.value("kind"), said.value("state"), said.value("indicators")) == (
            "recurring_report",
            "proposed",
            [indicator],
        )
        assert said.value("sources") == [found.id, *sure.reports]
        assert said.value("reasons")["recurrences"] == 2

        sure = public_problem(here, found.name)
        await city.hub.commit(task_of(city, sure, "assigned"))
        await caught_up(city)
        assert public_problem(here, found.name).state is ProblemState.IN_TASK
        done = iso(now + 10 * DAY)
        await city.hub.commit(task_of(city, sure, "done", doneAt=done, note="Thay lớp móng, thảm lại 40 mét"))
        await caught_up(city)
        over = public_problem(here, found.name)
        assert (over.state, over.mended_at, over.tasks) == (ProblemState.MENDED, done, ("urn:ngsi-ld:Task:sua-ho",))
        for one in filed:
            report = report_of(city.hub.get(ALL, f"urn:ngsi-ld:CitizenReport:{one.number}"))
            (told,) = [step for step in timeline(here, report) if step.verb == "problem_mended"]
            assert told.reason == "Thay lớp móng, thảm lại 40 mét"
        before = city.hub.last_seq()
        for logged in city.hub.log(0, 1000):
            await following.react(here, logged)
        assert city.hub.last_seq() == before, "nobody is told twice"

        late = now + 90 * DAY
        near = problem_near(here, "road", HOLE, "o ga duong le loi", late)
        assert near is not None
        assert (near[0].id, near[0].mended_at) == (found.id, done)
        await file_report(here, hole("Lại ổ gà ở đường Lê Lợi"), late)
        await caught_up(city)
        (waiting,) = the_problem(city).waiting
        assert the_problem(city).state is ProblemState.MENDED, "a person says whether it is the same"
        back = await service.let_in(here, official, found.name, waiting.report, True, now=late)
        assert (back.state, len(back.reports), back.mended_at, back.waiting) == (ProblemState.RECURRING, 4, None, ())

    in_city(story)


def test_a_person_changes_what_belongs_together(
    in_city: Any, official: Actor, neighbour: Actor, proof: Upload, answer_words: str
) -> None:
    """Reports are taken out and put in; what was taken out does not come back by itself; a wrong number is told."""

    async def story(city: Any) -> None:
        here = city.citizens
        await three_holes(city, official, proof, answer_words)
        found = the_problem(city)
        sure = await service.confirm(here, official, found.name, found.reports[:2], now=MONDAY_8 + 41 * DAY)
        assert (sure.reports, sure.refused) == (found.reports[:2], found.reports[2:])
        other = await file_report(here, Filing("danger", "Hố sâu", *HOLE, "19789"), MONDAY_8)
        changed = await service.change(here, official, found.name, Edit(numbers=(other.number,), cause="wear"))
        assert f"urn:ngsi-ld:CitizenReport:{other.number}" in changed.reports
        with pytest.raises(Invalid):
            await service.change(here, official, found.name, Edit(numbers=("ZZZZZZ",)))
        with pytest.raises(Invalid):
            await service.change(here, official, found.name, Edit(out=changed.reports))
        with pytest.raises(NoSuchProblem):
            await service.change(here, neighbour, found.name, Edit(title="x"))
        desk = Actor("user:desk", frozenset({"assessor"}))
        with pytest.raises(NotYours):
            await service.reject(here, desk, found.name, "Không phải việc của tôi")
        done = await service.mend(here, official, found.name, "Đã thảm lại toàn tuyến trong kế hoạch năm")
        await caught_up(city)
        assert done.state is ProblemState.MENDED
        assert [one.state for one in register(here)] == [ProblemState.MENDED]

    in_city(story)


def test_the_rank_can_be_computed_by_anybody(in_city: Any, official: Actor, proof: Upload, answer_words: str) -> None:
    """Each term is told with value, weight and full value; their sum is the priority; ranks have a history."""

    async def story(city: Any) -> None:
        here, now = city.citizens, MONDAY_8 + 41 * DAY
        filed = await three_holes(city, official, proof, answer_words)
        first = the_problem(city)
        await service.confirm(here, official, first.name, now=now)
        terms = {one.term.id: one.value for one in explained(here, first, now)}
        # Open: 2 days, 2 days, and the third from day 40 to day 41.
        assert terms == {
            "people": 3.0,
            "recurrences": 2.0,
            "reopened": 0.0,
            "days_open": 5.0,
            "urgent": 0.0,
            "followers": 1.0,
            "dissatisfied": 0.0,
        }
        by_hand = 25 * 3 / 20 + 20 * 2 / 4 + 15 * 5 / 180 + 5 * 1 / 20
        assert priority(explained(here, first, now)) == round(by_hand, 2)
        assert await write_ranks(here, now) == 1
        assert await write_ranks(here, now) == 0, "what did not change is not written"
        kept = public_problem(here, first.name)
        assert (kept.rank, kept.priority) == (1, round(by_hand, 2))

        for number in range(3):
            await file_report(
                here, Filing("flooding", f"Ngập sâu ngã ba chợ Cống lần {number}", 107.61, 16.48, "19789"), now
            )
        await caught_up(city)
        second = next(one for one in undecided(here, official) if one.category == "flooding")
        await service.confirm(here, official, second.name, now=now)
        await write_ranks(here, now + 3 * DAY)
        assert [one.category for one in register(here)] == ["flooding", "road"], "urgent and waiting comes first"
        assert [one.category for one in register(here, Asked(category="road"))] == ["road"]
        assert [(one.at, one.rank) for one in ranks(here, public_problem(here, first.name))] == [
            (now, 1),
            (now + 3 * DAY, 2),
        ]
        await reopen(here, filed[0].follow_code, "Hố lại sụt như cũ", now=now + 3 * DAY)
        assert {one.term.id: one.value for one in explained(here, first, now + 3 * DAY)}["reopened"] == 1.0

    in_city(story)


def seen(name: str, filed: float, closed: float | None, text: str = "", north: float = 0.0, **more: Any) -> Report:
    """A report for the pure functions: filed and closed so many days after Monday."""
    attrs: dict[str, Attribute] = {
        "code": prop(name),
        "category": prop("road"),
        "description": prop(text),
        "filedAt": prop(iso(MONDAY_8 + round(filed * DAY))),
        "state": prop((State.FILED if closed is None else State.ANSWERED).value),
        "location": geo({"type": "Point", "coordinates": [HOLE[0], HOLE[1] + north]}),
        "photos": json_prop([]),
    }
    if closed is not None:
        attrs["closedAt"] = prop(iso(MONDAY_8 + round(closed * DAY)))
    return replace(report_of(Entity(f"urn:x:{name}", ("CitizenReport",), attrs)), **more)


@pytest.mark.parametrize(
    ("spans", "recurrences", "interval", "days_open"),
    [
        ([(0, 2)], 0, None, 2),
        ([(0, 2), (1, 3)], 0, None, 3),
        ([(0, 2), (10, 11), (30, 35)], 2, 15, 8),
        ([(0, None), (10, 11)], 0, None, 40),
        ([(0, 2), (1, 5), (20, None)], 1, 20, 25),
    ],
    ids=["one", "two at once", "came back twice", "never answered", "two at once, then again"],
)
def test_it_recurs_when_it_is_told_again_after_every_answer(
    spans: Sequence[tuple[float, float | None]], recurrences: int, interval: float | None, days_open: float
) -> None:
    """An episode begins when every earlier report was answered; intervals lie between beginnings."""
    known = course([seen(str(n), begin, end) for n, (begin, end) in enumerate(spans)], MONDAY_8 + 40 * DAY)
    assert (known.recurrences, known.mean_interval_days, known.days_open) == (recurrences, interval, days_open)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def unmarked(text: str) -> str:
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


FORMS: dict[str, Callable[[str], str]] = {
    "composed": str,
    "decomposed": decomposed,
    "unmarked": unmarked,
    "capitals": str.upper,
}


@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
def test_marks_and_their_forms_do_no_harm(first: str, second: str) -> None:
    """However two people type the same words, they are the same words, for likeness and for clusters."""
    rules = load()
    text = "Ổ gà lớn đường Lê Lợi, hoà vào ngã tư"
    reports = [seen(str(n), n, None, FORMS[form](text)) for n, form in enumerate((first, second, first))]
    like = likeness(reports[0], reports[1], rules)
    assert like is not None
    assert like.cosine == 1.0
    assert {"ga", "duong", "le", "loi", "hoa"} <= {fold(word) for word in like.words}
    assert len(alike(reports[2], reports[:2], rules)) == 3


@pytest.mark.parametrize("asked", FORMS)
def test_one_matter_is_found_however_it_is_typed(in_city: Any, official: Actor, asked: str) -> None:
    """Search, duplicates and clusters find the same reports, whatever form the words have that were filed and asked."""

    async def story(city: Any) -> None:
        here, numbers = city.citizens, set()
        for number, form in enumerate(FORMS.values()):
            words = form("Ổ gà lớn đường Lê Lợi, hoà vào ngã tư")
            numbers.add((await file_report(here, hole(words), MONDAY_8 + number * DAY)).number)
        await file_report(here, hole("Vỉa hè lát lại", 0.01), MONDAY_8)
        await caught_up(city)
        text = FORMS[asked]("ổ gà Lê Lợi hòa")
        found = {report_of(one.entity).code for one in find_on_desk(here, official, text).items if one.kind == TYPE}
        assert found == numbers, "search"
        matter = Matter("road", FORMS[asked]("Ổ gà lớn đường Lê Lợi"), "19789")
        near = nearby(here, here.rules.intake.nearby, replace(matter, lon=HOLE[0], lat=HOLE[1]), MONDAY_8 + 4 * DAY)
        assert {one.report.code for one in near} <= numbers, "duplicates by place"
        assert near
        assert len(the_problem(city).reports) == len(FORMS), "clusters"
        sure = await service.confirm(here, official, the_problem(city).name)
        again = problem_near(here, "road", HOLE, text, MONDAY_8 + 5 * DAY)
        assert again is not None
        assert again[0].id == sure.id

    in_city(story)


def test_other_words_at_the_same_place_are_another_problem() -> None:
    """What lies 90 m away, two months ago and speaks of something else is not suggested, though it is one category."""
    rules = load()
    hole_, lid = seen("a", 0, None, WORDS[0]), seen("b", 60, None, "Mất nắp cống vỉa hè cạnh bến xe", 0.0008)
    like = likeness(hole_, lid, rules)
    assert like is not None
    assert like.similarity < rules.problems.likeness.least
    wordless = likeness(hole_, seen("c", 1, None, ""), rules)
    assert wordless is not None
    assert (wordless.cosine, wordless.similarity > 0.9) == (None, True), "a photo says it without words"


def test_weights_that_do_not_add_up_are_refused() -> None:
    """A formula of the priority whose weights are not 100 cannot be adopted; the shipped one is."""
    rules = load().problems
    assert sum(one.weight for one in rules.terms) == 100
    most = counted(rules.terms, {one.id: one.full * 2 for one in rules.terms})
    assert priority(most) == 100.0

"""The life of a task is one table, and an order of tasks is clear in all five or refused."""

import itertools

import pytest

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.programme.model import IllegalMove, State, Task
from dothi.programme.tasks.workflow import FIVE_CLEAR, NEXT, OPEN, Verb, after, check_clear, check_instant
from tests.programme.conftest import new


def task(state: State) -> Task:
    due = "2026-12-31T16:59:59Z"
    return Task("urn:t", "Việc", state, "46", (), due, due, "Kết quả", ("46",), None, (), (), (), (), 0, "", None, 1)


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(State, Verb)))
def test_every_pair(state: State, verb: Verb) -> None:
    """Each verb works on an open task as the table says; on a closed one no verb does."""
    if state in OPEN:
        assert after(task(state), verb) is NEXT[state, verb]
        return
    with pytest.raises(IllegalMove, match=state.value):
        after(task(state), verb)


def test_verbs_close_or_not() -> None:
    """Finishing and dropping close a task; progress and extension leave it open."""
    closing = {verb for (_, verb), following in NEXT.items() if following not in OPEN}
    assert closing == {Verb.FINISH, Verb.DROP}


EMPTY = {"lead": "", "title": "  ", "due": "", "output": "", "units": (), "responsible": " ", "evidence_kind": ""}


@pytest.mark.parametrize("field", [field for fields in FIVE_CLEAR.values() for field in fields])
def test_each_of_the_five(field: str) -> None:
    """What is missing of the five is named, and only that."""
    with pytest.raises(Invalid) as refused:
        check_clear(new(**{field: EMPTY[field]}))
    word = next(word for word, name in FIVE_CLEAR.items() if field in name)
    assert refused.value.fields["missing"] == [f"{word} ({field})"]


def test_all_of_the_five() -> None:
    """An empty order names all that the five ask for, a person and a kind of evidence too; a clear one passes."""
    with pytest.raises(Invalid) as refused:
        check_clear(new(**EMPTY))
    assert len(refused.value.fields["missing"]) == len(EMPTY)  # type: ignore[arg-type]
    check_clear(new())


def test_a_day_lasts_until_it_is_over() -> None:
    """A deadline that names a day ends with that day in Vietnam; one with a time ends then."""
    assert check_instant("2026-12-31") == from_iso("2026-12-31T16:59:59Z")
    assert check_instant("2026-12-31T08:00:00+07:00") == from_iso("2026-12-31T01:00:00Z")
    for wrong in ("31/12/2026", "mai", "2026-13-01", ""):
        with pytest.raises(Invalid):
            check_instant(wrong)

"""Questions by category, and other channels than a field report: emergencies first, complaints where the law says."""

from typing import Any

import pytest

from dothi.citizens.rules import load, parse, shipped
from dothi.citizens.rules.intake.questions import numbers_of, parse_questions
from dothi.ground.errors import Invalid

QUESTIONS = load().intake.questions
TABLE = dict(shipped()["questions"])


@pytest.mark.parametrize(
    ("category", "answers", "text", "channels", "numbers"),
    [
        ("danger", {"danger_kind": "fire", "hurt": "yes"}, "", ["fire", "rescue"], ("114", "115", "112")),
        ("danger", {"danger_kind": "hole", "hurt": "no"}, "", [], ()),
        ("noise", {"danger_kind": "fire"}, "", [], ()),  # Not asked there.
        ("other", {"other_kind": "complaint"}, "", ["complaint"], ()),
        ("road", {}, "Tôi KHIẾU NẠI quyết định thu hồi đất", ["complaint"], ()),
        ("road", {}, "toi to cao can bo", ["denunciation"], ()),  # Without marks.
        ("road", {}, "tô\u0301 ca\u0301o", ["denunciation"], ()),  # Decomposed.
        ("danger", {"danger_kind": "crime"}, "tố cáo", ["crime", "denunciation"], ("113",)),  # Emergencies first.
        ("road", {}, "Ổ gà lớn", [], ()),
    ],
)
def test_answers_and_words_lead_to_the_right_channel(
    category: str, answers: dict[str, str], text: str, channels: list[str], numbers: tuple[str, ...]
) -> None:
    """Each channel once; numbers to call in order; what the law says comes with its citation."""
    found = QUESTIONS.leads_to(category, answers, text)
    assert [one.id for one in found] == channels
    assert numbers_of(found) == numbers
    assert all(one.citation for one in found if one.kind == "law")


def test_only_what_the_category_needs_is_asked() -> None:
    """A street lamp is reported without a question; a danger needs two, and says which is missing."""
    assert QUESTIONS.of("street_light") == ()
    assert QUESTIONS.missing("street_light", {}) == ""
    assert QUESTIONS.missing("danger", {}) == "danger_kind"
    assert QUESTIONS.missing("danger", {"danger_kind": "wire"}) == "hurt"
    assert QUESTIONS.missing("danger", {"danger_kind": "wire", "hurt": "no"}) == ""


def test_answers_of_other_categories_are_dropped_and_unknown_ones_refused() -> None:
    """What stands on the case are answers to questions that were asked."""
    assert QUESTIONS.kept("road", {"road_kind": "street", "hurt": "yes", "x": "y"}) == {"road_kind": "street"}
    with pytest.raises(Invalid, match="road_kind"):
        QUESTIONS.kept("road", {"road_kind": "moon"})


def test_a_question_follows_an_answer() -> None:
    """The graph: a question after an answer is asked, and needed, only then."""
    follow = {
        "id": "touch",
        "categories": ["danger"],
        "required": True,
        "vi": "Dây có chạm ai không?",
        "en": "Does it touch anybody?",
        "after": {"question": "danger_kind", "answer": "wire"},
        "answer": [{"id": "yes", "vi": "Có", "en": "Yes", "channel": "rescue"}],
    }
    made = parse_questions(TABLE | {"question": [*TABLE["question"], follow]})
    assert made.missing("danger", {"danger_kind": "hole", "hurt": "no"}) == ""
    assert made.missing("danger", {"danger_kind": "wire", "hurt": "no"}) == "touch"
    assert [one.id for one in made.leads_to("danger", {"danger_kind": "wire", "touch": "yes"}, "")] == [
        "wire",
        "rescue",
    ]
    assert made.leads_to("danger", {"danger_kind": "hole", "touch": "yes"}, "") == ()


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("question", {"after": {"question": "gone", "answer": "yes"}}),
        ("question", {"answer": [{"id": "a", "vi": "a", "en": "a", "channel": "gone"}]}),
        ("channel", {"kind": "magic"}),
        ("channel", {"kind": "law"}),  # Without a citation.
    ],
)
def test_a_table_that_leads_nowhere_is_refused(where: str, change: dict[str, Any]) -> None:
    """Whoever adopts it is told which row."""
    first, *rest = TABLE[where]
    with pytest.raises(Invalid, match=str(first["id"])):
        parse({**shipped(), "questions": TABLE | {where: [first | change, *rest]}})

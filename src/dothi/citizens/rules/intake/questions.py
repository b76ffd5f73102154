"""Questions by category and the channels they lead to, as data: emergencies first, complaints to where the law says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.citizens.rules.intake.competence import Citation
from dothi.citizens.rules.intake.folded import holds_words, spaced
from dothi.ground.errors import Invalid

EMERGENCY, LAW = "emergency", "law"
Names = Mapping[str, str]  # By language.


@dataclass(frozen=True, slots=True)
class Channel:
    """Another way than a field report: numbers to call first, or what the law says, with reason and citation."""

    id: str
    kind: str
    numbers: tuple[str, ...]
    names: Names
    why: Names
    citation: Citation | None
    words: tuple[str, ...]  # That lead here, as `spaced` makes them.


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a question; `channel` is the id of the one that it leads to, or empty."""

    id: str
    names: Names
    channel: str


@dataclass(frozen=True, slots=True)
class Question:
    """Asked where the category needs it; `after` (question, answer) makes it follow another one."""

    id: str
    categories: frozenset[str]
    required: bool
    names: Names
    choices: tuple[Choice, ...]
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Questions:
    """All questions in order, and all channels by id."""

    questions: tuple[Question, ...]
    channels: Mapping[str, Channel]

    def of(self, category: str) -> tuple[Question, ...]:
        """The questions of a category, those that follow an answer too."""
        return tuple(one for one in self.questions if category in one.categories)

    def asked(self, category: str, answers: Mapping[str, str]) -> tuple[Question, ...]:
        """The questions that stand to be answered after `answers`."""
        return tuple(one for one in self.of(category) if one.after is None or answers.get(one.after[0]) == one.after[1])

    def kept(self, category: str, answers: Mapping[str, str]) -> dict[str, str]:
        """The answers that belong to this category. Invalid for an answer that a question does not have."""
        found: dict[str, str] = {}
        for one in self.asked(category, answers):
            said = answers.get(one.id, "")
            if said and said not in {choice.id for choice in one.choices}:
                raise Invalid(f"Question {one.id} has no answer “{said[:40]}”.", field=f"q-{one.id}")
            found |= {one.id: said} if said else {}
        return found

    def missing(self, category: str, answers: Mapping[str, str]) -> str:
        """The first question that must be answered and is not; "" when none is."""
        asked = self.asked(category, answers)
        return next((one.id for one in asked if one.required and not answers.get(one.id)), "")

    def leads_to(self, category: str, answers: Mapping[str, str], text: str) -> tuple[Channel, ...]:
        """The channels that answers and words lead to, emergencies first."""
        chosen = [
            choice.channel
            for one in self.asked(category, answers)
            for choice in one.choices
            if choice.channel and answers.get(one.id) == choice.id
        ]
        folded = spaced(text)
        spoken = [one.id for one in self.channels.values() if holds_words(folded, one.words)]
        found = (self.channels[name] for name in dict.fromkeys((*chosen, *spoken)))
        return tuple(sorted(found, key=lambda one: one.kind != EMERGENCY))


def parse_questions(table: Mapping[str, Any]) -> Questions:
    """The tables of questions.toml. Invalid names a question that leads to a channel or follows a question unknown."""
    sample = bool(table.get("sample"))
    channels = {row["id"]: _channel(row, sample) for row in table["channel"]}
    made = Questions(tuple(_question(row) for row in table["question"]), channels)
    _check(made)
    return made


def _check(made: Questions) -> None:
    known = {(one.id, choice.id) for one in made.questions for choice in one.choices}
    for one in made.questions:
        lost = [choice.channel for choice in one.choices if choice.channel and choice.channel not in made.channels]
        if lost:
            raise Invalid(f"Question {one.id} leads to “{lost[0]}”, which is no channel.", field="text")
        if one.after is not None and one.after not in known:
            raise Invalid(f"Question {one.id} follows {one.after[0]} = {one.after[1]}: no such answer.", field="text")


def _channel(row: Mapping[str, Any], sample: bool) -> Channel:
    if row["kind"] not in (EMERGENCY, LAW):
        raise Invalid(f"Channel {row['id']}: kind is {EMERGENCY} or {LAW}.", field="text")
    citation = Citation(row["document"], row["article"], sample) if "document" in row else None
    if row["kind"] == LAW and citation is None:
        raise Invalid(f"Channel {row['id']}: what the law says needs its citation.", field="text")
    return Channel(
        row["id"],
        row["kind"],
        tuple(row.get("numbers", ())),
        _names(row),
        {"vi": row["why_vi"], "en": row["why_en"]},
        citation,
        tuple(spaced(word) for word in row.get("words", ())),
    )


def _question(row: Mapping[str, Any]) -> Question:
    after = row.get("after")
    return Question(
        row["id"],
        frozenset(row["categories"]),
        bool(row.get("required", False)),
        _names(row),
        tuple(Choice(one["id"], _names(one), one.get("channel", "")) for one in row["answer"]),
        (after["question"], after["answer"]) if after else None,
    )


def _names(row: Mapping[str, Any]) -> Names:
    return {"vi": row["vi"], "en": row["en"]}


def numbers_of(channels: Iterable[Channel]) -> tuple[str, ...]:
    """The numbers to call, each once, in order."""
    return tuple(dict.fromkeys(number for one in channels for number in one.numbers))

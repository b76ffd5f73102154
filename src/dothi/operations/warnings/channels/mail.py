"""The channel of letters: a warning to people who follow a place, by the outbox of messages; a drill to named staff.

Nobody's address is known here: a letter names a pseudonym, which the outbox opens as the letter leaves. One letter for
each person and message; what still waits of an earlier message is withdrawn when a later one goes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dothi.ground.clock import from_iso
from dothi.ground.text import format_datetime
from dothi.office.messages import Draft, Link, Messages, State, queue, told_about, withdraw
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.model import ENDING, TOLD_LATE, Exercise, Outcome, Released
from dothi.operations.warnings.channels.reach import followers, names_of
from dothi.operations.warnings.model import LANGUAGES, Warning
from dothi.operations.warnings.text import HEADS, short_text

NAME = "mail"
LETTERS_AT_ONCE = 100  # Kept in one commit: others have their turn between two.
SMS_LETTERS = 160
_LINES = {
    "vi": ("Nơi: {area}", "Từ {start} đến {end}", "Việc cần làm:"),
    "en": ("Area: {area}", "From {start} until {end}", "What to do:"),
}


@dataclass(frozen=True)
class Followers:
    """Letters to the public: everybody who follows a place in the area and asked for warnings."""

    operations: Operations
    messages: Messages
    name: str = NAME

    async def send(self, key: str, what: Released) -> Outcome:
        """Keep a letter for each follower; the same again keeps none twice."""
        return await _keep(self.messages, key, self._drafts(key, what.warning))

    async def look(self, key: str) -> Outcome:
        """How many letters have left."""
        return _counted(self.messages, key)

    async def stop(self, key: str) -> bool:
        """Withdraw the letters that wait."""
        return await withdraw(self.messages, key)

    def _drafts(self, key: str, warning: Warning) -> Iterator[Draft]:
        said = {language: params(self.operations, warning, language) for language in LANGUAGES}
        links = {"page": Link("page", f"/alerts/{warning.thread.rpartition(':')[2]}")}
        for one in followers(self.operations, warning):
            ends = {"stop": Link("stop", one.wish), "stop_now": Link("stop_now", one.wish)}
            language = one.language if one.language in said else LANGUAGES[0]
            yield Draft(
                key, "warning.public", key, one.person, params=said[language], links=links | ends,
                language=language, channel=NAME, until=_until(warning),
            )  # fmt: skip


@dataclass(frozen=True)
class Staff:
    """Letters of drills to the addresses that the operator named."""

    operations: Operations
    messages: Messages
    addresses: tuple[str, ...]
    name: str = NAME

    async def send(self, key: str, what: Exercise) -> Outcome:
        """One letter for each address."""
        said = params(self.operations, what.warning, LANGUAGES[0])
        drafts = (
            Draft(key, "warning.drill", key, office=one, params=said, channel=NAME, until=_until(what.warning))
            for one in self.addresses
        )
        return await _keep(self.messages, key, drafts)

    async def look(self, key: str) -> Outcome:
        """How many letters have left."""
        return _counted(self.messages, key)

    async def stop(self, key: str) -> bool:
        """Withdraw the letters that wait."""
        return await withdraw(self.messages, key)


async def _keep(messages: Messages, key: str, drafts: Iterator[Draft]) -> Outcome:
    waiting: list[Draft] = []
    for draft in drafts:
        waiting.append(draft)
        if len(waiting) == LETTERS_AT_ONCE:
            await queue(messages, waiting)
            waiting = []
    await queue(messages, waiting)
    return _counted(messages, key)


def _counted(messages: Messages, key: str) -> Outcome:
    """Taken over by the mail server, given up, and whether any still waits."""
    told = told_about(messages, key)
    open_ = told[State.WAITING] + told[State.FAILED]
    return Outcome(sum(told.values()), told[State.SENT], told[State.DEAD], done=not open_)


def _until(warning: Warning) -> int:
    """When the letter would come too late."""
    return from_iso(warning.sent) + TOLD_LATE if warning.kind in ENDING else from_iso(warning.expires)


def params(operations: Operations, warning: Warning, language: str) -> dict[str, str]:
    """What fills the template of a letter: nothing of it is about who gets it."""
    text = warning.text(language)
    return {
        "head": HEADS[language][warning.kind],
        "headline": text.headline,
        "sms": short_text(warning, language, SMS_LETTERS, marks=False),
        "body": _body(operations, warning, language),
    }


def _body(operations: Operations, warning: Warning, language: str) -> str:
    where, when, what = _LINES[language]
    text, area = warning.text(language), names_of(operations.territory, warning, language)
    start, end = (format_datetime(from_iso(one)) for one in (warning.effective, warning.expires or warning.effective))
    lines = [f"{HEADS[language][warning.kind]}: {text.headline}", where.format(area=area)]
    lines += [] if warning.kind in ENDING else [when.format(start=start, end=end)]
    lines += ["", text.description] if text.description else []
    lines += ["", what, text.instruction] if text.instruction else []
    return "\n".join(lines)

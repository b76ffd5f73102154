"""Simulated citizens and officials at work on reports, through the same verbs as real ones."""

from dataclasses import replace
from random import Random

from dothi.citizens import Filed, Filing, Upload, answer, file_report, rate, receive, reopen, start
from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.photos import draw
from dothi.command.trial.demo.places import COMMUNE
from dothi.command.trial.demo.stories import DETAILS, LASTING, NOTE, STORIES, Story
from dothi.ground.clock import DAY, HOUR, MINUTE, VIETNAM, now_us, to_datetime
from dothi.hub.model import Actor
from dothi.web.parts import Parts

LASTING_PLACE = (107.5885, 16.4621)
_VARIANTS = 4
_UNITS = ("19789", "19789", "19789", "19753", "19777", "19815")  # Most lie where the sample official works.


def handler(cast: Cast, unit: str) -> Actor:
    """Who handles what lies in a commune: its official, or whoever is on duty for the city."""
    return cast.official if unit == COMMUNE else cast.duty


async def file_one(parts: Parts, story: Story, chance: Random, key: str, now: int | None = None) -> Filed:
    """A citizen sends it, with a photo, from somewhere in the commune."""
    lon, lat = LASTING_PLACE if story is LASTING else _somewhere(parts, story.unit, chance)
    filing = Filing(
        category=story.category,
        description=story.words + NOTE,
        lon=lon,
        lat=lat,
        unit=story.unit,
        place_words=story.where,
        photos=(_photo(story, False, chance),),
        key=f"mo-phong {key}",
        simulated=True,
    )
    return await file_report(parts.citizens, filing, now)


async def take(parts: Parts, cast: Cast, story: Story, filed: Filed, now: int | None = None) -> None:
    """The unit receives it and starts."""
    actor = handler(cast, story.unit)
    await receive(parts.citizens, actor, filed.number, now=now)
    await start(parts.citizens, actor, filed.number, now=now and now + 20 * MINUTE)


async def close(parts: Parts, cast: Cast, story: Story, filed: Filed, now: int | None = None) -> None:
    """The unit answers, with a photo that shows it."""
    proof = _photo(story, True, Random(filed.number))  # noqa: S311  # Which picture is shown, no secret.
    actor = handler(cast, story.unit)
    words = f"{story.answer} {_detail(filed, now_us() if now is None else now)}{NOTE}"
    await answer(parts.citizens, actor, filed.number, story.outcome, words, [proof], now=now)


async def judge(parts: Parts, story: Story, filed: Filed, now: int | None = None) -> None:
    """The reporter rates the answer."""
    await rate(parts.citizens, filed.follow_code, story.stars, story.said + NOTE, now)


async def insist(parts: Parts, story: Story, filed: Filed, now: int | None = None) -> None:
    """The reporter does not accept it."""
    await reopen(parts.citizens, filed.follow_code, story.again + NOTE, (), now)


async def give_past(parts: Parts, cast: Cast, seed: int, now: int) -> int:
    """Three weeks of reports: most answered, some late, a few open; two of the lasting lamp. Returns how many."""
    chance = Random(seed)  # noqa: S311  # The same past for the same seed.
    count = 0
    for day in range(21, 0, -1):
        story = placed(STORIES[day % len(STORIES)], chance)
        filed_at = now - day * DAY + chance.randint(0, 6) * HOUR
        late = day % 6 == 0
        await _old_report(parts, cast, story, chance, (f"{seed} past {day}", filed_at, late, now))
        count += 1
    for number, day in enumerate((12, 4)):
        await _old_report(parts, cast, LASTING, chance, (f"{seed} lasting {number}", now - day * DAY, False, now))
        count += 1
    return count


async def _old_report(parts: Parts, cast: Cast, story: Story, chance: Random, told: tuple[str, int, bool, int]) -> None:
    """One report of the past: (key, filed at, answered late, now); what would lie ahead has not happened yet."""
    key, filed_at, late, now = told
    filed = await file_one(parts, story, chance, key, filed_at)
    received = filed_at + 90 * MINUTE
    closed = filed_at + (11 * DAY if late else chance.randint(5, 26) * HOUR)
    if received + 20 * MINUTE < now:
        await take(parts, cast, story, filed, received)
    if closed < now:
        await close(parts, cast, story, filed, closed)
        if chance.random() < 0.75 and closed + 3 * HOUR < now:
            await judge(parts, story, filed, closed + 3 * HOUR)


def placed(story: Story, chance: Random) -> Story:
    """The story in one of the communes."""
    return replace(story, unit=chance.choice(_UNITS))


def _somewhere(parts: Parts, unit: str, chance: Random) -> tuple[float, float]:
    middle = parts.territory.unit(unit).middle
    assert middle is not None, f"the commune {unit} has no middle"
    return round(middle[0] + chance.uniform(-0.009, 0.009), 5), round(middle[1] + chance.uniform(-0.007, 0.007), 5)


def _detail(filed: Filed, at: int) -> str:
    """What the answer says of this case alone."""
    local = to_datetime(at).astimezone(VIETNAM)
    chosen = Random(filed.number).sample(DETAILS, 2)  # noqa: S311  # Which words, no secret.
    return " ".join(chosen).format(hour=local.hour, minute=local.minute, day=f"{local:%d/%m}")


def _photo(story: Story, mended: bool, chance: Random) -> Upload:
    return Upload("mo-phong.jpg", draw(story.category, mended, chance.randrange(_VARIANTS)))

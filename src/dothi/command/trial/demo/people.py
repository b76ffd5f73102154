"""Who acts in the sample city: the sample users, as actors of the modules' verbs."""

from dataclasses import dataclass

from dothi.accounts.model import Sample
from dothi.accounts.people import make_sample_users, users
from dothi.command.trial.demo.places import COMMUNE, PROVINCE
from dothi.hub.model import Actor
from dothi.web.parts import Parts


@dataclass(frozen=True)
class Cast:
    """The simulated people."""

    official: Actor  # Of Phường Thuận Hóa.
    duty: Actor  # Of the whole city.
    programme: Actor
    samples: tuple[Sample, ...]


async def make_cast(parts: Parts) -> Cast:
    """The sample users, made when they are not there. Conflict in a city of real people."""
    samples = await make_sample_users(parts.accounts, PROVINCE, COMMUNE)
    by_login = {user.login: user for user in users(parts.accounts)}
    actors = {
        sample.role: Actor(by_login[sample.login].actor_id, frozenset({sample.role}), by_login[sample.login].areas)
        for sample in samples
    }
    return Cast(actors["official"], actors["duty_officer"], actors["programme_officer"], tuple(samples))

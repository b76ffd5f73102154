"""`dothi migrate`, `bundle` and `upgrade`: a city taken to a newer dothi, with the way back kept open."""

import argparse

from dothi.command.keeping import migrating
from dothi.command.verbs.saying import say
from dothi.settings import Settings


def migrate(given: argparse.Namespace, settings: Settings) -> None:
    """Bring every database of a city to this version, or say what would be done."""
    if given.dry_run:
        done, word = migrating.plans(settings.data, settings.store), "would be"
    else:
        done, word = migrating.migrate(settings.data, settings.store), "was"
    for plan in done:
        held = ", ".join(f"{count:,} rows of {name}" for name, count in plan.rows.items())
        if not plan.steps:
            say(f"{plan.name}: version {plan.found}, nothing to do" + (f" ({held})" if held else ""))
            continue
        say(f"{plan.name}: {word} taken from version {plan.found} to {plan.wanted}" + (f" ({held})" if held else ""))
        for step in plan.steps:
            say(f"  {step}")
        if plan.copy:
            say(f"  kept as it was: {plan.copy}")

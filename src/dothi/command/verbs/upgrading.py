"""`dothi migrate`, `bundle` and `upgrade`: a city taken to a newer dothi, with the way back kept open."""

import argparse
from pathlib import Path

from dothi.command.bringing import bundle as bundles
from dothi.command.bringing import upgrade as upgrades
from dothi.command.keeping import migrating
from dothi.command.verbs.saying import say
from dothi.ground.errors import Invalid
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


def bundle(given: argparse.Namespace, _: Settings) -> None:
    """Make a bundle."""
    made = bundles.make(Path(given.file), Path(given.source), Path(given.pins), Path(given.key))
    say(f"{given.file} brings dothi {made.dothi} with {len(made.wheels)} wheels for Python {made.python}.")


def upgrade(given: argparse.Namespace, settings: Settings) -> None:
    """Go to the version of a bundle, or back."""
    home = Path(given.home)
    if settings.store:
        raise Invalid("A city on PostgreSQL goes by hand: install the bundle, `dothi backup`, then `dothi migrate`.")
    if given.back:
        aside = upgrades.back(home, settings.data)
        say(f"{home / upgrades.CURRENT} is {upgrades.current(home)} again; the newer store lies at {aside}.")
        return
    if not given.trusted or not given.place:
        raise Invalid("An upgrade needs --trusted (whose signature counts) and --place (where the backup goes).")
    came = upgrades.upgrade(Path(given.bundle), Path(given.trusted), home, settings.data, given.place)
    say(f"{home / upgrades.CURRENT} is dothi {came.dothi} now; before it: {came.before or 'none'}.")
    if came.backup:
        say(f"The city as it was, up to commit {came.seq:,}, is at {came.backup}: `dothi upgrade --back` returns.")

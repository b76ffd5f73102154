"""A small city for stories of the duty room: sample users, a second duty officer, three stations, nothing else."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dothi.accounts.model import NewUser, Sample
from dothi.accounts.people import SETUP, create_user, make_sample_users
from dothi.app import close_city, make_app, open_city
from dothi.settings import Settings
from dothi.web.site import find_pages
from tests.web.city import COMMUNE, PROVINCE, City, add_readings, serving

SECOND = "trucban2"  # The login of a second duty officer.


@contextmanager
def centre(folder: Path) -> Iterator[City]:
    """A city on a free port with sample users, a second duty officer and three stations, and nothing else."""
    settings = Settings(data=folder, unit=PROVINCE)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(deed: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(deed, loop).result(30)

    parts = replace(run(open_city(settings, "Thành phố Huế", demo=True)), province=PROVINCE)
    try:
        with serving(make_app(parts, settings), loop) as address:
            made = City(address, parts, find_pages(), {}, loop)
            run(_people(made))
            yield made
    finally:
        run(close_city(parts))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _people(city: City) -> None:
    samples = await make_sample_users(city.parts.accounts, PROVINCE, COMMUNE)
    city.samples.update({sample.role: sample for sample in samples})
    password = f"{SECOND}-thu-nghiem-dothi"
    new = NewUser(SECOND, "Trực ban Hai (mẫu)", frozenset({"duty_officer"}), frozenset({PROVINCE}), password=password)
    await create_user(city.parts.accounts, SETUP, new)
    city.samples["second"] = Sample(SECOND, password, "duty_officer", new.display_name, new.areas)
    await add_readings(city.parts.hub)

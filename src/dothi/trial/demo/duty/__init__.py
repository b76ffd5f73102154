"""The sample city's operations centre at work: one file for each room of operations, all simulated, and said so."""

from dothi.trial.demo.people import Cast
from dothi.web.parts import Parts


async def fill_duty(parts: Parts, cast: Cast) -> None:
    """What the centre did and has open when the demo begins: one line for each room."""

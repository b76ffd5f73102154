"""The sample city: real communes of Huế, everything that happens in them simulated and marked so.

`fill` gives an empty city a past, `live` keeps it moving, `main` does both and serves it: what `dothi demo` calls.
"""

from dothi.command.trial.demo.filling import fill, is_filled
from dothi.command.trial.demo.living import Pace, live
from dothi.command.trial.demo.serve import main

__all__ = ["Pace", "fill", "is_filled", "live", "main"]

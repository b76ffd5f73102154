"""What the tests of federation share: stories among several hubs."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from dothi.hub.access import Open, Policy
from dothi.hub.model import ANONYMOUS, Actor
from tests.hub.peers.federate.world import Lines, World, opened

Story = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def among(tmp_path: Path) -> Callable[..., None]:
    """Run a story among hubs of the names given; `policies` and `actors` by name where they are not open."""

    def run(story: Story, *names: str, policies: Mapping[str, Policy] = {}, actors: Mapping[str, Actor] = {}) -> None:
        async def told() -> None:
            world = World(Lines())
            async with AsyncExitStack() as stack:
                for name in names:
                    policy, actor = policies.get(name, Open()), actors.get(name, ANONYMOUS)
                    await stack.enter_async_context(opened(world, name, tmp_path / name, policy, actor))
                await story(world)

        asyncio.run(told())

    return run

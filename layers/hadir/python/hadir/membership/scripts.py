"""Loads the Lua scripts beside this file. Each is ``lib.lua`` followed by its own text."""

from importlib.resources import files
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from hadir.domain.errors import MembershipUnavailable

_LUA = files(__package__) / "lua"


class Scripts:
    """The scripts on one Redis.

    They are called by hash; redis-py loads one again when Redis answers ``NOSCRIPT``, as after a
    restart or a failover.
    """

    def __init__(self, redis: Redis) -> None:
        library = (_LUA / "lib.lua").read_text()
        self._scripts: dict[str, Script] = {
            name: redis.register_script(library + (_LUA / f"{name}.lua").read_text())
            for name in ("admit", "open", "leave", "settle", "view")
        }

    def run(self, name: str, keys: list[str], *args: str | int) -> Any:
        """Run the script ``name``; the reply is as its header says.

        Raises:
            MembershipUnavailable: Redis did not answer in time, or with an error. The script may
                have run all the same; each may be run again.
        """
        try:
            return self._scripts[name](keys=keys, args=args)
        except RedisError as error:
            raise MembershipUnavailable(f"Redis could not run {name}: {error}") from error

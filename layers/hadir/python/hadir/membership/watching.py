"""Who watches what: connections that are told of sessions without being present in them."""

from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, SessionRef
from hadir.domain.session import Place, Session
from hadir.membership.directory import Directory
from hadir.membership.feeds import MOST_WATCHERS, Feeds
from hadir.membership.healing import ask_all
from hadir.membership.keys import agenda_key, partition_of, watching_key
from hadir.membership.outcomes import Watch
from hadir.membership.replies import read_session
from hadir.membership.scripts import AnyRedis
from hadir.membership.session_scripts import SessionScripts

ALL = "*"
"""Stands for all sessions of a tenant among the ids of those that a connection watches."""

_MOST_SESSIONS = 100
"""Sessions that a connection watches one by one."""


class Watching:
    """What connections watch.

    What a connection watches is first noted in its home session, so that it is known, and ended,
    however the connection leaves: at once by **disconnect**, else by the sweep.

    Attributes:
        directory: the sessions in which somebody is.
        feeds: the feeds of those who watch all sessions of their tenant.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, scripts: SessionScripts) -> None:
        self._redis: Any = redis
        self._scripts = scripts
        self.directory = Directory(redis)
        self.feeds = Feeds(scripts)

    def note(self, connection_id: str, home: SessionRef, what: str) -> Watch:
        """Note that a connection is about to watch a session, or `ALL`; ``WATCHING`` if it may."""
        noted = self._note(connection_id, home, what, on=True)
        return Watch.WATCHING if noted == "noted" else Watch(noted)

    def watch(
        self, connection_id: str, who: Identity, ref: SessionRef
    ) -> tuple[Watch, Place, Session | None]:
        """Watch one session, or say that one still does.

        Returns:
            Whether it watches; the session's place, at the last version that was posted to
            everyone; and the session as it is now, None if the connection watched it before.
        """
        outcome, place, view = self._scripts.run(
            "watch_session", ref, connection_id, str(who.person), MOST_WATCHERS
        )
        watch = Watch.CROWDED if outcome == "crowded" else Watch.WATCHING
        return watch, Place(*place), read_session(ref, view) if view else None

    def unwatch(self, connection_id: str, home: SessionRef, what: str) -> None:
        """Watch a session, or `ALL`, no more."""
        self._cease(connection_id, home, what)
        self._note(connection_id, home, what, on=False)
        self._cease(connection_id, home, what)

    def confirm(self, connection_id: str, home: SessionRef, whats: set[str]) -> None:
        """Cease to watch what has been ended meanwhile, by ``unwatch`` or by a leave."""
        for what in whats - self.watched(connection_id, home):
            self._cease(connection_id, home, what)

    def forget(self, connection_id: str, ref: SessionRef) -> None:
        """Note that a watcher of one session turned out to be gone; its home learns it itself."""
        self._scripts.run("unwatch_session", ref, connection_id)

    def watched(self, connection_id: str, home: SessionRef) -> set[str]:
        """What a connection watches: ids of sessions, and `ALL`."""
        (found,) = ask_all(self._redis, [("SMEMBERS", watching_key(home, connection_id))], "read")
        return set(found)

    def end(self, connection_id: str, home: SessionRef) -> None:
        """End all that a connection watches, as it has left its home session."""
        key = watching_key(home, connection_id)
        whats = self.watched(connection_id, home)
        for what in whats:
            self._cease(connection_id, home, what)
        try:
            self._redis.delete(key)
            for what in whats:
                self._cease(connection_id, home, what)
            self._redis.zrem(agenda_key(partition_of(home)), f"{home} {connection_id}")
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error

    def _cease(self, connection_id: str, home: SessionRef, what: str) -> None:
        if what == ALL:
            self.feeds.unwatch(connection_id, home.tenant)
        else:
            ref = SessionRef(home.tenant, what)
            self._scripts.run("unwatch_session", ref, connection_id)

    def _note(self, connection_id: str, home: SessionRef, what: str, *, on: bool) -> str:
        key = watching_key(home, connection_id)
        flag = "1" if on else "0"
        args = (connection_id, what, flag, _MOST_SESSIONS)
        return str(self._scripts.run("note_watch", home, *args, keys=[key]))

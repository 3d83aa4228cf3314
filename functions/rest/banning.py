"""Bans, for admins: they keep a person out of a session, or of the tenant, until a given time."""

import time
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir import report
from hadir.domain.bans import Ban, Banned
from hadir.domain.errors import MembershipUnavailable, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import Person, SessionRef, check_id, check_user_type
from hadir.domain.roles import Action
from hadir.membership.bans import BansPlace
from hadir.wire.bodies import read_ban
from hadir.wire.updates import ban_fields
from parts import bans, directory, doorman

_MOST_BANS = 100

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/api/bans")
def ban() -> tuple[dict[str, Any], int]:
    grant = asking.grant_for(Action.BAN)
    wanted = read_ban(asking.body(), grant.person, time.time_ns() // 1_000_000)
    _require_all_of(grant, wanted.who)
    bans.ban(grant.tenant, wanted)
    _put_out(grant, wanted)  # from now on $connect refuses them
    return ban_fields(wanted), 201


@router.get("/api/bans")
def listed() -> dict[str, Any]:
    grant = asking.grant_for(Action.BAN)
    cursor = asking.query("cursor")
    place = BansPlace.read(cursor) if cursor else None
    page = bans.listed(grant.tenant, asking.limit(_MOST_BANS), place)
    shown = [ban_fields(each) for each in page.bans if _covers(grant, each.who)]
    return {"bans": shown, "cursor": str(page.following) if page.following else None}


@router.delete("/api/bans/<user_type>/<user_id>")
def lift(user_type: str, user_id: str) -> Response[Any]:
    grant = asking.grant_for(Action.BAN)
    session_id = asking.query("session_id")
    who = Banned(
        Person(check_user_type(user_type), asking.user_in_path(user_id)),
        None if session_id is None else check_id("session_id", session_id),
    )
    _require_all_of(grant, who)
    if not bans.lift(grant.tenant, who):
        return asking.error(404, "not_found", "there is no such ban")
    return Response(204)


def _put_out(grant: Grant, wanted: Ban) -> None:
    """Kick whom a ban is for; if that fails in one session, go on with others while time is left.

    Raises:
        MembershipUnavailable: they may be in a session still; to ban them again is safe.
    """
    who = wanted.who
    user_id, user_type = who.person.user_id, who.person.user_type
    where = (
        (SessionRef(grant.tenant, who.session_id),)
        if who.session_id
        else directory.sessions_of(grant.tenant, user_id, user_type)
    )
    deadline, failure = asking.deadline(), None
    for ref in where:
        try:
            kicked = doorman().kick(
                *(ref, user_id, user_type),
                by=grant.person,
                message=wanted.reason or None,
                deadline=deadline,
            )
        except MembershipUnavailable as error:
            if deadline.seconds_left <= 0:
                raise
            failure = error
            continue
        report.broadcasts(kicked.broadcasts)
    if failure:
        raise failure


def _require_all_of(grant: Grant, who: Banned) -> None:
    if who.session_id:
        grant.session(who.session_id)
    elif not grant.covers_all:
        raise NotPermitted("the token is not for all sessions; name one of them")


def _covers(grant: Grant, who: Banned) -> bool:
    return grant.covers(who.session_id) if who.session_id else grant.covers_all

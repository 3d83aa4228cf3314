"""Frames against the contract."""

import json
from typing import Any

from hadir.domain.identity import DEFAULT_TENANT, SessionRef, UserType
from hadir.domain.session import EventType, Member, PresenceEvent, Session
from hadir.wire.updates import (
    MAX_USERS,
    error,
    event_frames,
    heartbeat_ack,
    snapshot,
    status_answer,
    timestamp,
)

SESSION = "550e8400-e29b-41d4-a716-446655440000"
ADMIN = Member("a1", "admin_456", UserType.ADMIN, 1, 1_737_714_540_000)
LEFT = PresenceEvent(
    3, EventType.USER_DISCONNECTED, "customer_123", UserType.CUSTOMER, 1_737_714_600_999
)


def data_of(frame: bytes) -> dict[str, Any]:
    parsed = json.loads(frame)
    assert parsed["type"] == "connection_status_update"
    data: dict[str, Any] = parsed["data"]
    return data


def session(*members: Member, version: int = 3) -> Session:
    return Session(SessionRef(DEFAULT_TENANT, SESSION), "e1", version, members)


def test_the_update_is_the_frozen_one() -> None:
    ((_, frame),) = event_frames(session(ADMIN), [LEFT], 0)

    assert data_of(frame) == {
        "session_id": SESSION,
        "connection_status": {
            "users": {
                "admin_456": {
                    "user_type": "admin",
                    "connected_at": "2025-01-24T10:29:00Z",
                    "connections": 1,
                }
            },
            "customer_connected": False,
            "agent_connected": True,
            "total_customer": 0,
            "total_agent": 1,
        },
        "event_type": "user_disconnected",
        "event_user_id": "customer_123",
        "event_user_type": "customer",
        "timestamp": "2025-01-24T10:30:00Z",
        "version": 3,
        "status_version": 3,
        "epoch": "e1",
    }


def test_a_snapshot_has_no_event() -> None:
    data = data_of(snapshot(session(ADMIN), LEFT.at))

    assert not {"event_type", "event_user_id", "version"} & set(data)
    assert (data["status_version"], data["timestamp"]) == (3, "2025-01-24T10:30:00Z")


def test_only_what_was_handed_out_before_is_recovered() -> None:
    later = PresenceEvent(4, EventType.USER_CONNECTED, "c", UserType.CUSTOMER, LEFT.at)

    (_, first), (_, second) = event_frames(session(ADMIN, version=4), [LEFT, later], 3)

    assert data_of(first)["recovered"] is True
    assert "recovered" not in data_of(second)


def test_totals_count_people_and_admins_count_as_agents() -> None:
    answer = status_answer(
        session(
            ADMIN,
            Member("a2", "admin_456", UserType.ADMIN, 2, ADMIN.at + 5_000),
            Member("g1", "agent_1", UserType.AGENT, 2, ADMIN.at),
            Member("c1", "customer_1", UserType.CUSTOMER, 3, ADMIN.at),
            Member("c2", "customer_2", UserType.CUSTOMER, 0, ADMIN.at),  # only admitted
        )
    )

    assert (answer["total_agent"], answer["total_customer"]) == (2, 1)
    assert answer["users"]["admin_456"]["connections"] == 2
    assert answer["users"]["admin_456"]["connected_at"] == "2025-01-24T10:29:00Z"
    assert "customer_2" not in answer["users"]


def test_nobody_is_an_answer_too() -> None:
    assert status_answer(Session(SessionRef(DEFAULT_TENANT, SESSION), "", 0, ())) == {
        "session_id": SESSION,
        "epoch": "",
        "version": 0,
        "users": {},
        "customer_connected": False,
        "agent_connected": False,
        "total_customer": 0,
        "total_agent": 0,
    }


def test_a_crowd_fits_a_frame_and_its_totals_are_exact() -> None:
    crowd = [
        Member(f"connection{n}", f"{n:0128}", UserType.CUSTOMER, 1, ADMIN.at + n)
        for n in range(MAX_USERS + 1)
    ]

    ((_, frame),) = event_frames(session(*crowd), [LEFT], 0)

    data = data_of(frame)
    assert len(frame) < 128 * 1024
    assert data["users_truncated"] is True
    assert data["connection_status"]["total_customer"] == MAX_USERS + 1
    assert len(data["connection_status"]["users"]) == MAX_USERS
    assert "users_truncated" not in data_of(snapshot(session(*crowd[1:]), LEFT.at))


def test_the_small_frames() -> None:
    assert json.loads(heartbeat_ack(LEFT.at, None)) == {
        "type": "heartbeat_ack",
        "data": {"server_time": "2025-01-24T10:30:00Z"},
    }
    assert json.loads(error("invalid_json", "no", "r1")) == {
        "type": "error",
        "data": {"code": "invalid_json", "message": "no", "request_id": "r1"},
    }
    assert json.loads(error("too_large", "no", "r1", "m1"))["data"]["client_id"] == "m1"


def test_time_is_whole_seconds_in_utc() -> None:
    assert timestamp(999) == "1970-01-01T00:00:00Z"

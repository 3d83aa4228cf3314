"""A small presence application; ../presence_node/handler.js is the same in Node, step by step."""

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import boto3
from redis import Redis

redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
management = boto3.client("apigatewaymanagementapi")
threads = ThreadPoolExecutor()


def connect(event: dict[str, Any], _context: object) -> dict[str, int]:
    query = event["queryStringParameters"]
    session_id = query["session_id"]
    connection_id = event["requestContext"]["connectionId"]
    user = {"user_id": query["user_id"], "user_type": query["user_type"]}
    with redis.pipeline() as transaction:
        transaction.hset(f"session:{session_id}", connection_id, json.dumps(user))
        transaction.set(f"connection:{connection_id}", session_id)
        transaction.execute()
    return {"statusCode": 200}


def disconnect(event: dict[str, Any], _context: object) -> dict[str, int]:
    connection_id = event["requestContext"]["connectionId"]
    session_id = str(redis.get(f"connection:{connection_id}"))
    session = f"session:{session_id}"
    with redis.pipeline() as transaction:
        transaction.hget(session, connection_id)
        transaction.hdel(session, connection_id)
        transaction.delete(f"connection:{connection_id}")
        transaction.hgetall(session)
        left, _, _, remaining = transaction.execute()
    update = json.dumps(update_of(session_id, json.loads(left), remaining.values()))
    list(threads.map(lambda to: post(to, update), remaining))
    return {"statusCode": 200}


def update_of(session_id: str, left: dict[str, str], remaining: Iterable[str]) -> dict[str, Any]:
    users = {}
    for user in map(json.loads, remaining):
        users[user["user_id"]] = {"user_type": user["user_type"]}
    return {
        "type": "connection_status_update",
        "data": {
            "session_id": session_id,
            "connection_status": {"users": users},
            "event_type": "user_disconnected",
            "event_user_id": left["user_id"],
            "timestamp": datetime.now(UTC).isoformat(),
        },
    }


def post(connection_id: str, update: str) -> None:
    with suppress(management.exceptions.GoneException):
        management.post_to_connection(ConnectionId=connection_id, Data=update)

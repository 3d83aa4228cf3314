"""A foreign application: does as its clients say, and sends back what it was given."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import boto3

management = boto3.client("apigatewaymanagementapi")
functions = boto3.client("lambda")


def authorize(event: dict[str, Any], _context: object) -> Any:
    match event["queryStringParameters"]["who"]:
        case "nobody":
            raise Exception("Unauthorized")
        case "trouble":
            raise RuntimeError("trouble")
        case "malformed":
            return {"isAuthorized": True}
        case who:
            stage = event["methodArn"].removesuffix("/$connect")
            statement = {
                "Action": "execute-api:Invoke",
                "Effect": "Deny" if who == "denied" else "Allow",
                "Resource": {
                    "whole-stage": f"{stage}/*",
                    "rest-style": f"{stage}/*/*",
                    "elsewhere": f"{stage}/other",
                }.get(who, event["methodArn"]),
            }
            return {
                "principalId": who,
                "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
                "context": {
                    "age": 41,
                    "vip": True,
                    **({"nested": {}} if who == "nested" else {}),
                    **({"big": "x" * 8192} if who == "big" else {}),
                },
            }


def connect(event: dict[str, Any], _context: object) -> Any:
    query = event["queryStringParameters"]
    connection_id = event["requestContext"]["connectionId"]
    match query.get("connect"):
        case "raise":
            raise RuntimeError("no")
        case "slow":
            time.sleep(2)
        case "wait":
            print("waiting")
            time.sleep(0.5)
        case "malformed":
            return "yes"
        case "post":
            try:
                management.post_to_connection(ConnectionId=connection_id, Data=b"too early")
            except management.exceptions.GoneException:
                return {"statusCode": 418}
        case "later":
            functions.invoke(
                FunctionName="EchoFunction",
                InvocationType="Event",
                Payload=json.dumps({"later": connection_id}),
            )
        case status if status is not None:
            return {"statusCode": int(status), "body": "not delivered"}
    return {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": query["protocol"], "X-Other": "dropped"}
        if "protocol" in query
        else {},
    }


def disconnect(event: dict[str, Any], _context: object) -> None:
    if event["requestContext"]["authorizer"]["principalId"] == "staying":
        time.sleep(0.5)
    if event["requestContext"]["authorizer"]["principalId"] == "failing":
        raise RuntimeError("no")


def echo(event: dict[str, Any], context: Any) -> Any:
    if "later" in event:
        while True:
            try:
                management.post_to_connection(ConnectionId=event["later"], Data=b"later")
            except management.exceptions.GoneException:
                time.sleep(0.01)
            else:
                return None
    if "invoked" in event:
        return {"invoked": event["invoked"], "name": context.function_name}
    body, connection_id = event["body"], event["requestContext"]["connectionId"]
    match body:
        case "raise":
            raise RuntimeError("no")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(10)
        case "malformed":
            return None
        case "environment":
            event = {"greeting": os.environ["GREETING"]}
        case "to myself":
            own = event["requestContext"]
            url = f"https://{own['domainName']}/{own['stage']}"
            client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
            client.post_to_connection(ConnectionId=connection_id, Data=url.encode())
            return {"statusCode": 200}
        case _ if event["requestContext"]["authorizer"]["principalId"] == "length":
            event = {"length": len(body)}
    management.post_to_connection(ConnectionId=connection_id, Data=json.dumps(event).encode())
    return {"statusCode": 200, "body": "discarded: the route is one-way"}


def meet(event: dict[str, Any], _context: object) -> Any:
    """The first of two waits for the second: they must run side by side."""
    message = json.loads(event["body"])
    place = Path(message["place"])
    if message["who"] == "first":
        while not place.exists():
            time.sleep(0.01)
    else:
        place.touch()
    connection_id = event["requestContext"]["connectionId"]
    management.post_to_connection(ConnectionId=connection_id, Data=message["who"].encode())
    return {"statusCode": 200}


def rest(event: dict[str, Any], _context: object) -> Any:
    if event["rawPath"] == "/plain":
        return {"no": "statusCode"}
    return {
        "statusCode": 201,
        "headers": {"X-Seen": "yes"},
        "cookies": ["a=1", "b=2"],
        "body": json.dumps(event),
    }

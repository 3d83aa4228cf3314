"""What Hadir costs a month, beside Pusher's and Ably's public price lists.

    python -m benchmarks.cost [--people-per-session 2] [--heartbeat-seconds 30] …

A model, not a bill: the counts follow from the code, the assumptions are options, the prices stand
in ``prices.toml`` with their dates. Free tiers and discounts are left out, on every side.
"""

import argparse
import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

HOURS = 730.0
MINUTES = HOURS * 60
"""Of a month."""

SIZES = (1_000, 10_000, 100_000, 1_000_000)

PRICES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())

METRICS = 27
"""Names in ``hadir.metrics`` but the canary's: one dimension each, so one metric each."""
ALARM_METRICS = 15
"""Of the template's ten alarms: two watch two, one four; each metric is billed."""
CANARY_METRICS = 3
CANARY_ALARM_METRICS = 3
"""Of its two alarms: one watches two."""
CANARY_MINUTES, CANARY_GRACE_MINUTES = 1, 6
"""From one run to the next, without a grace and with one."""
CANARY_PEOPLE = 2
SNAPSTART_FUNCTIONS = 5
BILLED_BYTES = 32 * 1024
"""A message is charged for each of these begun ("Amazon API Gateway pricing")."""
QUOTA = 10_000
"""Requests a second, posts to sockets among them, that API Gateway takes of an account and region
as it comes ("Amazon API Gateway quotas")."""
SWEEPS = MINUTES

QUEUE_REQUESTS = 3
"""For a leave with a grace: send, receive, delete; fewer where Lambda takes several at once."""
IDLE_RECEIVES = MINUTES * 15
"""Lambda asks a queue five times at once, and each time waits 20 s ("Using Lambda with Amazon SQS",
AWS Lambda Developer Guide)."""

JOIN_CALLS, LEAVE_CALLS, MESSAGE_CALLS, HEARTBEAT_CALLS = 3, 2, 3, 1
"""Of Redis: admit, open, settle; leave, settle; open, message, settle; open."""


@dataclass(frozen=True)
class Load:
    """What is assumed; each is an option of the program.

    The milliseconds are those of ``benchmarks.memory`` for 512 MB, and 10 to 20 ms for each round
    of posts, which on AWS go over TLS: assumed, there was no account to measure in. So are the
    processing units of a script, which takes some 0.08 ms of a node where a GET takes next to none.
    """

    people_per_session: float = 2.0
    session_minutes: float = 15.0
    messages_per_minute: float = 1.0
    heartbeat_seconds: float = 30.0
    event_bytes: float = 700.0
    authorize_ms: float = 6.0
    connect_ms: float = 30.0
    announce_ms: float = 60.0
    disconnect_ms: float = 35.0
    end_grace_ms: float = 35.0
    canary_ms: float = 1000.0
    heartbeat_ms: float = 30.0
    message_ms: float = 45.0
    sweep_ms: float = 5000.0
    memory_gb: float = 0.5
    log_bytes: float = 900.0
    heartbeat_log_bytes: float = 300.0
    ecpus_per_call: float = 50.0
    socket_bytes: float = 3000.0
    ended_session_bytes: float = 5200.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be over 0")
        if self.people_per_session < 1:
            raise ValueError("people_per_session must be at least 1")


@dataclass(frozen=True)
class Month:
    """What happens in a month with so many sockets open all the time."""

    load: Load
    sockets: float

    @property
    def sessions(self) -> float:
        """At any time."""
        return self.sockets / self.load.people_per_session

    @property
    def joins(self) -> float:
        """And leaves: everybody stays for as long as the session lasts."""
        return self.sockets * MINUTES / self.load.session_minutes

    @property
    def heartbeats(self) -> float:
        return self.sockets * MINUTES * 60 / self.load.heartbeat_seconds

    @property
    def said(self) -> float:
        return self.sessions * MINUTES * self.load.messages_per_minute

    @property
    def posts(self) -> float:
        """Frames to sockets: the k-th to come is told to k, the k-th last to go to k - 1."""
        people = self.load.people_per_session
        told = self.joins * ((people + 1) / 2 + (people - 1) / 2)
        return told + self.said * people + self.heartbeats

    @property
    def invocations(self) -> dict[str, tuple[float, float]]:
        """By function: how many, and how many milliseconds each."""
        load = self.load
        return {
            "authorize": (self.joins, load.authorize_ms),
            "connect": (self.joins, load.connect_ms),
            "announce": (self.joins, load.announce_ms),
            "disconnect": (self.joins, load.disconnect_ms),
            "default, heartbeats": (self.heartbeats, load.heartbeat_ms),
            "default, messages": (self.said, load.message_ms),
            "sweep": (SWEEPS, load.sweep_ms),
        }


def hadir(month: Month) -> dict[str, float]:
    """Dollars by item."""
    load = month.load
    invocations = month.invocations
    requests = sum(count for count, _ in invocations.values())
    gb_seconds = sum(count * ms for count, ms in invocations.values()) / 1000 * load.memory_gb
    calls = (
        month.joins * (JOIN_CALLS + LEAVE_CALLS)
        + month.said * MESSAGE_CALLS
        + month.heartbeats * HEARTBEAT_CALLS
    )
    ended = month.joins / load.people_per_session * 24 / HOURS  # kept for a day
    stored = (month.sockets * load.socket_bytes + ended * load.ended_session_bytes) / 1e9
    logged = month.heartbeats * load.heartbeat_log_bytes
    logged += (requests - month.heartbeats) * load.log_bytes
    heartbeats, others = 2 * month.heartbeats, month.posts - month.heartbeats + month.said
    a_message = messages(heartbeats + others) / (heartbeats + others)  # they share the tiers
    return {
        "connection-minutes": price("connection_minutes", month.sockets * MINUTES / 1e6),
        "heartbeats and their answers": heartbeats * a_message,
        "other messages": others * a_message,
        "Lambda": price("lambda_requests", requests / 1e6) + price("lambda_gb_seconds", gb_seconds),
        "Valkey": price("valkey_gb_hours", max(stored, 0.1) * HOURS)
        + price("valkey_ecpus", calls * load.ecpus_per_call / 1e6),
        "data out": price("data_out", month.posts * load.event_bytes / 1e9),
        "logs, kept for a month": price("log_ingestion", logged / 1e9)
        + price("log_storage", logged / 1e9),
        "metrics, alarms, dashboard, secret": price("custom_metrics", METRICS)
        + price("alarms", ALARM_METRICS)
        + price("dashboards", 1)
        + price("secrets", 1),
    }


def messages(count: float) -> float:
    """API Gateway's price of messages under 32 KB each."""
    return price("websocket_messages", count) / 1e6


def abuse(per_second: float, burst: float, frame_bytes: int) -> tuple[float, float]:
    """Dollars an hour for what one person makes Hadir post, at the most: messages, data out.

    Args:
        per_second: posts, lastingly; no more of them than an account takes.
        burst: posts beside them, once.
        frame_bytes: of each post.
    """
    posts = min(3600 * per_second + burst, 3600 * QUOTA)
    charged = posts * math.ceil(frame_bytes / BILLED_BYTES)
    return messages(charged), price("data_out", posts * frame_bytes / 1e9)


def price(name: str, amount: float) -> float:
    """``amount`` of what ``prices.toml`` calls ``name``, tier by tier."""
    entry = PRICES[name]
    if "price" in entry:
        return amount * float(entry["price"])
    total, below = 0.0, 0.0
    for end, each in entry["tiers"]:
        total += max(min(amount, end) - below, 0) * each
        below = end
    return total


def nat(month: Month) -> float:
    """What two NAT gateways would cost in place of the egress-only internet gateway: it is free."""
    through = (month.posts + month.joins) * (month.load.event_bytes + 2000) / 1e9
    hours = price("nat_gateway_hours", 2 * HOURS) + price("public_ipv4_hours", 2 * HOURS)
    return hours + price("nat_gateway_gb", through)


def snapstart(load: Load) -> float:
    """What SnapStart's snapshots cost where it is on, without what is restored from them."""
    return price("snapstart_cache", SNAPSTART_FUNCTIONS * load.memory_gb * HOURS * 3600)


def grace(month: Month) -> float:
    """What a grace costs where there is one.

    For each leave a message, an invocation and one more call of Redis; and Lambda asks the queue
    also while it is empty.
    """
    load, leaves = month.load, month.joins
    gb_seconds = leaves * load.end_grace_ms / 1000 * load.memory_gb
    logged = leaves * load.log_bytes / 1e9
    return (
        price("queue_requests", (leaves * QUEUE_REQUESTS + IDLE_RECEIVES) / 1e6)
        + price("lambda_requests", leaves / 1e6)
        + price("lambda_gb_seconds", gb_seconds)
        + price("valkey_ecpus", leaves * load.ecpus_per_call / 1e6)
        + price("log_ingestion", logged)
        + price("log_storage", logged)
    )


def canary(load: Load, grace_seconds: float = 0) -> float:
    """What a canary costs where there is one.

    Two people who come and go, as everybody does, and a function that lasts as long, the grace
    included; its metrics and alarms.
    """
    runs = MINUTES / (CANARY_GRACE_MINUTES if grace_seconds else CANARY_MINUTES)
    seconds = load.canary_ms / 1000 + grace_seconds
    joins = runs * CANARY_PEOPLE
    each = load.authorize_ms + load.connect_ms + load.announce_ms + load.disconnect_ms
    requests = joins * 4 + runs
    logged = requests * load.log_bytes / 1e9
    calls = joins * (JOIN_CALLS + LEAVE_CALLS)
    return (
        price("connection_minutes", joins * seconds / 60 / 1e6)
        + messages(joins * CANARY_PEOPLE)
        + price("data_out", joins * CANARY_PEOPLE * load.event_bytes / 1e9)
        + price("lambda_requests", requests / 1e6)
        + price("lambda_gb_seconds", (joins * each / 1000 + runs * seconds) * load.memory_gb)
        + price("valkey_ecpus", calls * load.ecpus_per_call / 1e6)
        + price("log_ingestion", logged)
        + price("log_storage", logged)
        + price("custom_metrics", CANARY_METRICS)
        + price("alarms", CANARY_ALARM_METRICS)
    )


def pusher(month: Month) -> float | None:
    """Dollars; None where their price list ends.

    Presence events and messages count once for each who gets them, and messages once more for who
    publishes them; heartbeats do not count.
    """
    people = month.load.people_per_session
    daily = (month.joins * (people - 1) + month.said * (1 + people)) / (HOURS / 24)
    for cost, connections, most in PRICES["pusher"]["plans"] + PRICES["pusher_larger"]["plans"]:
        if month.sockets <= connections and daily <= most:
            return float(cost)
    return None


def ably(month: Month) -> float | None:
    """Dollars, resource-based and without volume discounts; None where their price list ends."""
    people = month.load.people_per_session
    count = month.joins * (2 + people) + month.said * (1 + people)
    for cost, connections in PRICES["ably"]["plans"]:
        if month.sockets <= connections:
            return (
                float(cost)
                + price("ably_messages", count / 1e6)
                + price("ably_connection_minutes", month.sockets * MINUTES / 1e6)
                + price("ably_channel_minutes", month.sessions * MINUTES / 1e6)
            )
    return None


def table(load: Load, sizes: Sequence[int] = SIZES) -> str:
    """The costs of a month in Markdown: a row for each item, a column for each size."""
    months = [Month(load, size) for size in sizes]
    bills = [hadir(month) for month in months]
    rows = [["sockets at once", *(f"{size:,}" for size in sizes)], ["---", *["---:"] * len(sizes)]]
    rows += [[item, *(_dollars(bill[item]) for bill in bills)] for item in bills[0]]
    rows += [
        ["**Hadir**", *(f"**{_dollars(sum(bill.values()))}**" for bill in bills)],
        ["**Pusher**", *(f"**{_dollars(pusher(month))}**" for month in months)],
        ["**Ably**", *(f"**{_dollars(ably(month))}**" for month in months)],
        ["SnapStart's snapshots, if it is on", *(_dollars(snapstart(load)) for _ in months)],
        ["a grace, if there is one", *(_dollars(grace(month)) for month in months)],
        ["a canary, if there is one", *(_dollars(canary(load)) for _ in months)],
        ["NAT gateways, if there were any", *(_dollars(nat(month)) for month in months)],
    ]
    return _markdown(rows)


def price_table() -> str:
    """All of ``prices.toml`` in Markdown: a row for each price or plan."""
    rows = [
        ["name", "price ($)", "for each", "source", "as of", "looked up"],
        ["---", "---", "---", "---", "---", "---"],
    ]
    for name, entry in PRICES.items():
        looked_up = "yes" if entry["checked"] else "**no**"
        for cost, unit in _listed(entry):
            rows.append([f"`{name}`", cost, unit, entry["source"], entry["seen"], looked_up])
    return _markdown(rows)


def not_looked_up() -> str:
    """Which prices were not found, as a sentence."""
    names = [f"`{name}`" for name, entry in PRICES.items() if not entry["checked"]]
    return f"Not looked up: {', '.join(names)}."


def _listed(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What an entry of ``prices.toml`` says costs how much: price, unit."""
    if "plans" in entry:
        for cost, *limits in entry["plans"]:
            named = zip(limits, ("sockets", "messages a day"), strict=False)
            yield (
                _exact(cost),
                "month, up to " + ", ".join(f"{most:,} {what}" for most, what in named),
            )
    elif "price" in entry:
        yield _exact(entry["price"]), entry["unit"]
    else:
        tiers = [
            f"then {_exact(each)}" if end == math.inf else f"{_exact(each)} up to {end:,.0f}"
            for end, each in entry["tiers"]
        ]
        yield "; ".join(tiers), entry["unit"]


def _exact(amount: float) -> str:
    """In decimals, two at least."""
    whole, _, decimals = format(Decimal(str(amount)), "f").partition(".")
    return f"{int(whole):,}.{decimals:0<2}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _dollars(amount: float | None) -> str:
    return "ask their sales" if amount is None else f"${amount:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for field in fields(Load):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=float, default=field.default, help=f"{field.default:g}")
    parser.add_argument(
        "--sockets", type=int, nargs="+", default=SIZES, help="at once, on average over the month"
    )
    given = vars(parser.parse_args())
    sizes = given.pop("sockets")
    if min(sizes) < 1:
        parser.error("sockets must be at least 1")
    try:
        load = Load(**given)
    except ValueError as error:
        parser.error(str(error))
    print(table(load, sizes))
    print(f"\n{price_table()}\n\n{not_looked_up()}")


if __name__ == "__main__":
    main()

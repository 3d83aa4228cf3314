"""What would be deployed: each function's surroundings, the cache, the alarms, the addresses."""

import json
import re
import tomllib
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from apigw_local.errors import TemplateError
from apigw_local.template.document import read
from apigw_local.template.load import load
from benchmarks.cost import ALARM_METRICS, CANARY_ALARM_METRICS
from hadir.canary import RUN_SECONDS
from hadir.domain.identity import Identity, UserType
from hadir.domain.reasons import GONE
from hadir.membership.audit import Audit
from hadir.membership.client import connect
from hadir.membership.directory import Directory
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease
from tests.redis_cluster import Cluster
from tests.running_gateway import ROOT

Resources = dict[str, Any]

IN_VPC = {"Connect", "Announce", "Disconnect", "EndGrace", "Default", "Sweep", "Rest"}
SNAPPED = {"Authorize", "Connect", "Announce", "Disconnect", "Default"}
SECONDS: dict[str, object] = {
    "Authorize": 10,
    "Canary": {"Fn::If": ["HasGrace", 345, 45]},
    "Connect": 10,
    "Sweep": 55,
}
OWN_VARIABLES = {
    "Authorize": {"ALLOWED_ORIGINS", "AUTH_MODE", "JWKS_URL"}
    | {"TOKEN_AUDIENCE", "TOKEN_ISSUER", "TOKEN_SECRET_ID"},
    "Canary": {"AUTH_MODE", "TOKEN_AUDIENCE", "TOKEN_ISSUER", "TOKEN_SECRET_ID"},
    "Connect": {"ANNOUNCE_FUNCTION", "AWS_ENDPOINT_URL_LAMBDA"},
    "Disconnect": {"AWS_ENDPOINT_URL_SQS", "GRACE_QUEUE_URL"},
    "Default": {"AUTH_MODE", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "JWKS_URL"}
    | {"TOKEN_AUDIENCE", "TOKEN_ISSUER", "TOKEN_SECRET_ID"},
    "Sweep": {"MESSAGE_FUNCTION", "AWS_ENDPOINT_URL_LAMBDA"},
}
VARIABLES = {
    "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
    "CONNECTIONS_PER_USER",
    "CUSTOMERS_SEE",
    "DEPLOYMENT",
    "DISCONNECT_GRACE_SECONDS",
    "HEARTBEAT_TIMEOUT_SECONDS",
    "MESSAGES_PER_SECOND",
    "PEOPLE_PER_SESSION",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_SERVICE_NAME",
    "REDIS_IAM_CACHE",
    "REDIS_IAM_USER",
    "REDIS_URL",
}
NO_VALUE = {"Ref": "AWS::NoValue"}


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


@pytest.fixture
def functions(resources: Resources) -> Resources:
    found = of_type(resources, "AWS::Lambda::Function")
    return {name.removesuffix("Function"): properties for name, properties in found.items()}


def test_functions_are_alike_but_for_what_they_need(functions: Resources) -> None:
    assert set(functions) == IN_VPC | {"Authorize", "Canary"}
    for name, function in functions.items():
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
        assert function["MemorySize"] == 512
        assert function["Timeout"] == SECONDS.get(name, 30)
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
        assert function["Layers"] == [{"Ref": layer} for layer in layers(function)]
        variables = set(function["Environment"]["Variables"])
        assert variables == VARIABLES | OWN_VARIABLES.get(name, set())


def layers(function: dict[str, Any]) -> list[str]:
    """The ids that SAM made of the two layers' names, a hash behind each."""
    found = [layer["Ref"] for layer in function["Layers"]]
    assert [re.sub("Layer[0-9a-f]{10}$", "", each) for each in found] == ["Dependencies", "Hadir"]
    return found


def test_those_that_reach_redis_are_in_its_vpc(functions: Resources) -> None:
    for name, function in functions.items():
        if name not in IN_VPC:
            assert function["VpcConfig"] == NO_VALUE
            continue
        condition, vpc, otherwise = function["VpcConfig"]["Fn::If"]
        assert (condition, otherwise) == ("InVpc", NO_VALUE)
        assert vpc["Ipv6AllowedForDualStack"] == {"Fn::If": ["MakesCache", True, False]}


def test_snap_start_starts_from_the_versions_that_are_called(
    resources: Resources, functions: Resources
) -> None:
    """By aliases, so that nothing but where they lead changes while people are connected."""
    versions = of_type(resources, "AWS::Lambda::Version")
    aliases = of_type(resources, "AWS::Lambda::Alias")
    assert set(versions) == {f"{name}Version" for name in SNAPPED}
    assert set(aliases) == {f"{name}Alias" for name in SNAPPED}
    for name, function in functions.items():
        applied = {"Fn::If": ["UsesSnapStart", {"ApplyOn": "PublishedVersions"}, NO_VALUE]}
        assert function.get("SnapStart") == (applied if name in SNAPPED else None)
    for name in SNAPPED:
        function = {"Ref": f"{name}Function"}
        version = {"Fn::GetAtt": [f"{name}Version", "Version"]}
        assert versions[f"{name}Version"]["FunctionName"] == function
        assert aliases[f"{name}Alias"]["FunctionName"] == function
        assert aliases[f"{name}Alias"]["FunctionVersion"] == version
        # Lambda publishes no version of a function in which nothing has changed.
        variables = functions[name]["Environment"]["Variables"]
        assert variables["DEPLOYMENT"] == {"Ref": "SnapStart"}
    everything = json.dumps(resources)
    chosen = set(re.findall(r'"UsesSnapStart", {"Ref": "(\w+)Alias"}', everything))
    assert chosen == SNAPPED
    called = of_type(resources, "AWS::Lambda::Permission")
    for route in ("Connect", "Disconnect", "Default"):
        permission = called[f"WebSocketApi{route}Permission"]
        assert permission["FunctionName"]["Fn::If"][1] == {"Ref": f"{route}Alias"}


def test_what_announce_cannot_do_is_kept(resources: Resources) -> None:
    outcomes = of_type(resources, "AWS::Lambda::EventInvokeConfig")["AnnounceOutcomes"]

    assert outcomes["FunctionName"] == {"Ref": "AnnounceFunction"}
    kept = outcomes["DestinationConfig"]["OnFailure"]["Destination"]
    assert kept == {"Fn::GetAtt": ["AnnounceDeadLetters", "Arn"]}


def test_a_grace_has_a_queue_and_without_one_nothing_is_made_for_it(
    resources: Resources, functions: Resources
) -> None:
    only = {name for name, each in resources.items() if each.get("Condition") == "HasGrace"}
    assert only == {
        *("EndGraceFunction", "EndGraceFunctionOver", "EndGraceFunctionRole", "GraceQueue"),
        *("MayQueueGraces", "MayTakeGraces"),
    }
    event, queue = (
        resources[each]["Properties"] for each in ("EndGraceFunctionOver", "GraceQueue")
    )
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["EventSourceArn"] == {"Fn::GetAtt": ["GraceQueue", "Arn"]}
    # Lambda's guide: six times the timeout. A message lives through its delay and one failure.
    assert queue["VisibilityTimeout"] == 6 * functions["EndGrace"]["Timeout"]
    longest = read(ROOT / "template.yaml")["Parameters"]["DisconnectGraceSeconds"]["MaxValue"]
    assert queue["MessageRetentionPeriod"] > longest + queue["VisibilityTimeout"]
    told = functions["Disconnect"]["Environment"]["Variables"]["GRACE_QUEUE_URL"]
    assert told == {"Fn::If": ["HasGrace", {"Ref": "GraceQueue"}, ""]}


def test_without_a_canary_nothing_is_made_for_it(resources: Resources) -> None:
    only = {name for name, each in resources.items() if each.get("Condition") == "HasCanary"}
    assert only == {
        *("CanaryFunction", "CanaryFunctionEventInvokeConfig", "CanaryFunctionRole"),
        *("CanaryFunctionOften", "CanaryFunctionOftenPermission"),
        *("CanaryFailing", "CanarySlow"),
    }
    assert {name for name in resources if "Canary" in name} == only
    assert "Canary" not in dashboard(resources, {"HasGrace"})


@pytest.mark.parametrize("grace", [0, 1])
def test_a_canary_has_ended_before_the_next_one_comes(
    resources: Resources, functions: Resources, grace: int
) -> None:
    def chosen(value: dict[str, Any]) -> Any:
        condition, with_grace, without = value["Fn::If"]
        assert condition == "HasGrace"
        return with_grace if grace else without

    minutes = chosen(resources["CanaryFunctionOften"]["Properties"]["ScheduleExpression"])
    apart = 60 * int(re.findall(r"rate\((\d+) minutes?\)", minutes)[0])
    longest = read(ROOT / "template.yaml")["Parameters"]["DisconnectGraceSeconds"]["MaxValue"]
    timeout = chosen(functions["Canary"]["Timeout"])
    assert grace * longest + RUN_SECONDS < timeout < apart
    once = resources["CanaryFunctionEventInvokeConfig"]["Properties"]
    assert once["MaximumRetryAttempts"] == 0
    kept = functions["Canary"]["ReservedConcurrentExecutions"]
    assert kept == {"Fn::If": ["KeepsForLeaves", 1, NO_VALUE]}
    failing, slow = (resources[name]["Properties"] for name in ("CanaryFailing", "CanarySlow"))
    periods = [failing["Period"], *(each["MetricStat"]["Period"] for each in slow["Metrics"][:2])]
    assert {chosen(period) for period in periods} == {apart}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({}, ""),
        ({"AuthMode": "open", "Stage": "dev"}, ""),
        ({"JwksUrl": "https://issuer.example/jwks"}, "name a TokenSecretArn beside JwksUrl"),
        ({"JwksUrl": "https://i.example", "TokenSecretArn": "arn:aws:secretsmanager:x"}, ""),
    ],
)
def test_a_canary_needs_a_secret_where_there_are_tokens(
    chosen: dict[str, str], sentence: str
) -> None:
    overrides = {"RedisUrl": "redis://r:1", "AllowedOrigins": "*", "Canary": "on", **chosen}

    def check() -> object:
        template = ROOT / "template.yaml"
        return load(template, overrides=overrides, env_vars={}, region="eu-west-1")

    if sentence:
        with pytest.raises(TemplateError, match=sentence):
            check()
        overrides["Canary"] = "off"
    check()


def dashboard(resources: Resources, conditions: set[str]) -> str:
    """The dashboard's body, where those conditions of the template hold."""
    (made,) = of_type(resources, "AWS::CloudWatch::Dashboard").values()
    body, variables = made["DashboardBody"]["Fn::Sub"]
    for name, value in variables.items():
        condition, added, without = value["Fn::If"]
        text = added["Fn::Sub"] if condition in conditions else without
        body = body.replace(f"${{{name}}}", text)
    return str(body)


def test_every_alarm_and_graph_is_of_a_metric_there_is(resources: Resources) -> None:
    text = (ROOT / "layers" / "hadir" / "python" / "hadir" / "metrics.py").read_text()
    written = set(re.findall(r'"([A-Z]\w+)"', text)) - {
        *("Hadir", "Attended", "Broadcast", "Memory", "Swept")
    }
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    for conditions in (set(), {"HasGrace"}, {"HasCanary"}):
        assert json.loads(dashboard(resources, conditions))
    body = json.loads(dashboard(resources, {"HasGrace", "HasCanary"}))
    operate = (ROOT / "docs" / "operate.md").read_text()

    shown = [each for widget in body["widgets"] for each in widget["properties"]["metrics"]]
    assert {metric[1] for metric in shown if metric[0] == "Hadir"} == written
    assert {metric[3] for metric in shown if metric[0] == "Hadir"} == {"${AWS::StackName}"}
    used = set(re.findall(r'"Namespace": "Hadir", "MetricName": "(\w+)"', json.dumps(alarms)))
    assert used
    assert used <= written
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == {
            "Fn::If": ["TellsOfAlarms", [{"Ref": "AlarmTopicArn"}], NO_VALUE]
        }
    watched = [metric for alarm in alarms.values() for metric in alarm.get("Metrics", [alarm])]
    measured = [metric for metric in watched if "Expression" not in metric]
    counted = ALARM_METRICS + CANARY_ALARM_METRICS
    assert len(measured) == counted, "what docs/cost.md counts"
    for name in {*written, *alarms}:
        assert f"`{name}`" in operate, "docs/operate.md says what it means"


@pytest.fixture
def allowed(cluster: Cluster, resources: Resources) -> str:
    """The cluster's URL, for a user with the rights of the template's."""
    connect(cluster.url).flushall()
    (user,) = of_type(resources, "AWS::ElastiCache::User").values()
    rules = user["AccessString"].split()
    for node in cluster.nodes:
        node.ask("ACL", "SETUSER", "template", "reset", ">secret", *rules)
    return cluster.url.replace("://", "://template:secret@")


def test_the_caches_user_may_do_what_hadir_does_and_little_else(allowed: str) -> None:
    client = connect(allowed)
    membership = Membership(client, lease_seconds=90)
    who = Identity("s1", "customer_1", UserType.CUSTOMER)

    membership.admit("c1", who)
    opened = membership.open("c1", who.session, heard=True, beat=True).batch
    assert opened
    membership.say("c1", who, "hello", "m1")
    more = membership.settle(opened, more=True)
    assert more
    membership.settle(more, missed=["c1"], more=True)
    membership.history.missed(who.session, "e", 0, 200)
    assert len(membership.history.page(who.session, 200).events) == 2
    assert len(membership.sockets(who.session)) == 1
    assert membership.identities.of("c1") == who
    assert membership.leases.due(100).unanswered == 0
    membership.leases.deafen()
    membership.leases.prove_hearing()
    membership.leases.postpone([Lease(who.session, "c1", deaf=False)])
    membership.leases.renew([(Lease(who.session, "c1", deaf=False), None)])
    membership.leases.lapse("c1", who.session)
    directory, audit = Directory(client), Audit(client)
    assert directory.totals() == (1, 1)
    assert directory.sessions_of("default", "customer_1") == (who.session,)
    assert {who.session} in dict(audit.partitions(0, lambda: True)).values()
    membership.repair(who.session)
    audit.forget_ghosts(0)
    assert audit.begin() is None
    audit.note_done(0)
    assert membership.leave("c1", who.session, GONE).batch
    membership.end_grace(who.session, who.person)
    with Redis.from_url(allowed.replace("+cluster", "")) as node:
        ask: Any = node.execute_command
        for forbidden in (
            *("FLUSHALL", "KEYS *", "RANDOMKEY", "DBSIZE", "SCRIPT FLUSH"),
            *("SCRIPT KILL", "CONFIG GET *", "SET other 1", "ACL LIST"),
        ):
            with pytest.raises(NoPermissionError):
                ask(*forbidden.split())
    client.close()


def test_nothing_is_made_that_was_not_asked_for(resources: Resources) -> None:
    """A deployment with a Redis of one's own makes no network, cache, domain or distribution."""
    conditional = ("EC2", "ElastiCache", "Route53", "CloudFront", "S3")
    made = {
        name: each["Type"]
        for name, each in resources.items()
        if each["Type"].split("::")[1] in conditional and "Condition" not in each
    }
    assert made == {}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_samconfig_sets_parameters_there_are(environment: str) -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    deploy = configured["deploy"]["parameters"]
    given = dict(each.split("=") for each in deploy["parameter_overrides"].split())
    parameters = read(ROOT / "template.yaml")["Parameters"]

    assert given["Stage"] == environment
    for name, value in given.items():
        allowed = parameters[name].get("AllowedValues")
        assert allowed is None or value in [str(each) for each in allowed]
    assert f"environment={environment}" in deploy["tags"]
    assert configured["global"]["parameters"]["stack_name"] == f"hadir-{environment}"


WHERE = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0a"}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"RedisUrl": "redis://r:1"}, ""),
        ({}, "RedisUrl is needed"),
        ({"RedisUrl": ""}, "must begin with redis://"),
        ({"Redis": "serverless"}, ""),
        ({"Redis": "serverless", "RedisUrl": "redis://r:1"}, "one is made"),
        ({"Redis": "vpc", "RedisUrl": "redis://r:1", **WHERE}, ""),
        ({"Redis": "vpc", "RedisUrl": "redis://r:1"}, "SubnetIds and SecurityGroupIds are needed"),
        ({"RedisUrl": "redis://r:1", **WHERE}, "are for Redis vpc"),
        ({"RedisUrl": "rediss://r:1", "RedisIamUser": "hadir"}, "needs RedisIamCache"),
        ({"RedisUrl": "redis://r:1", "SocketDomain": "a.example"}, "need CertificateArn"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_made(
    chosen: dict[str, str], sentence: str
) -> None:
    def check() -> None:
        overrides = {"AllowedOrigins": "*", **chosen}
        load(ROOT / "template.yaml", overrides=overrides, env_vars={}, region="eu-west-1")

    if not sentence:
        check()
        return
    with pytest.raises(TemplateError, match=sentence):
        check()

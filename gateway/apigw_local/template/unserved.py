"""What stands in a template and does not run here: said, so that nobody waits for it."""

from collections.abc import Iterator

from apigw_local.template.document import Map
from apigw_local.template.intrinsics import Resolver

_EVENTS = ("HttpApi", "SQS", "Schedule", "ScheduleV2")

_RESOURCES = {
    "AWS::ApiGateway::RestApi": "REST APIs are not served",
    "AWS::CloudFormation::Stack": "nested stacks are not read",
    "AWS::Events::Rule": "rules invoke nothing here, only Schedule events of functions do",
    "AWS::Lambda::EventSourceMapping": "it brings nothing here, only SQS events of functions do",
    "AWS::Lambda::Url": "function URLs are not served",
    "AWS::Scheduler::Schedule": "it invokes nothing here, only Schedule events of functions do",
    "AWS::Serverless::Api": "REST APIs are not served",
    "AWS::Serverless::Application": "nested applications are not read",
    "AWS::Serverless::StateMachine": "state machines do not run here",
    "AWS::StepFunctions::StateMachine": "state machines do not run here",
}


def unserved(resources: Map, resolver: Resolver) -> Iterator[tuple[int, str]]:
    """A warning for each resource that does nothing here, with its line."""
    for name in resources:
        resource = resources.map(name)
        if not resolver.exists(name):
            continue
        kind = str(resource.get("Type"))
        if kind in _RESOURCES:
            yield resource.at("Type"), f"{name}: {_RESOURCES[kind]}"
        elif kind == "AWS::Serverless::WebSocketApi" and "Domain" in resource.map("Properties"):
            said = "its domain name is not served here, the stage's path is"
            yield resource.map("Properties").at("Domain"), f"{name}: {said}"
        elif kind == "AWS::Serverless::HttpApi":
            for key in resource.map("Properties").keys() & {"DefinitionBody", "DefinitionUri"}:
                said = f"only functions' HttpApi events are served, not {key}"
                yield resource.map("Properties").at(key), f"{name}: {said}"


def unserved_events(name: str, function: Map) -> Iterator[tuple[int, str]]:
    """The same for what would invoke a function; ``function`` are its properties."""
    events = function.map("Events")
    for event in events:
        kind = events.map(event).get("Type")
        if kind not in _EVENTS:
            yield events.at(event), f"{name}: events of type {kind} do not come here"
    if "FunctionUrlConfig" in function:
        yield function.at("FunctionUrlConfig"), f"{name}: function URLs are not served"

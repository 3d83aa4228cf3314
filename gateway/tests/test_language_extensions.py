"""``AWS::LanguageExtensions``: loops, lengths, JSON, defaults of mappings."""

import pytest

from tests.templates import HERE, Load, Refusal, api_of, sam, variables

LOOP = """
    Fn::ForEach::Functions:
      - Name
      - !Ref Names
      - ${Name}Function:
          Type: AWS::Serverless::Function
          Properties:
            Runtime: python3.13
            Handler: !Sub app.${Name}
            CodeUri: src
            Environment: {Variables: {NAME: !Ref Name, AT: !Sub "${AWS::Region}/${Name}"}}
            Events:
              Fn::ForEach::Events:
                - Path
                - [one, t-w.o]
                - Get&{Path}:
                    Type: HttpApi
                    Properties: {Path: !Sub "/${Name}/${Path}", Method: GET}
"""
NAMES = "Parameters: {Names: {Type: CommaDelimitedList, Default: 'Say,Hear'}}"


@pytest.mark.aws("te-loops")
def test_loops_make_resources_and_what_is_in_them(loaded: Load) -> None:
    application = loaded(sam(sections=NAMES, resources=LOOP))

    assert set(application.functions) == {"Fn", "Other", "SayFunction", "HearFunction"}
    made = application.functions["SayFunction"]
    assert (made.handler, made.environment) == ("app.Say", {"NAME": "Say", "AT": "eu-west-1/Say"})
    paths = {route.path for route in application.http_routes}
    assert paths == {"/Say/one", "/Say/t-w.o", "/Hear/one", "/Hear/t-w.o"}


@pytest.mark.aws("te-loops")
def test_a_loop_through_routes(loaded: Load) -> None:
    routes = """
        Fn::ForEach::Routes:
          - Key
          - [say, hear]
          - ${Key}: {FunctionArn: !GetAtt Fn.Arn}
        """
    assert set(api_of(loaded(sam(routes=routes))).routes) == {"say", "hear"}


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        (f"Fn::ForEach::L: [A, [b]]  {HERE}", "Fn::ForEach::L must be a name, a list, and a map"),
        (f"Fn::ForEach::L: [A, b, {{c: d}}]  {HERE}", "Fn::ForEach::L must go through a list"),
        (f"Fn::ForEach::L: [A, [b], {{Fn: {{}}}}]  {HERE}", "Fn::ForEach::L makes a second Fn"),
    ],
)
def test_a_loop_that_makes_no_sense(refused: Refusal, loop: str, said: str) -> None:
    assert refused(sam(resources=loop)).startswith(said)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Length [a, b, c]", "3"),
        ("!Length {Ref: Names}", "2"),
        ("!ToJsonString {a: [1, !Ref AWS::Region], b: true}", '{"a":[1,"eu-west-1"],"b":true}'),
        ("!FindInMap [Sizes, !Ref AWS::Region, Size, {DefaultValue: medium}]", "small"),
        ("!FindInMap [Sizes, moon, Size, {DefaultValue: medium}]", "medium"),
        ("!FindInMap [Sizes, eu-west-1, Other, {DefaultValue: !Ref AWS::Region}]", "eu-west-1"),
    ],
)
def test_other_functions(loaded: Load, expression: str, value: str) -> None:
    sections = f"{NAMES}\nMappings: {{Sizes: {{eu-west-1: {{Size: small}}}}}}"
    text = variables(f"X: {expression}", sections=sections)
    assert loaded(text).functions["Under"].environment == {"X": value}

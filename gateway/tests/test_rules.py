"""A template's Rules, and what Conditions leave out."""

import pytest

from tests.templates import HERE, Load, Refusal, sam, warnings_of

PARAMETERS = """
    Parameters:
      Stage: {Type: String, Default: dev}
      Debug: {Type: String, Default: "false"}
      Zones: {Type: CommaDelimitedList, Default: "a,b"}
"""


def rules(assertion: str, condition: str = "") -> str:
    lines = [
        "Rules:",
        "  Sensible:",
        *([f"    RuleCondition: {condition}"] if condition else []),
        "    Assertions:",
        f"      - Assert: {assertion}  {HERE}",
        "        AssertDescription: it makes no sense",
    ]
    return sam(sections=PARAMETERS + "\n".join(f"    {line}" for line in lines))


@pytest.mark.parametrize(
    "assertion",
    [
        "!Equals [!Ref Stage, dev]",
        "!Not [!Equals [!Ref Stage, prod]]",
        "!And [!Equals [!Ref Stage, dev], !Equals [!Ref Debug, false]]",
        "!Or [!Equals [!Ref Stage, prod], !Equals [!Ref Debug, false]]",
        "!Contains [[dev, prod], !Ref Stage]",
        "{'Fn::Contains': [!Ref Zones, b]}",
        "!EachMemberIn [!Ref Zones, [a, b, c]]",
        "{'Fn::EachMemberIn': [[a], !Ref Zones]}",
        "!EachMemberEquals [[dev, dev], !Ref Stage]",
    ],
)
def test_one_that_holds_and_its_opposite(loaded: Load, refused: Refusal, assertion: str) -> None:
    assert loaded(rules(assertion)).warnings == ()
    assert refused(rules(f"!Not [{assertion}]")) == "rule Sensible is broken: it makes no sense"


def test_values_that_are_given_count(loaded: Load, refused: Refusal) -> None:
    text = rules("!Equals [!Ref Debug, false]", "!Equals [!Ref Stage, prod]")
    assert loaded(text, overrides={"Debug": "true"})
    assert loaded(text, overrides={"Stage": "prod"})
    said = refused(text, overrides={"Stage": "prod", "Debug": "true"})
    assert said == "rule Sensible is broken: it makes no sense"


@pytest.mark.parametrize(
    ("assertion", "condition"),
    [
        ("!EachMemberIn [!ValueOfAll ['AWS::EC2::VPC::Id', Tags.D], [x]]", ""),
        ("!Equals [a, b]", f"!Contains [!RefAll 'AWS::EC2::VPC::Id', x]  {HERE}"),
    ],
)
def test_one_that_needs_an_account_is_not_checked(
    loaded: Load, assertion: str, condition: str
) -> None:
    text = rules(assertion, condition)
    text = text.replace(f"!Equals [a, b]  {HERE}", "!Equals [a, b]")
    (said,) = warnings_of(text, loaded(text))
    assert said.startswith("rule Sensible is not checked: Fn::")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (f"Rules: {{R: {{RuleCondition: true}}}}  {HERE}", "rule R has no list of Assertions"),
        (f"Rules: {{R: {{Assertions: [a]}}}}  {HERE}", "rule R: an assertion needs an Assert"),
        (f"Rules: [a]  {HERE}", "Rules must be a map"),
        (
            f"Rules: {{R: {{Assertions: [{{Assert: !Equals [a, b]}}]}}}}  {HERE}",
            "rule R is broken",
        ),
    ],
)
def test_one_that_makes_no_sense(refused: Refusal, rule: str, said: str) -> None:
    assert refused(sam(sections=rule)).startswith(said)


class TestConditions:
    sections = """
        Parameters:
          Stage: {Type: String, Default: dev}
        Conditions:
          IsProd: !Equals [!Ref Stage, prod]
          IsOther: !Not [!Condition IsProd]
          Both: !And [!Condition IsProd, !Condition IsOther]
          Either: !Or [!Condition IsProd, !Condition IsOther]
        """

    @staticmethod
    def function(condition: str) -> str:
        return (
            f"{condition}Only: {{Type: AWS::Serverless::Function, Condition: {condition}, "
            "Properties: {Runtime: python3.13, Handler: a.b, CodeUri: src, "
            f"Events: {{Get: {{Type: HttpApi, Properties: {{Path: /{condition}, Method: GET}}}}}},"
            f"Environment: {{Variables: {{A: !If [{condition}, x, !Ref AWS::NoValue]}}}}}}}}"
        )

    def test_what_is_false_is_left_out_with_its_events(self, loaded: Load) -> None:
        names = ("IsProd", "IsOther", "Both", "Either")
        resources = "\n".join(map(self.function, names))
        application = loaded(sam(sections=self.sections, resources=resources))

        assert set(application.functions) == {"Fn", "Other", "IsOtherOnly", "EitherOnly"}
        assert {route.path for route in application.http_routes} == {"/IsOther", "/Either"}
        assert application.functions["EitherOnly"].environment == {"A": "x"}

    def test_no_value_leaves_a_variable_out(self, loaded: Load) -> None:
        text = self.function("IsProd").replace("Condition: IsProd, ", "", 1)
        application = loaded(sam(sections=self.sections, resources=text))
        assert application.functions["IsProdOnly"].environment == {}

"""What a template leaves to CloudFormation, and what only AWS knows."""

import pytest

from apigw_local.template.intrinsics import api_id, host
from tests.templates import HERE, Load, Refusal, plain, variables, warnings_of

SECTIONS = """
    Parameters:
      Name: {Type: String, Default: given}
      Flag: {Type: String, Default: true}
      Names: {Type: CommaDelimitedList, Default: "a, b,c"}
      Secret: {Type: String}
      Zone: {Type: "AWS::SSM::Parameter::Value<String>", Default: /zone}
    Mappings:
      Regions: {eu-west-1: {Size: small, Sizes: [s, m]}, us-east-1: {Size: large}}
      Flags: {true: {Said: "yes"}}
    Conditions:
      IsGiven: !Equals [!Ref Name, given]
      IsTrue: !Equals [!Ref Flag, true]
      Both: !And [!Condition IsGiven, !Condition IsTrue]
      Either: !Or [!Not [Condition: IsGiven], Condition: IsTrue]
      Neither: !Not [!Condition Either]
"""
RESOURCES = """
    Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${Name}-table"}}
    Simple: {Type: AWS::Serverless::SimpleTable}
    Queue: {Type: AWS::SQS::Queue}
    Topic: {Type: AWS::SNS::Topic}
    Bucket: {Type: AWS::S3::Bucket}
    Pool: {Type: AWS::Cognito::UserPool}
    Http: {Type: AWS::Serverless::HttpApi}
"""
OTHER = """
    Cluster: {Type: AWS::RDS::DBCluster}
    Nested: {Type: AWS::CloudFormation::Stack}
    Own: {Type: Custom::Own}
"""
ARN = "arn:aws:{}:eu-west-1:123456789012:{}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Name", "given"),
        ("{Ref: Name}", "given"),
        ("!Ref Flag", "true"),
        ("!Ref Table", "given-table"),
        ("!Ref Simple", "Simple"),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!Ref Topic", ARN.format("sns", "Topic")),
        ("!Ref Pool", "Pool"),
        ("!Ref Ws", api_id("Ws")),
        ("!Ref Http", api_id("Http")),
        ("!Ref ServerlessHttpApi", api_id("ServerlessHttpApi")),
        ("!Ref ServerlessRestApi", api_id("ServerlessRestApi")),
        ("!Ref WsDefaultRoute", "WsDefaultRoute"),
        ("!Ref WsDefaultIntegration", "WsDefaultIntegration"),
        ("!Ref WsDefaultStage", "default"),
        ("!Ref Ws.Stage", "default"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::AccountId", "123456789012"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackName", "local"),
        ("!Ref AWS::StackId", ARN.format("cloudformation", "stack/local/local")),
        ("!GetAtt Table.Arn", ARN.format("dynamodb", "table/given-table")),
        ("!GetAtt [Table, Arn]", ARN.format("dynamodb", "table/given-table")),
        ("{'Fn::GetAtt': [Simple, Arn]}", ARN.format("dynamodb", "table/Simple")),
        ("{'Fn::GetAtt': Queue.Arn}", ARN.format("sqs", "Queue")),
        ("!GetAtt Queue.QueueName", "Queue"),
        ("!GetAtt Queue.QueueUrl", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!GetAtt Topic.TopicName", "Topic"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::Bucket"),
        ("!GetAtt Fn.Arn", ARN.format("lambda", "function:Fn")),
        ("!GetAtt Ws.ApiId", api_id("Ws")),
        ("!GetAtt Ws.ApiEndpoint", f"wss://{host('Ws', 'eu-west-1')}"),
        ("!GetAtt Http.ApiEndpoint", f"https://{host('Http', 'eu-west-1')}"),
        ('!Sub "${Name}-${AWS::Region}-${ Simple.Arn }"', f"given-eu-west-1-{ARN}/Simple"),
        ('!Sub "${Ws}/${Ws.Stage}/${Ws.ApiId}"', f"{api_id('Ws')}/default/{api_id('Ws')}"),
        ('!Sub "${!Name} $Name {Name}"', "${Name} $Name {Name}"),
        ('!Sub ["${X}-${Name}", {X: !Ref AWS::Region}]', "eu-west-1-given"),
        ("{'Fn::Sub': ['${Name}', {Name: nearer}]}", "nearer"),
        ("!Join [-, [a, !Ref Name, 1]]", "a-given-1"),
        ("!Join ['', !Ref Names]", "abc"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select ['0', [x, y]]", "x"),
        ("!Select [2, !Split [/, 'a/b/c']]", "c"),
        ("!Select [0, !Split [e, !Ref Name]]", "giv"),
        ("!FindInMap [Regions, !Ref AWS::Region, Size]", "small"),
        ("!Select [1, !FindInMap [Regions, eu-west-1, Sizes]]", "m"),
        ("!FindInMap [Flags, !Ref Flag, Said]", "yes"),
        ("!If [IsGiven, then, else]", "then"),
        ("!If [Neither, then, !If [Both, inner, else]]", "inner"),
        ("!If [Either, !Ref Name, !ImportValue unknown]", "given"),
        ("!Base64 hello", "aGVsbG8="),
        ("{'Fn::Base64': !Sub '${Name}'}", "Z2l2ZW4="),
    ],
)
def test_intrinsic_functions(loaded: Load, expression: str, value: str) -> None:
    text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
    expected = value.replace(f"{ARN}/", ARN.format("dynamodb", "table/"))
    assert loaded(text).functions["Under"].environment == {"X": expected}


@pytest.mark.aws("te-plain")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Live", "live"),
        ("!Sub '${Ws}/${Live}'", f"{api_id('Ws')}/live"),
        ("!GetAtt Ws.ApiEndpoint", f"wss://{host('Ws', 'eu-west-1')}"),
    ],
)
def test_the_stage_of_the_plain_form(loaded: Load, expression: str, value: str) -> None:
    text = plain().replace(
        "Code: src", f"Code: src, Environment: {{Variables: {{X: {expression}}}}}", 1
    )
    assert loaded(text).functions["Fn"].environment == {"X": value}


UNKNOWN_TO_US = [
    ("!Ref Secret", "Secret", ""),
    ("!Ref Zone", "Zone", ""),
    ("!ImportValue shared-url", "shared-url", "only AWS knows shared-url"),
    ("!ImportValue {'Fn::Sub': '${Name}-url'}", "given-url", "only AWS knows given-url"),
    ("!Sub 'x${AWS::Region}{{resolve:ssm:/c}}'", "ssm:/c", "only AWS knows ssm:/c"),
    ("'{{resolve:ssm:/a/b:1}}'", "ssm:/a/b:1", "only AWS knows ssm:/a/b:1"),
    ("!Sub '{{resolve:ssm:/${Name}}}'", "ssm:/given", "only AWS knows ssm:/given"),
    (
        "'{{resolve:secretsmanager:db:SecretString:password}}'",
        "secretsmanager:db:SecretString:password",
        "only AWS knows secretsmanager:db:SecretString:password",
    ),
]


@pytest.mark.parametrize(("expression", "name", "said"), UNKNOWN_TO_US)
class TestWhatOnlyAwsKnows:
    def test_is_made_up_and_named_with_its_line(
        self, loaded: Load, expression: str, name: str, said: str
    ) -> None:
        line = "" if name in ("Secret", "Zone") else f"  {HERE}"
        text = variables(f"X: {expression}{line}", sections=SECTIONS, resources=RESOURCES)
        application = loaded(text)
        environment = application.functions["Under"].environment
        assert environment["X"].removeprefix("xeu-west-1") == name
        if said:
            (warning,) = warnings_of(text, application)
            advice = f"give --parameter-overrides '{name}=…', or the variable that wants it by"
            assert warning == f"{said}, here it is {name}; {advice} --env-vars"
        else:
            (warning,) = application.warnings
            assert f"give --parameter-overrides {name}=…" in warning

    def test_can_be_given(self, loaded: Load, expression: str, name: str, said: str) -> None:
        text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
        environment = loaded(text, overrides={name: "value"}).functions["Under"].environment
        assert environment["X"].removeprefix("xeu-west-1") == "value"

    def test_can_be_replaced_as_a_variable(
        self, loaded: Load, expression: str, name: str, said: str
    ) -> None:
        text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
        application = loaded(text, env_vars={"Under": {"X": "mine"}})
        assert application.functions["Under"].environment == {"X": "mine"}

    def test_is_no_matter_where_it_is_not_needed(
        self, loaded: Load, expression: str, name: str, said: str
    ) -> None:
        text = variables("A: b", sections=SECTIONS, resources=RESOURCES).replace(
            "Fn:\n", f"Thing: {{Type: 'AWS::X::Y', Properties: {{P: {expression}}}}}\n  Fn:\n", 1
        )
        policies = f"Policies: [{{Statement: [{{Resource: {expression}}}]}}], CodeUri"
        text = text.replace("CodeUri", policies, 1)
        assert loaded(text).warnings == ()


@pytest.mark.parametrize(
    ("expression", "name", "value"),
    [
        ("!GetAtt Pool.ProviderName", "Pool.ProviderName", "Pool.ProviderName"),
        ("!Sub '${Cluster.Endpoint.Address}'", "Cluster.Endpoint.Address", None),
        ("!GetAtt Cluster.DBClusterArn", "Cluster.DBClusterArn", ARN.format("rds", "Cluster")),
        ("!GetAtt Nested.Outputs.Url", "Nested.Outputs.Url", None),
        ("!GetAtt Own.Thing", "Own.Thing", None),
    ],
)
class TestAttributesThatAreMadeUp:
    def text(self, expression: str) -> str:
        return variables(f"X: {expression}  {HERE}", sections=SECTIONS, resources=RESOURCES + OTHER)

    def test_they_are_the_same_each_time_and_warned_of(
        self, loaded: Load, expression: str, name: str, value: str | None
    ) -> None:
        text = self.text(expression)
        application = loaded(text)
        assert application.functions["Under"].environment == {"X": value or name}
        (said,) = warnings_of(text, application)
        assert said.startswith(f"only AWS knows {name}, here it is {value or name}; give --param")

    def test_they_can_be_given(
        self, loaded: Load, expression: str, name: str, value: str | None
    ) -> None:
        application = loaded(self.text(expression), overrides={name: "mine"})
        assert application.functions["Under"].environment == {"X": "mine"}
        assert not [each for each in application.warnings if "only AWS knows" in each]

    def test_they_can_be_replaced_as_a_variable(
        self, loaded: Load, expression: str, name: str, value: str | None
    ) -> None:
        application = loaded(self.text(expression), env_vars={"Under": {"X": "mine"}})
        assert application.functions["Under"].environment == {"X": "mine"}
        assert not [each for each in application.warnings if "only AWS knows" in each]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Secret", ARN.format("secretsmanager", "secret:db")),
        ("!GetAtt Secret.Arn", ARN.format("secretsmanager", "secret:db")),
        ("!Ref Logs", "Logs"),
        ("!GetAtt Logs.Arn", ARN.format("logs", "log-group:Logs:*")),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!Ref Role", "Role"),
        ("!GetAtt Role.Arn", "arn:aws:iam::123456789012:role/Role"),
        ("!Ref Cluster", "Cluster"),
        ("!Ref Own", "Own"),
    ],
)
def test_resources_the_gateway_knows_nothing_of(loaded: Load, expression: str, value: str) -> None:
    resources = """
        Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: db}}
        Logs: {Type: AWS::Logs::LogGroup}
        Queue: {Type: AWS::SQS::Queue}
        Role: {Type: AWS::IAM::Role}
        Cluster: {Type: AWS::RDS::DBCluster}
        Own: {Type: Custom::Own}
        """
    application = loaded(variables(f"X: {expression}", resources=resources))
    assert application.functions["Under"].environment == {"X": value}
    assert application.warnings == ()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Ref Nothing", "nothing is called Nothing"),
        ("!Ref WsOtherRoute", "nothing is called WsOtherRoute"),
        ("!GetAtt Nothing.Arn", "nothing is called Nothing"),
        ("!Sub '${Nothing}'", "nothing is called Nothing"),
        ("!If [Nothing, a, b]", "there is no condition Nothing"),
        ("!GetAZs ''", "Fn::GetAZs cannot be resolved locally"),
        ("!Cidr [10.0.0.0/16, 1, 8]", "Fn::Cidr cannot be resolved locally"),
        ("{'Fn::Transform': {Name: x}}", "Fn::Transform cannot be resolved locally"),
        ("!Select [3, [a]]", "Fn::Select of [3, ['a']] fails: list index out of range"),
        ("!Join [a]", "Fn::Join of ['a'] fails"),
        ("{'Fn::GetAtt': 5}", "Fn::GetAtt of 5 fails"),
        ("!Join ['', !Ref Name]", "'given' is not a list"),
        ("!FindInMap [Regions, moon, Size]", "Fn::FindInMap of ['Regions', 'moon', 'Size'] fails"),
        ("!Sub {a: b, c: d}", "Fn::Sub of"),
        ("!Ref Names", "X must be text, found ['a', 'b', 'c']"),
    ],
)
def test_an_expression_that_fails(refused: Refusal, expression: str, said: str) -> None:
    text = variables(f"A: b\nX: {expression}  {HERE}", sections=SECTIONS, resources=RESOURCES)
    assert refused(text).startswith(said)


@pytest.mark.parametrize("sections", ["Conditions: {A: !Condition A}", "Conditions: {A: [!Ref]}"])
def test_a_condition_that_makes_no_sense(refused: Refusal, sections: str) -> None:
    assert refused(variables("X: !If [A, b, c]", sections=sections))

"""How AWS names what a template makes."""

ARNS = {
    "AWS::Cognito::UserPool": "arn:aws:cognito-idp:{region}:{account}:userpool/{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::SimpleTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}
"""Of the types whose ARN follows from their name, the common ones."""

REFS = {
    **{
        kind: ARNS[kind]
        for kind in (
            "AWS::SNS::Topic",
            "AWS::SecretsManager::Secret",
            "AWS::Serverless::StateMachine",
            "AWS::StepFunctions::StateMachine",
        )
    },
    "AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/{name}",
}
"""What ``Ref`` gives where it is not the name."""

NAMES = (
    "FunctionName", "TableName", "QueueName", "TopicName", "BucketName", "LogGroupName", "RoleName",
    "StateMachineName",
)  # fmt: skip
CALLED_NAME = ("AWS::Events::EventBus", "AWS::Kinesis::Stream", "AWS::SecretsManager::Secret")
"""Types whose name is called ``Name``; elsewhere that is only a label."""

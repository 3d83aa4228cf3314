import json
import os

import boto3


def handler(event, context):
    request = event["requestContext"]
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"https://{request['domainName']}/{request['stage']}",
    )
    said = {"greeting": os.environ["GREETING"], "region": os.environ["AWS_REGION"]}
    client.post_to_connection(
        ConnectionId=request["connectionId"], Data=json.dumps(said).encode()
    )
    return {"statusCode": 200}

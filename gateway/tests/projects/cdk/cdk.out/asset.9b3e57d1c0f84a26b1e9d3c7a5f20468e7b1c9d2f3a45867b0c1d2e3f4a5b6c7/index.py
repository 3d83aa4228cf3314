import json

import boto3


def handler(event, context):
    request = event["requestContext"]
    endpoint = f"https://{request['domainName']}/{request['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    said = json.loads(event["body"])["text"].upper()
    client.post_to_connection(ConnectionId=request["connectionId"], Data=said.encode())
    return {"statusCode": 200}

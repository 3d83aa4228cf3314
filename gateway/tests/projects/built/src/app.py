import boto3
import words_of_somebody

VERSION = "first"


def handler(event, context):
    request = event["requestContext"]
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"https://{request['domainName']}/{request['stage']}",
    )
    said = f"{VERSION} {words_of_somebody.WORDS}"
    client.post_to_connection(ConnectionId=request["connectionId"], Data=said.encode())
    return {"statusCode": 200}

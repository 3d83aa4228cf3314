import os
import traceback

import boto3

dynamodb = boto3.client('dynamodb')


def handler(event, context):
    connection_id = event['requestContext']['connectionId']

    try:
        dynamodb.put_item(
            TableName=os.environ['TABLE_NAME'],
            Item={'connectionId': {'S': connection_id}}
        )
    except Exception:
        return {'statusCode': 500, 'body': 'Failed to connect: ' + traceback.format_exc()}

    return {'statusCode': 200, 'body': 'Connected.'}

import json
import os
import traceback

import boto3

TABLE_NAME = os.environ['TABLE_NAME']

table = boto3.resource('dynamodb', region_name=os.environ['AWS_REGION']).Table(TABLE_NAME)


def handler(event, context):
    data = json.loads(event['body'])['data']

    try:
        connections = table.scan(ProjectionExpression='connectionId')['Items']
    except Exception:
        return {'statusCode': 500, 'body': traceback.format_exc()}

    request_context = event['requestContext']
    api = boto3.client(
        'apigatewaymanagementapi',
        endpoint_url='https://' + request_context['domainName'] + '/' + request_context['stage']
    )

    try:
        for connection in connections:
            connection_id = connection['connectionId']
            try:
                api.post_to_connection(ConnectionId=connection_id, Data=data)
            except api.exceptions.GoneException:
                print('Found stale connection, deleting ' + connection_id)
                table.delete_item(Key={'connectionId': connection_id})
    except Exception:
        return {'statusCode': 500, 'body': traceback.format_exc()}

    return {'statusCode': 200, 'body': 'Data sent.'}

import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DeleteCommand, DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb'
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand
} from '@aws-sdk/client-apigatewaymanagementapi'

const ddb = DynamoDBDocumentClient.from(new DynamoDBClient({}))
const { AWS_REGION, TABLE_NAME } = process.env

export const handler = async event => {
  const data = JSON.parse(event.body).data.toString()
  const { apiId, stage } = event.requestContext

  let connections
  try {
    connections = await ddb.send(new ScanCommand({ TableName: TABLE_NAME }))
  } catch (e) {
    return { statusCode: 500, body: e.stack }
  }

  const api = new ApiGatewayManagementApiClient({
    endpoint: `https://${apiId}.execute-api.${AWS_REGION}.amazonaws.com/${stage}`
  })

  const calls = connections.Items.map(async ({ connectionId }) => {
    try {
      await api.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }))
    } catch (e) {
      if (e.$metadata?.httpStatusCode !== 410) throw e
      console.log(`Found stale connection, deleting ${connectionId}`)
      await ddb.send(new DeleteCommand({ TableName: TABLE_NAME, Key: { connectionId } }))
    }
  })

  try {
    await Promise.all(calls)
  } catch (e) {
    return { statusCode: 500, body: e.stack }
  }

  return { statusCode: 200, body: 'Data sent.' }
}

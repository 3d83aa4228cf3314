const { DynamoDBClient, PutItemCommand } = require('@aws-sdk/client-dynamodb')

const dynamodb = new DynamoDBClient({})

exports.handler = async event => {
  const { connectionId } = event.requestContext

  try {
    await dynamodb.send(new PutItemCommand({
      TableName: process.env.TABLE_NAME,
      Item: { connectionId: { S: connectionId } }
    }))
  } catch (err) {
    return { statusCode: 500, body: 'Failed to connect: ' + JSON.stringify(err) }
  }

  return { statusCode: 200, body: 'Connected.' }
}

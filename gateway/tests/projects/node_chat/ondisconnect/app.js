const { DynamoDB } = require('@aws-sdk/client-dynamodb')

const dynamodb = new DynamoDB()

exports.handler = (event, context, callback) => {
  const params = {
    TableName: process.env.TABLE_NAME,
    Key: { connectionId: { S: event.requestContext.connectionId } }
  }

  dynamodb.deleteItem(params, err => {
    callback(null, {
      statusCode: err ? 500 : 200,
      body: err ? 'Failed to disconnect: ' + JSON.stringify(err) : 'Disconnected.'
    })
  })
}

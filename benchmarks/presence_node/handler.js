// A small presence application; ../presence_python/app.py is the same in Python, step by step.
import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { createClient } from "redis";

const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const management = new ApiGatewayManagementApiClient();

export async function connect(event) {
  const { session_id, user_id, user_type } = event.queryStringParameters;
  const { connectionId } = event.requestContext;
  await redis
    .multi()
    .hSet(`session:${session_id}`, connectionId, JSON.stringify({ user_id, user_type }))
    .set(`connection:${connectionId}`, session_id)
    .exec();
  return { statusCode: 200 };
}

export async function disconnect(event) {
  const { connectionId } = event.requestContext;
  const sessionId = await redis.get(`connection:${connectionId}`);
  const session = `session:${sessionId}`;
  const [left, , , remaining] = await redis
    .multi()
    .hGet(session, connectionId)
    .hDel(session, connectionId)
    .del(`connection:${connectionId}`)
    .hGetAll(session)
    .exec();
  const update = JSON.stringify(updateOf(sessionId, JSON.parse(left), Object.values(remaining)));
  await Promise.all(Object.keys(remaining).map((id) => post(id, update)));
  return { statusCode: 200 };
}

function updateOf(sessionId, left, remaining) {
  const users = {};
  for (const user of remaining) {
    const { user_id, user_type } = JSON.parse(user);
    users[user_id] = { user_type };
  }
  return {
    type: "connection_status_update",
    data: {
      session_id: sessionId,
      connection_status: { users },
      event_type: "user_disconnected",
      event_user_id: left.user_id,
      timestamp: new Date().toISOString(),
    },
  };
}

async function post(connectionId, update) {
  try {
    await management.send(
      new PostToConnectionCommand({ ConnectionId: connectionId, Data: update }),
    );
  } catch (error) {
    if (!(error instanceof GoneException)) throw error;
  }
}

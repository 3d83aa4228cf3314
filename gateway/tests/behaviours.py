"""What API Gateway does, row by row: tests name the rows they show (`pytest.mark.aws`).

Sources are pages of the API Gateway Developer Guide and AWS's API references; "events" and "frames"
are captures that users have published; "reports" are issues and answers of users.
"""

from dataclasses import dataclass

UNKNOWN = "unknown in AWS"
"""The source of a row of which no page and no capture tells: nobody can say that we do the same."""


@dataclass(frozen=True)
class Row:
    """Something that API Gateway does.

    ``deviates`` says what happens here instead; of what is unknown in AWS, what happens here. Where
    that is something to see, a test shows it: all but ``absent``.
    """

    id: str
    text: str
    source: str
    deviates: str = ""
    absent: bool = False

    @property
    def here(self) -> str:
        if not self.deviates:
            return "pass"
        return f"here: {self.deviates}" if self.source == UNKNOWN else f"deviates: {self.deviates}"


SECTIONS: dict[str, list[Row]] = {
    "Events": [
        Row("ev-connect", "`$connect`: headers, query, context, no body; the client's letter case", "events"),
        Row("ev-message", "message: `body`, `messageId`, neither headers nor query", "events"),
        Row("ev-disconnect", "`$disconnect`: four headers, close code and reason", "events"),
        Row("ev-absent", "what does not apply is absent, not null: query, `userAgent`, code, `messageId`", "events"),
        Row("ev-variables", "stage variables on every event of a stage that has some", "types, reports"),
        Row("ev-hop", "`Connection`, `Upgrade`, `content-length`: for the authorizer only", "events"),
        Row("ev-request-id", "`requestId` equals `extendedRequestId`, and is not Lambda's", "WebSocket mapping template reference"),
        Row("ev-time", "`requestTime` as in an access log; `connectedAt` in ms, the same for life", "events"),
        Row("ev-ids", "ids of 16 characters with `-`, `_` and a final `=`", "events"),
        Row("ev-api-key", "`identity.apiKey` and `apiKeyId` where a key is required", "events"),
        Row("ev-domain", "`domainName` is the host that was asked for, and `https://{domainName}/{stage}` works", "How to call @connections"),
        Row("ev-custom", "custom domain names and base paths", "Custom domain names for WebSocket APIs", "not there; `--path` takes other paths", absent=True),
    ],
    "Authorizer": [
        Row("au-event", "its own form: `type`, `methodArn`, empty maps, the later `connectionId`", "Lambda REQUEST authorizers for WebSocket APIs"),
        Row("au-once", "asked at `$connect` only, every time: no cache, no second look at later messages", "Manage connected users; Authorizer (API V2)"),
        Row("au-context", "its context, as strings, on `$connect`, every message and `$disconnect`", "WebSocket mapping template reference"),
        Row("au-latency", "`integrationLatency`, a number, on `$connect` only", "events"),
        Row("au-deny", "a policy that denies, or allows something else: 403", "Lambda REQUEST authorizers"),
        Row("au-not", "`NotAction` and `NotResource` in a policy", "IAM JSON policy grammar"),
        Row("au-condition", "`Condition` in a policy", "IAM JSON policy grammar", "not evaluated: 500, with a line in the log"),
        Row("au-resource", "`…/stage/*` allows; `…/stage/*/*` does not: 403", "reports"),
        Row("au-401", "`Unauthorized` raised: 401", "Lambda REQUEST authorizers"),
        Row("au-500", "another exception, a malformed or simple answer, nested context: 500", "reports"),
        Row("au-size", "an answer over 8 KB: 500", "Quotas"),
        Row("au-missing", "an identity source missing or empty: 401, and the function is not asked", "AuthorizerIdentitySource (API V2)"),
        Row("au-sources", "all sources must be there; headers in any letter case, query parameters in theirs", "IdentitySource (API V2)"),
        Row("au-iam", "`AWS_IAM` and no signature: 403", "Control access with IAM", ""),
        Row("au-iam-policy", "`AWS_IAM`: the caller's policies", "Control access with IAM", "not evaluated: any signature is taken", absent=True),
        Row("au-key", "`ApiKeyRequired` and no key, or another: 403; the key may be the authorizer's", "API keys"),
        Row("au-plan", "usage plans: 429 beyond a key's quota", "Usage plans", "not there; throttle the stage instead", absent=True),
    ],
    "$connect": [
        Row("co-order", "101 only after authorizer and `$connect`; no `$connect` route admits everybody", "Manage connected users"),
        Row("co-status", "any status but 2xx is the client's; the body is not delivered", "WebSocket subprotocol"),
        Row("co-bare", "`$connect` without a `Target`, where an authorizer is all there is to ask", UNKNOWN, "the socket opens"),
        Row("co-502", "an exception, a function out of its own time, or an answer without `statusCode`: 502", "reports"),
        Row("co-504", "an integration that times out", UNKNOWN, "504"),
        Row("co-429", "throttled: 429", "Throttle requests"),
        Row("co-403", "another stage or path: 403 `Forbidden`", "reports"),
        Row("co-slash", "`/stage/`, with a slash at the end, is the same", "Use wscat to connect to a WebSocket API"),
        Row("co-426", "no upgrade: 426", "reports"),
        Row("co-protocol", "one subprotocol that the function returns, and no other header of its", "WebSocket subprotocol"),
        Row("co-gone", "until 101 the connection is 410 to everybody", "Knowledge Center"),
        Row("co-deflate", "permessage-deflate is negotiated", "a capture of 2021", "never negotiated", absent=True),
        Row("co-left", "a client that leaves during `$connect`", UNKNOWN, "it runs to its end, `$disconnect` follows"),
    ],
    "$disconnect": [
        Row("di-none", "a close frame without a code: 1005 `Client-side close frame status not set`", "events"),
        Row("di-code", "a close frame with code and reason: these", "events"),
        Row("di-idle", "idle for 10 minutes: 1001 `Going away`", "events; Quotas"),
        Row("di-duration", "2 hours old: it is closed (Quotas); with which code and reason", UNKNOWN, "1001 `Going away`"),
        Row("di-delete", "`DeleteConnection`: 1000 `Connection Closed Normally`", "events"),
        Row("di-rejected", "a binary frame, one too long: what the event says", UNKNOWN, "1003 and 1009, as the client is told"),
        Row("di-cut", "a connection lost without a close frame: what the event says", UNKNOWN, "1006 `Connection Closed Abnormally`"),
        Row("di-vanished", "a network that vanishes: posts succeed into the void, the event comes late or never", "reports", "the event comes at once; `delay-disconnect` and `lose-disconnect` make it late or lost", absent=True),
        Row("di-best", "best effort: it may be lost", "Manage connected users"),
        Row("di-ignored", "what it returns is ignored; it is not tried again", "Manage connected users"),
    ],
    "Messages": [
        Row("ms-select", "the selection expression: nested, composed, constant; compared exactly", "Routes; selection expressions"),
        Row("ms-default", "not JSON, no such field, no such route, `$connect` from a client: `$default`", "Routes"),
        Row("ms-forbidden", "and without `$default`: a frame `Forbidden`", "frames"),
        Row("ms-one-way", "one-way: what the function returns is dropped", "Route responses"),
        Row("ms-two-way", "two-way: with selection expression and RouteResponse its `body` is sent, whatever `statusCode`", "Route responses"),
        Row("ms-two-way-long", "a two-way answer over 128 KB", UNKNOWN, "a frame `Internal server error`, and a line in the log"),
        Row("ms-error", "an exception, a function out of its own time, an answer without `statusCode`: a frame `Internal server error`", "frames"),
        Row("ms-timeout", "an integration that times out: a frame `Endpoint request timed out`; the function runs on", "frames"),
        Row("ms-throttled", "throttled (Throttle requests): the frame's text", UNKNOWN, "`Too Many Requests`"),
        Row("ms-frame", "these frames' spacing, ids, and that the socket stays open", "frames"),
        Row("ms-parallel", "messages of one socket run side by side", "AWS's own workaround with a queue"),
        Row("ms-mock", "a MOCK integration takes a message without a function", "Mock integrations"),
        Row("ms-model", "models: `Invalid request body`", "Models", "not validated", absent=True),
        Row("ms-path", "a selection expression may be any path of names and indexes: `items[0].kind`, `[2]`, `['the action']`", "Selection expressions"),
        Row("ms-aws", "an AWS integration with a function: request and response templates with `$context`, `$input`, `$stageVariables` and `$util`, `X-Amz-Invocation-Type`", "WebSocket mapping template reference"),
        Row("ms-other", "integrations HTTP, AWS with another service than Lambda, directives of templates", "Integrations", "a warning with the line; their messages are answered `Internal server error`, `$connect` succeeds"),
        Row("ms-ping", "a ping is answered (RFC 6455); whether it counts against idleness", UNKNOWN, "it does not"),
    ],
    "Quotas": [
        Row("qu-message", "a message of 128 KB in frames of 32 KB; over that 1009", "Quotas"),
        Row("qu-frame", "a frame of 32 KB; over that 1009", "Quotas"),
        Row("qu-binary", "binary frames: 1003", "Binary media types"),
        Row("qu-url", "a URL of over 4,096 characters (Quotas): the answer", UNKNOWN, "414"),
        Row("qu-timeout", "an integration's timeout from 50 ms to 29 s", "Quotas"),
        Row("qu-account", "500 new connections a second; 10,000 requests a second and 5,000 at once", "Quotas"),
        Row("qu-route", "a stage's and a route's own rate and burst", "Throttle requests"),
        Row("qu-number", "300 routes, 300 integrations, 10 stages, 10 authorizers", "Quotas", "not counted", absent=True),
    ],
    "Management API": [
        Row("mg-post", "POST: 200, and the body as one text message, up to 128 KB", "How to call @connections"),
        Row("mg-get", "GET: `connectedAt`, `lastActiveAt`, `identity`", "API model"),
        Row("mg-delete", "DELETE: 204, the client gets 1000, `$disconnect` follows", "API model; reports"),
        Row("mg-path", "`@` raw or encoded, the id decoded once", "How to call @connections"),
        Row("mg-410", "closed, or never there: 410 without a body; `GoneException` to boto3", "API model; reports"),
        Row("mg-400", "an id that cannot be: 400 `BadRequestException`", "reports"),
        Row("mg-403", "unsigned, another stage, an id encoded twice: 403", "API model; reports"),
        Row("mg-signature", "a signature of another secret: 403 (with `--verify-signatures`)", "Signature Version 4"),
        Row("mg-413", "over 128 KB: 413 `PayloadTooLargeException`", "API model"),
        Row("mg-429", "a client that does not read: 429 `LimitExceededException`", "API model"),
        Row("mg-utf8", "bytes that are not UTF-8", UNKNOWN, "400"),
        Row("mg-iam", "`execute-api:ManageConnections` in the caller's policies", "Control access with IAM", "not evaluated", absent=True),
    ],
    "HTTP API": [
        Row("ht-base64", "bodies are in Base64 but for `text/*`, `application/json`, `/xml` and `/javascript`; without a content type too", "measured by users (ministack#766, serverless-offline#1776)"),
        Row("ht-not-utf8", "a body of such a type that is not UTF-8", UNKNOWN, "in Base64"),
        Row("ht-forwarded", "`x-forwarded-for` (to which the address is added), `-port`, `-proto`, `x-amzn-trace-id` and `content-length` in every event", "tests of AWS's against a deployed API (aws-lambda-dotnet)"),
        Row("ht-cut", "`rawPath` ends at a question mark, encoded or not", "reports (middleapi/standard-server#93)"),
        Row("ht-whole", "an answer without `statusCode` is the body, byte for byte, of a text without its quotes; `application/json`", "tests of AWS's against a deployed API (aws-lambda-dotnet)"),
        Row("ht-type", "an answer without a content type: `text/plain; charset=utf-8`", "tests of AWS's against a deployed API (aws-lambda-dotnet)"),
        Row("ht-null", "a header that is null is not sent", "reports (aws-sam-cli#1218)"),
        Row("ht-header-values", "a header that is no text: a list, a truth value, a number", UNKNOWN, "a line for each of a list; else as JSON has it"),
        Row("ht-malformed", "an answer whose `statusCode`, `headers`, `cookies` or `body` cannot be: 500", "tests of AWS's against a deployed API (aws-lambda-dotnet)"),
        Row("ht-request-id", "`Apigw-Requestid` on every answer, the event's `requestId`; errors in JSON without blanks; no `Server`", "tests of AWS's against a deployed API (aws-lambda-dotnet)"),
        Row("ht-precedence", "a route that fits the whole path before a greedy one, `$default` last; the most specific first, and a method before `ANY`", "Create routes for HTTP APIs"),
        Row("ht-literal", "two routes of which one is literal where the other has a variable, and the other way round further on", UNKNOWN, "the one that is literal first, from the left"),
        Row("ht-head", "request line and header values of 10,240 bytes together; at `$connect` as well", "Quotas"),
        Row("ht-too-long", "and over that: the answer", UNKNOWN, "414 of a URL, 431 of headers"),
        Row("ht-payload", "a payload of 10 MB (Quotas); over that: the answer", UNKNOWN, "413 `Request Entity Too Large`"),
        Row("ht-no-http", "what is not HTTP, or ends in the middle: the answer", UNKNOWN, "400 `Bad Request`, and a line in the log"),
        Row("ht-encoded", "`Content-Encoding` of a request: the body is not decoded", UNKNOWN, "it is given on as it came"),
        Row("ht-hosts", "each HTTP API has a host of its own", "Create an HTTP API", "one port for all: a warning with the line where two have the same route"),
        Row("ht-event-2", "an authorizer's event 2.0: the function's, with `type`, `routeArn`, `identitySource`", "Lambda authorizers for HTTP APIs"),
        Row("ht-event-1", "an authorizer's event 1.0: `methodArn`, `authorizationToken`, `resource`", "Lambda authorizers for HTTP APIs"),
        Row("ht-simple", "simple responses: `isAuthorized`", "Lambda authorizers for HTTP APIs"),
        Row("ht-policy", "a policy that denies, or allows something else: 403", "Lambda authorizers for HTTP APIs"),
        Row("ht-context", "the authorizer's context, as JSON, at `requestContext.authorizer.lambda`", "Lambda authorizers for HTTP APIs"),
        Row("ht-identity", "an identity source missing or empty: 401, and the function is not asked", "Lambda authorizers for HTTP APIs"),
        Row("ht-refusals", "`Unauthorized` raised: 401; another exception, a malformed answer: 500; refused: 403", "Lambda authorizers for HTTP APIs; reports"),
        Row("ht-cache", "answers hold for `ReauthorizeEvery` seconds for the same identity; policies are judged route by route", "Lambda authorizers for HTTP APIs"),
        Row("ht-permission", "an authorizer that SAM grants API Gateway no permission for: a warning with the line", "SAM reference"),
        Row("ht-jwt", "JWT authorizers and `AWS_IAM`", "JWT authorizers", "a warning with the line; requests are let through unchecked"),
        Row("ht-preflight", "preflight requests: 204, without a route, an authorizer or a function", "CORS for HTTP APIs"),
        Row("ht-default", "but a preflight request that `$default` takes is its authorizer's first", "CORS for HTTP APIs"),
        Row("ht-plain", "`AWS::ApiGatewayV2::Api` of HTTP, Route, Integration, Stage, Authorizer; quick create", "CloudFormation reference"),
        Row("ht-cors", "the API's CORS headers instead of the function's, for an origin that is allowed", "CORS for HTTP APIs"),
    ],
    "Queues": [
        Row("sq-api", "SQS's JSON protocol: SendMessage with a delay, ReceiveMessage, DeleteMessage, GetQueueUrl, GetQueueAttributes", "Amazon SQS API Reference"),
        Row("sq-batch", "SendMessageBatch takes what it can, and says which entries failed", "Amazon SQS API Reference"),
        Row("sq-errors", "wrong calls: 400, by the model's names and in `x-amzn-query-error` by the old ones", "API model"),
        Row("sq-other", "ChangeMessageVisibility, DeleteMessageBatch, PurgeQueue and the rest", "Amazon SQS API Reference", "`UnsupportedOperation`", absent=True),
        Row("sq-event", "a function's event: `Records` with body, attributes and digests", "Using Lambda with Amazon SQS"),
        Row("sq-again", "a batch that a function fails at comes again after the visibility timeout", "Using Lambda with Amazon SQS"),
        Row("sq-partial", "`ReportBatchItemFailures`: only those come again; a malformed report is of all", "Implementing partial batch responses"),
        Row("sq-dead", "what was received `maxReceiveCount` times goes to the dead-letter queue", "Dead-letter queues"),
        Row("sq-visibility", "a visibility timeout below the function's timeout: refused", "reports"),
        Row("sq-template", "`AWS::SQS::Queue` and `SQS` events, with batch size and window", "SAM reference; CloudFormation reference"),
        Row("sq-retention", "`MessageRetentionPeriod`", "Amazon SQS API Reference", "kept until the gateway stops", absent=True),
        Row("sq-fifo", "FIFO queues, `FilterCriteria`", "FIFO queues; Lambda event filtering", "a warning with the line", absent=True),
        Row("sq-scaling", "5 batches of a queue side by side, more as more wait", "Configuring scaling behavior", "5", absent=True),
    ],
    "Templates": [
        Row("te-sam", "`AWS::Serverless::WebSocketApi`, stage `default` unless named, Globals", "SAM reference"),
        Row("te-plain", "`AWS::ApiGatewayV2::Api`, Route, Integration, Stage, Authorizer, RouteResponse", "CloudFormation reference"),
        Row("te-stage-variables", "`${stageVariables.fn}` in an `IntegrationUri`", "Stage variables for WebSocket APIs"),
        Row("te-loops", "`Fn::ForEach` of `AWS::LanguageExtensions`", "Fn::ForEach"),
        Row("te-warns", "what SAM's translator makes of route keys alike but for case or `$`, of unknown keys and of `Condition`: a warning with the line", "SAM translator"),
        Row("te-reserved", "route keys that begin with `$`, and authorizers elsewhere than at `$connect`: refused", "Routes; Manage connected users"),
        Row("te-permission", "a plain integration without `AWS::Lambda::Permission` fails: a warning with the line", "frames; reports"),
        Row("te-keys", "SAM takes letters and digits as route keys only; neither JWT nor a stage `$default`", "SAM translator"),
    ],
}  # fmt: skip

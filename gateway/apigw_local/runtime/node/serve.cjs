// Invokes a handler: async ones, those with a callback, and those that call `context.succeed`.
'use strict';

const { types } = require('node:util');

/**
 * What goes wrong outside of the handler's promise ends the process, as in Lambda: of whatever it is
 * busy with it says why, its init phase or an invocation.
 *
 * @param {import('./runtime-api.cjs').RuntimeApi} api
 */
function watch(api) {
  /** @type {{initialised: boolean, ending: boolean, requestId: string | undefined}} */
  const current = { initialised: false, ending: false, requestId: undefined };
  const endOn = (event, kind, code) => {
    process.on(event, async (error) => {
      console.error(error);
      current.ending = true;
      const { errorType, errorMessage, trace } = described(error);
      const said = { errorType: kind, errorMessage: `${errorType}: ${errorMessage}`, trace };
      if (!current.initialised) await api.initFailed(said);
      else if (current.requestId) await api.failed(current.requestId, said);
      process.exit(code);
    });
  };
  endOn('uncaughtException', 'Runtime.UncaughtException', 129);
  endOn('unhandledRejection', 'Runtime.UnhandledPromiseRejection', 128);
  return current;
}

/**
 * Serve invocations, one after the other, until the process is killed.
 *
 * @param {import('./runtime-api.cjs').RuntimeApi} api
 * @param {Function} handler
 * @param {ReturnType<typeof watch>} current
 */
async function serve(api, handler, current) {
  if (current.ending) return;
  current.initialised = true;
  for (;;) {
    const { headers, body } = await api.next();
    const requestId = headers['lambda-runtime-aws-request-id'];
    current.requestId = requestId;
    setTrace(headers['lambda-runtime-trace-id']);
    try {
      const answer = await invoked(handler, JSON.parse(body), headers);
      await api.answered(requestId, written(answer));
    } catch (error) {
      console.error(error);
      await api.failed(requestId, described(error));
    }
    current.requestId = undefined;
  }
}

function invoked(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const context = contextOf(headers);
    /** @type {(() => void) | undefined} set by whoever calls back first */
    let answer;
    const idle = () => (answer ? answer() : resolve(null));
    const settle = (how) => {
      answer ??= how;
      // "When the event loop is empty", unless the handler does not want to wait for that.
      if (!context.callbackWaitsForEmptyEventLoop) setImmediate(answer);
    };
    const callback = (error, result) => settle(() => (error ? reject(error) : resolve(result)));
    const atOnce = (how) => {
      context.callbackWaitsForEmptyEventLoop = false;
      settle(how);
    };
    context.done = (error, result) => atOnce(() => (error ? reject(error) : resolve(result)));
    context.succeed = (result) => atOnce(() => resolve(result));
    context.fail = (error) => atOnce(() => reject(error));
    process.once('beforeExit', idle);
    const returned = handler(event, context, callback);
    if (typeof returned?.then === 'function') {
      returned.then((value) => (answer ? answer() : resolve(value)), reject);
    }
  }).finally(() => process.removeAllListeners('beforeExit'));
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    clientContext: parsed('lambda-runtime-client-context'),
    identity: parsed('lambda-runtime-cognito-identity'),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function setTrace(id) {
  if (id) process.env._X_AMZN_TRACE_ID = id;
  else delete process.env._X_AMZN_TRACE_ID;
}

function written(answer) {
  try {
    return JSON.stringify(answer === undefined ? null : answer) ?? 'null';
  } catch (error) {
    throw new Error(`Unable to stringify response body: ${error.message}`);
  }
}

/** An error as the Runtime API takes it. */
function described(error) {
  if (types.isNativeError(error) || (error?.name && error?.message)) {
    const trace = String(error.stack ?? '').split('\n');
    return { errorType: String(error.name), errorMessage: String(error.message), trace };
  }
  return { errorType: typeof error, errorMessage: text(error), trace: [] };
}

function text(error) {
  try {
    return String(error);
  } catch {
    return 'an object that has no text';
  }
}

module.exports = { serve, watch, described };

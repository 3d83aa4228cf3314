// Runs a Node function: `node start.cjs`, with its handler in `_HANDLER`.
//
// A runtime client in plain JavaScript, of the Lambda Runtime API ("Using the Lambda runtime API for
// custom runtimes"): it loads the handler, asks for an invocation, answers it, asks for the next.
// What the gateway wants done besides is in APIGW_LOCAL, an object in JSON: see `runtime/guest.py`.
// `network.cjs` has been loaded before, here and in threads and processes that the function starts.
'use strict';

const given = JSON.parse(process.env.APIGW_LOCAL ?? '{}');
require('./packages.cjs').offerPackages(given.modules ?? [], given.layers ?? []);
if (given.lifeline) require('./lifeline.cjs').endWith(given.lifeline);

const { RuntimeApi } = require('./runtime-api.cjs');
const { loadHandler } = require('./load.cjs');
const { serve, watch, described } = require('./serve.cjs');

async function main() {
  const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  const current = watch(api);
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
    await new Promise(setImmediate); // for rejections of promises that nobody waits for
  } catch (error) {
    console.error(error?.stack ?? error);
    await api.initFailed(described(error));
    process.exit(1);
  }
  await serve(api, handler, current);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

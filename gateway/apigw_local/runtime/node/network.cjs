// Leads connections to AWS's host names of the template's APIs to the gateway, whatever opens them:
// every client ends in `Socket.connect`. Calls to other AWS services are reported, or refused. It is
// loaded by NODE_OPTIONS, so that threads and Node processes of the function's do likewise.
'use strict';

const net = require('node:net');

const AWS = /(^|\.)(amazonaws\.com(\.cn)?|api\.aws|on\.aws)$/;
const API = /^[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/;

/**
 * @param {Record<string, [string, number]>} hosts where each name is served
 * @param {boolean} offline whether other names of AWS's are refused
 * @param {[string, number]} [api] where other APIs' names lead then: a project that has one in its
 *   code means its own
 */
function leadHosts(hosts, offline, api) {
  const told = new Set();
  const chosen = new Set(Object.entries(process.env)
    .filter(([name]) => name.startsWith('AWS_ENDPOINT_URL'))
    .map(([, url]) => URL.canParse(url) ? new URL(url).hostname : ''));
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function led(...given) {
    // Node's own callers pass what `net.connect` has normalised: an array of options and callback.
    const args = Array.isArray(given[0]) ? given[0] : given;
    const [first, second, third] = args;
    const options = typeof first === 'object' && first !== null ? first
      : { port: first, host: typeof second === 'string' ? second : undefined };
    const name = String(options.host ?? options.hostname ?? '').toLowerCase().replace(/\.$/, '');
    const callback = [first, second, third].find((each) => typeof each === 'function');
    const lead = ([host, port]) => connect.call(this, { ...options, host, port }, callback);
    if (Object.hasOwn(hosts, name)) return lead(hosts[name]);
    if (AWS.test(name) && !chosen.has(name)) {
      const ledAnyway = offline && API.test(name) ? api : undefined;
      if (!told.has(name)) {
        told.add(name);
        process.stderr.write(`apigw-local: ${ledAnyway ? 'api' : 'aws'} ${name}\n`);
      }
      if (ledAnyway) return lead(ledAnyway);
      if (offline) {
        const error = new Error(`apigw-local: ${name} is not called: --offline`);
        error.code = 'ERR_APIGW_LOCAL_OFFLINE';
        process.nextTick(() => this.destroy(error));
        return this;
      }
    }
    return connect.apply(this, given);
  };
}

const given = JSON.parse(process.env.APIGW_LOCAL ?? '{}');
leadHosts(given.hosts ?? {}, given.offline ?? false, given.api);

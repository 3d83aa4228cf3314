// The Lambda Runtime API, from a function's side, on one connection that is kept.
'use strict';

const http = require('node:http');

const VERSION = '/2018-06-01/runtime';

class RuntimeApi {
  #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  #host;
  #port;

  /** @param {string} address `host:port` */
  constructor(address) {
    [this.#host, this.#port] = address.split(':');
  }

  /** Wait for an invocation: its headers, names in lower case, and its event as text. */
  next() {
    return this.#ask('GET', '/invocation/next');
  }

  /** @param {string} requestId @param {string} body JSON */
  answered(requestId, body) {
    return this.#ask('POST', `/invocation/${requestId}/response`, body);
  }

  /** @param {string} requestId @param {{errorType: string, errorMessage: string, trace: string[]}} error */
  failed(requestId, error) {
    return this.#ask('POST', `/invocation/${requestId}/error`, JSON.stringify(error));
  }

  /** @param {{errorType: string, errorMessage: string, trace: string[]}} error */
  initFailed(error) {
    return this.#ask('POST', '/init/error', JSON.stringify(error));
  }

  #ask(method, path, body = '') {
    const headers = {
      'Content-Length': Buffer.byteLength(body),
      'Apigw-Local-Memory': process.resourceUsage().maxRSS,
    };
    const options = { agent: this.#agent, host: this.#host, port: this.#port, method, headers };
    return new Promise((resolve, reject) => {
      const request = http.request({ ...options, path: VERSION + path }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ headers: response.headers, body: Buffer.concat(parts).toString() });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }
}

module.exports = { RuntimeApi };

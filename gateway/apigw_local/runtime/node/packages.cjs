// Packages that a project leaves to Lambda: those of layers, and the AWS SDK. CommonJS finds them by
// NODE_PATH; ES modules do not look there (Node.js documentation, "ECMAScript modules").
'use strict';

const nodeModule = require('node:module');
const { pathToFileURL } = require('node:url');

/**
 * @param {string[]} folders that hold packages, the first before the next
 * @param {string[]} layers folders that stand for `/opt`, likewise
 */
function offerPackages(folders, layers) {
  const href = (folder) => pathToFileURL(`${folder}/`).href;
  const data = { folders: folders.map(href), layers: layers.map(href) };
  nodeModule.register?.('./resolve.mjs', { parentURL: pathToFileURL(__filename), data });
  leadOpt(layers);
  leadSdk2();
}

/** `require('/opt/nodejs/…')`, which many projects do, finds what a layer has there. */
function leadOpt(layers) {
  const resolve = nodeModule._resolveFilename;
  nodeModule._resolveFilename = function resolved(request, ...rest) {
    if (request.startsWith('/opt/')) {
      for (const layer of layers) {
        try {
          return resolve.call(this, layer + request.slice('/opt'.length), ...rest);
        } catch (error) {
          if (error.code !== 'MODULE_NOT_FOUND') throw error;
        }
      }
    }
    return resolve.call(this, request, ...rest);
  };
}

/** SDK v2 knows nothing of AWS_ENDPOINT_URL_…: its services are told when it is loaded. */
function leadSdk2() {
  const load = nodeModule._load;
  let told = false;
  nodeModule._load = function loaded(request, parent, ...rest) {
    const found = load.call(this, request, parent, ...rest);
    if (!told && /^aws-sdk(\/|$)/.test(request)) {
      told = true;
      tell(load.call(this, 'aws-sdk/lib/core', parent, false).config);
    }
    return found;
  };
}

function tell(config) {
  for (const [name, endpoint] of Object.entries(process.env)) {
    const service = /^AWS_ENDPOINT_URL(?:_(\w+))?$/.exec(name);
    if (!service || !endpoint) continue;
    if (!service[1]) config.update({ endpoint });
    else config.update({ [service[1].toLowerCase().replaceAll('_', '')]: { endpoint } }, true);
  }
}

module.exports = { offerPackages };

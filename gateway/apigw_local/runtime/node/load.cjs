// Finds a handler as Lambda does ("Define Lambda function handler in Node.js"): CommonJS and ES
// modules, in folders, exported at any depth.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

class InitError extends Error {
  /** @param {string} name Lambda's, such as `Runtime.ImportModuleError` @param {string} message */
  constructor(name, message, cause) {
    super(message);
    this.name = name;
    if (cause?.stack) this.stack = `${name}: ${message}\n${cause.stack}`;
  }
}

/**
 * @param {string} root the folder that stands for `/var/task`
 * @param {string} handler such as `src/app.handler`
 * @returns {Promise<Function>}
 */
async function loadHandler(root, handler) {
  globalThis.awslambda = { streamifyResponse: refuseStreaming, HttpResponseStream: {} };
  const folder = path.dirname(handler);
  const [name, ...exported] = path.basename(handler).split('.');
  if (!name || exported.length === 0) {
    throw new InitError('Runtime.MalformedHandlerName', `Bad handler '${handler}'`);
  }
  const loaded = await load(path.resolve(root, folder, name), handler);
  const found = within(loaded, exported) ?? within(loaded.default, exported);
  if (typeof found !== 'function') {
    const what = found === undefined ? 'undefined or not exported' : 'not a function';
    throw new InitError('Runtime.HandlerNotFound', `${handler} is ${what}`);
  }
  return found;
}

async function load(file, handler) {
  const found = ['', '.js', '.mjs', '.cjs'].map((end) => file + end).find(isFile);
  if (!found) {
    const built = isFile(`${file}.ts`) ? 'TypeScript runs once it has been built: sam build' : '';
    const said = `Cannot find module '${file}', of the handler ${handler}. ${built}`.trim();
    throw new InitError('Runtime.ImportModuleError', said);
  }
  try {
    return isModule(found) ? await import(pathToFileURL(found)) : await required(found);
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      const said = error.message.split('\n')[0];
      throw new InitError('Runtime.ImportModuleError', `${said}${advice(said)}`, error);
    }
    if (error instanceof SyntaxError) {
      throw new InitError('Runtime.UserCodeSyntaxError', error.message, error);
    }
    throw error;
  }
}

/**
 * What has the syntax of an ES module is one, if nothing says otherwise. Since Node 20.19 `require`
 * loads it, but neither waits for it nor asks whoever resolves packages for it.
 */
async function required(file) {
  try {
    return require(file);
  } catch (error) {
    const asModule = ['ERR_MODULE_NOT_FOUND', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_REQUIRE_ESM'];
    if (!asModule.includes(error?.code)) throw error;
    return import(pathToFileURL(file));
  }
}

/** What to do about a package that is not there. */
function advice(said) {
  const runtime = /nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '');
  if (/'aws-sdk[/']/.test(said) && Number(runtime?.[1]) >= 18) {
    return ". Lambda has no aws-sdk (v2) since nodejs18.x: npm install it, then sam build";
  }
  const wanted = /'([^']+)'/.exec(said)?.[1] ?? '';
  return /^[./]/.test(wanted) ? '' : '. Install it (npm install), or run sam build';
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (!file.endsWith('.js')) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const described = path.join(folder, 'package.json');
    if (isFile(described)) return typeIn(described) === 'module';
    if (folder === path.dirname(folder) || path.basename(folder) === 'node_modules') return false;
  }
}

function typeIn(described) {
  try {
    return JSON.parse(fs.readFileSync(described, 'utf8')).type;
  } catch (error) {
    throw new InitError('Runtime.ImportModuleError', `${described}: ${error.message}`);
  }
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function within(loaded, names) {
  return names.reduce((value, name) => value?.[name], loaded);
}

function refuseStreaming() {
  const said = 'awslambda.streamifyResponse: streamed responses are not served here';
  throw new InitError('Runtime.InvalidStreamingOperation', said);
}

module.exports = { loadHandler };

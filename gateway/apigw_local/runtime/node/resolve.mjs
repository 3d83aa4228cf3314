// Resolves what an ES module imports and its project does not have, in folders that stand for
// Lambda's own (Node.js documentation, "Customization hooks").

let folders = [];
let layers = [];

export function initialize(given) {
  ({ folders, layers } = given);
}

export async function resolve(specifier, context, next) {
  let first;
  for (const [found, under] of candidates(specifier, context)) {
    try {
      return await next(found, under);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
      first ??= error;
    }
  }
  if (first) throw first;
  return next(specifier, context);
}

function* candidates(specifier, context) {
  const inLayer = /^(?:file:\/\/)?\/opt\/(.*)$/.exec(specifier);
  if (inLayer) for (const layer of layers) yield [new URL(inLayer[1], layer).href, context];
  if (inLayer || /^([./#]|\w+:)/.test(specifier)) return;
  yield [specifier, context];
  for (const folder of folders) {
    // As if from a module beside `node_modules`, where Node then looks first.
    yield [specifier, { ...context, parentURL: new URL('../index.mjs', folder).href }];
  }
}

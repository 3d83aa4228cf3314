// Ends the process with the gateway, where the system has no way of its own: the gateway holds the
// other end of a pipe, which closes however it ends.
'use strict';

const net = require('node:net');

/** @param {number} descriptor of the pipe */
function endWith(descriptor) {
  const pipe = new net.Socket({ fd: descriptor, readable: true, writable: false });
  pipe.on('close', () => process.exit(1)).on('error', () => {}).resume();
  pipe.unref();
}

module.exports = { endWith };

#!/usr/bin/env node
/** `npm create flexetl shop` is `flexetl init shop`. */
const { dirname, join } = require('node:path');

process.argv.splice(2, 0, 'init');
require(join(dirname(require.resolve('flexetl/package.json')), 'dist', 'client', 'flexetl.js'));

/**
 * Preloaded into a command under test by NODE_OPTIONS: lets one call of the file system or of a database fail, or kills the
 * process there. FLEXETL_TEST_FAULT is {dir, point, at, error?}: at the `at`-th time that `point` is reached, in any process
 * or thread that has the same `dir`. How often each point was reached is the length of a file there.
 */
const fs = require('node:fs');
const net = require('node:net');
const Module = require('node:module');
const { join } = require('node:path');

const { dir, point, at, error } = JSON.parse(process.env.FLEXETL_TEST_FAULT ?? '{}');
const { appendFileSync, statSync } = fs;

function reach(name) {
  const file = join(dir, name.replaceAll(' ', '-'));
  appendFileSync(file, '.');
  if (name !== point || statSync(file).size !== at) return;
  if (error) throw Object.assign(new Error(`${error}: made by a test`), { code: error });
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

function wrap(object, method, name) {
  const real = object[method];
  object[method] = async function (...args) {
    reach(`before ${name}`);
    const result = await real.apply(this, args);
    reach(`after ${name}`);
    return result;
  };
}

function wrapDatabase(Database) {
  const { exec } = Database.prototype;
  if (exec.wrapped) return;
  Database.prototype.exec = function (sql) {
    const isCommit = sql === 'COMMIT';
    if (isCommit) reach('before commit');
    const result = exec.call(this, sql);
    if (isCommit) reach('after commit');
    return result;
  };
  Database.prototype.exec.wrapped = true;
}

if (dir) {
  for (const name of ['rename', 'link']) wrap(fs.promises, name, name);
  const { open } = fs.promises;
  fs.promises.open = async function (...args) {
    const handle = await open.apply(this, args);
    const methods = Object.getPrototypeOf(handle);
    if (!methods.sync.wrapped) {
      wrap(methods, 'sync', 'sync');
      wrap(methods, 'write', 'write');
      methods.sync.wrapped = true;
    }
    return handle;
  };
  const { _load } = Module;
  Module._load = function (request, ...rest) {
    const loaded = _load.call(this, request, ...rest);
    if (/^better-sqlite3(-13)?$/.test(request)) wrapDatabase(loaded);
    return loaded;
  };
  // PostgreSQL: the packed program holds its driver, so it is seen by what it sends.
  const { write } = net.Socket.prototype;
  net.Socket.prototype.write = function (chunk, ...rest) {
    const isCommit = Buffer.isBuffer(chunk) && chunk.length < 100 && chunk.includes('COMMIT');
    if (isCommit) reach('before commit');
    const result = write.call(this, chunk, ...rest);
    if (isCommit) reach('after commit');
    return result;
  };
}

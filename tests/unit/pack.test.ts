import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';

const DIST = join(__dirname, '..', '..', 'dist');
const UNPACKED = join(DIST, 'client', 'cli.js');
const COMMAND = join(DIST, 'client', 'flexetl.js');

/** Runs a script in a process of its own. @returns what it prints, as JSON */
function inNode(script: string): unknown {
  const start = `const { main } = require(${JSON.stringify(join(DIST, 'program', 'cli.js'))});`;
  const said = execFileSync(process.execPath, ['--eval', `${start} ${script}`], { cwd: makeFolder() });
  return JSON.parse(said.toString());
}

describe('the packed program', () => {
  it('says from any folder what the unpacked one says', () => {
    for (const argv of [['--version'], ['--help'], ['run', '--help'], ['schema'], ['walk']]) {
      const [packed, unpacked] = [COMMAND, UNPACKED].map((file) => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...argv], {
          cwd: makeFolder(),
        });
        return { status, stdout: stdout.toString(), stderr: stderr.toString() };
      });
      expect(packed).toEqual(unpacked);
    }
  });

  it('holds everything but what is native, or is found by its path', () => {
    const loaded = inNode(`
      const quiet = { write() {} };
      const env = { TEMPORAL_ADDRESS: 'http://127.0.0.1:1' };
      const streams = { stdout: quiet, stderr: quiet, env, cwd: process.cwd(), onInterrupt: () => () => {} };
      main(['worker'], streams).then(() => {
        console.log(JSON.stringify(Object.keys(require('node:module')._cache)));
        process.exit();
      });`) as string[];
    const packages = loaded.flatMap((path) => path.split(/[\\/]node_modules[\\/]/)[1] ?? []);
    const native = /\.node$|^(@duckdb\/node-bindings|detect-libc)\b|^@temporalio\/core-bridge\/common\.js$/;
    expect(packages.length).toBeGreaterThan(1);
    expect(packages.filter((path) => !native.test(path))).toEqual([]);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bytecodeFile, findPacked, loadPacked, sealBytecode } from '../../build/packed';
import { makeFolder } from '../support/folder';

const DIST = join(__dirname, '..', '..', 'dist');
const PROGRAM_DIR = join(DIST, 'program');
const UNPACKED = join(DIST, 'client', 'cli.js');
const PACKED = join(DIST, 'client', 'flexetl.js');

/** A packed program of one line, and what its bytecode is to be. */
function packLine(line: string, bytecode?: Buffer): string {
  const file = join(makeFolder(), 'line-0123456789abcdef.js');
  writeFileSync(file, line);
  if (bytecode) writeFileSync(bytecodeFile(file), bytecode);
  return file;
}

/** Runs a script in a process of its own, with the functions of build/packed.ts. @returns what it prints, as JSON */
function inNode(script: string): unknown {
  const start = `const { findPacked, loadPacked } = require(${JSON.stringify(join(DIST, 'build', 'packed.js'))});`;
  const said = execFileSync(process.execPath, ['--eval', `${start} ${script}`], { cwd: makeFolder() });
  return JSON.parse(said.toString());
}

describe('the packed program', () => {
  it('says from any folder what the unpacked one says', () => {
    for (const argv of [['--version'], ['--help'], ['run', '--help'], ['schema'], ['walk']]) {
      const [packed, unpacked] = [PACKED, UNPACKED].map((file) => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...argv], {
          cwd: makeFolder(),
        });
        return { status, stdout: stdout.toString(), stderr: stderr.toString() };
      });
      expect(packed).toEqual(unpacked);
    }
  });

  it('is one, with bytecode that this Node takes, and the thread of workflows another', () => {
    const programs = readdirSync(PROGRAM_DIR).filter((name) => /-[0-9a-f]{16}\.js$/.test(name));
    expect(programs.map((name) => name.replace(/-.{16}\.js$/, '')).sort()).toEqual([
      'flexetl',
      'workflow-thread',
    ]);
    expect(
      inNode(`const { script } = loadPacked(findPacked('flexetl'));
      console.log(JSON.stringify(script.cachedDataRejected));`),
    ).toBe(false);
  });

  it('holds everything but what is native, or is found by its path', () => {
    const loaded = inNode(`const { main } = loadPacked(findPacked('flexetl')).exports;
      const quiet = { write() {} };
      const env = { TEMPORAL_ADDRESS: 'http://127.0.0.1:1' };
      const streams = { stdout: quiet, stderr: quiet, env, cwd: process.cwd(), onInterrupt: () => () => {} };
      main(['worker'], streams).then(() => {
        console.log(JSON.stringify(Object.keys(require('node:module')._cache)));
        process.exit();
      });`) as string[];
    const packages = loaded.flatMap((path) => path.split(/[\\/]node_modules[\\/]/)[1] ?? []);
    expect(packages.filter((path) => !/\.node$|^(@duckdb\/node-bindings|detect-libc)\b/.test(path))).toEqual(
      [],
    );
  });
});

describe('bytecode', () => {
  const line = 'module.exports = [1, 2, 3].map((value) => value * 2);';
  const made = loadPacked(packLine(line)).script.createCachedData();

  it('is used when it is whole', () => {
    const { exports, script } = loadPacked(packLine(line, sealBytecode(made)));
    expect(exports).toEqual([2, 4, 6]);
    expect(script.cachedDataRejected).toBe(false);
  });

  it.each([
    [
      'is of another version of V8',
      sealBytecode(Buffer.concat([made.subarray(0, 4), Buffer.alloc(made.length)])),
    ],
    ['is something else', sealBytecode(Buffer.from('not bytecode'))],
    ['is cut short', sealBytecode(made).subarray(0, -9)],
    ['has another byte', Buffer.concat([sealBytecode(made).subarray(0, -6), Buffer.alloc(6, 7)])],
    ['is empty', Buffer.alloc(0)],
  ])('that %s is not used', (_, bytecode) => {
    const { exports, script } = loadPacked(packLine(line, bytecode));
    expect(exports).toEqual([2, 4, 6]);
    expect(script.cachedDataRejected).not.toBe(false);
  });

  it('that is damaged stops no command', () => {
    const dir = makeFolder();
    mkdirSync(join(dir, 'dist', 'program'), { recursive: true });
    for (const [folder, name] of [
      ['client', 'flexetl.js'],
      ['build', 'packed.js'],
    ] as const) {
      mkdirSync(join(dir, 'dist', folder));
      copyFileSync(join(DIST, folder, name), join(dir, 'dist', folder, name));
    }
    copyFileSync(join(DIST, '..', 'package.json'), join(dir, 'package.json'));
    const file = findPacked('flexetl', PROGRAM_DIR) ?? '';
    copyFileSync(file, join(dir, 'dist/program', basename(file)));
    writeFileSync(
      join(dir, 'dist/program', basename(bytecodeFile(file))),
      readFileSync(bytecodeFile(file)).fill(7, 1000, 2000),
    );
    const said = execFileSync(process.execPath, [join(dir, 'dist/client/flexetl.js'), '--version']);
    expect(said.toString()).toBe(execFileSync(process.execPath, [PACKED, '--version']).toString());
  });
});

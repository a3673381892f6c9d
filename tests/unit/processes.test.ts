import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProcess, isAlive, listProcesses, readPs } from '../../server/processes';
import { makeFolder } from '../support/folder';

describe('processes', () => {
  it('are found by their id, with start and command', () => {
    const found = findProcess(process.pid);
    expect(found).toMatchObject({ pid: process.pid, command: expect.stringContaining('node') as string });
    expect(found?.started).not.toBe('');
    expect(listProcesses()).toContainEqual(found);
    expect(isAlive(process.pid)).toBe(true);
  });

  it('that there are not, are not found', () => {
    // Above the largest id that Linux and macOS give.
    expect([findProcess(4_194_305), isAlive(4_194_305)]).toEqual([null, false]);
  });

  it('are read from what ps says on macOS, without zombies', () => {
    const { PATH } = process.env;
    const dir = makeFolder();
    const lines = [
      '    1 Ss   Thu Nov  6 14:17:23 2026     /sbin/launchd',
      '  812 S+   Thu Nov 26 14:17:23 2026     /opt/temporal server start-dev --port 17001 --ui-port 18001 --x',
      '  813 Z    Thu Nov 26 14:17:23 2026     (node)',
    ];
    writeFileSync(join(dir, 'ps'), `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\n`);
    chmodSync(join(dir, 'ps'), 0o755);
    process.env['PATH'] = `${dir}:${PATH}`;
    expect(readPs(['-ax'])).toEqual([
      { pid: 1, started: 'Thu Nov  6 14:17:23 2026', command: '/sbin/launchd ' },
      {
        pid: 812,
        started: 'Thu Nov 26 14:17:23 2026',
        command: '/opt/temporal server start-dev --port 17001 --ui-port 18001 --x ',
      },
    ]);
    process.env['PATH'] = PATH;
  });
});

import { measure } from '../../bench/measure';

const HOLD_100_MB = 'const held = Buffer.alloc(100 * 1024 * 1024, 1); setTimeout(() => held.length, 400);';
const nodeCommand = (script: string): Parameters<typeof measure>[0] => ({
  file: process.execPath,
  args: ['-e', script],
  cwd: __dirname,
  env: process.env,
});

describe('the measurement of a command', () => {
  it('adds up the memory of a process and its children', async () => {
    const alone = await measure(nodeCommand(HOLD_100_MB));
    const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(HOLD_100_MB)}]);`;
    const both = await measure(nodeCommand(`${child} ${HOLD_100_MB}`));
    expect(alone.peakRssMb).toBeGreaterThan(100);
    expect(both.peakRssMb).toBeGreaterThan(200);
    expect(both.peakRssMb - alone.peakRssMb).toBeGreaterThan(100);
    expect(both.serverPeakRssMb).toBe(0);
  });

  it('tells how a command ended and what it said', async () => {
    const script = `process.stdout.write('result'); process.stderr.write('reason'); process.exitCode = 3;`;
    const measured = await measure(nodeCommand(script));
    expect(measured).toMatchObject({ exitCode: 3, stdout: 'result', stderr: 'reason' });
    expect(measured.wallMs).toBeGreaterThan(0);
  });

  it('fails when there is no such program', async () => {
    await expect(measure({ ...nodeCommand(''), file: '/no/such/program' })).rejects.toThrow(/ENOENT/);
  });
});

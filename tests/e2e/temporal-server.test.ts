import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { LIMITS } from '../../pipeline/limits';
import { findTemporalServer } from '../../server/temporal-server';
import { makeFolder } from '../support/folder';

const NOWHERE = 'http://127.0.0.1:2';
const servers: Server[] = [];

/** A machine with nothing on it: an empty cache, no Go, no network. */
function emptyMachine(): { dir: string; cache: string; env: Record<string, string> } {
  const dir = makeFolder();
  mkdirSync(join(dir, 'bin'));
  return {
    dir,
    cache: join(dir, 'flexetl', 'temporal-cli-v1.5.1'),
    env: { PATH: join(dir, 'bin'), FLEXETL_CACHE_DIR: dir, FLEXETL_TEMPORAL_DOWNLOAD_URL: NOWHERE },
  };
}

function writeScript(path: string, body = 'echo temporal version 1.5.1'): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A `go` that takes a moment, counts its calls, and puts a binary where GOBIN says. */
function writeGo(dir: string, binary = 'exit 0'): string {
  return writeScript(
    join(dir, 'bin', 'go'),
    `echo "$@" >> ${dir}/go-calls; /bin/sleep 0.3; printf '#!/bin/sh\\n${binary}\\n' > $GOBIN/temporal; /bin/chmod +x $GOBIN/temporal`,
  );
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function makeArchive(script?: string): Buffer {
  const dir = makeFolder();
  writeScript(join(dir, 'temporal'), script);
  writeFileSync(join(dir, 'LICENSE'), 'MIT');
  execFileSync('tar', ['-czf', 'a.tar.gz', 'temporal', 'LICENSE'], { cwd: dir });
  return readFileSync(join(dir, 'a.tar.gz'));
}

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

describe('the Temporal binary is looked for', () => {
  const log = jest.fn<void, [string]>();
  beforeEach(() => log.mockClear());

  it('first in TEMPORAL_CLI_PATH, then on PATH, then in the cache, and none of these says a word', async () => {
    const { dir, cache, env } = emptyMachine();
    const cached = writeScript(join(cache, 'temporal'));
    expect(await findTemporalServer({ env, log })).toBe(cached);
    const onPath = writeScript(join(dir, 'bin', 'temporal'));
    expect(await findTemporalServer({ env, log })).toBe(onPath);
    const named = writeScript(join(dir, 'my-temporal'));
    expect(await findTemporalServer({ env: { ...env, TEMPORAL_CLI_PATH: named }, log })).toBe(named);
    expect(log).not.toHaveBeenCalled();
  });

  it('with an error when TEMPORAL_CLI_PATH names what cannot be run, whatever else there is', async () => {
    const { dir, cache, env } = emptyMachine();
    writeScript(join(cache, 'temporal'));
    writeFileSync(join(dir, 'readme'), '');
    for (const named of [join(dir, 'absent'), join(dir, 'readme'), dir])
      await expect(
        findTemporalServer({ env: { ...env, TEMPORAL_CLI_PATH: named }, log }),
      ).rejects.toMatchObject({
        code: 'SERVER_BINARY_MISSING',
        message: expect.stringContaining(named) as string,
      });
  });

  it('and downloaded into the cache, through redirects, for this platform', async () => {
    const { cache, env } = emptyMachine();
    const archive = makeArchive();
    const urls: string[] = [];
    const base = await serve(({ url = '' }, response) => {
      urls.push(url);
      if (url !== '/file') return void response.writeHead(302, { location: '/file' }).end();
      response.writeHead(200, { 'content-length': archive.length }).end(archive);
    });
    const found = await findTemporalServer({
      env: { ...env, PATH: systemPath(env), FLEXETL_TEMPORAL_DOWNLOAD_URL: base },
      log,
    });
    expect(found).toBe(join(cache, 'temporal'));
    expect(execFileSync(found, ['--version']).toString()).toContain('temporal version');
    expect(urls[0]).toMatch(/^\/v1\.5\.1\?platform=(linux|darwin)&arch=(amd64|arm64)$/);
    expect(readdirSync(cache)).toEqual(['temporal']);
    expect(log.mock.calls).toEqual([['Downloading the Temporal server, once.']]);
  });

  it.each([
    ['is cut off', (archive: Buffer) => archive.subarray(0, archive.length / 2), 200],
    ['is another file', () => Buffer.from('<html>Sign in to the hotel network</html>'), 200],
    ['is not there', () => Buffer.alloc(0), 404],
    ['holds a binary that does not run', () => makeArchive('exit 1'), 200],
  ])('and built with Go when the download %s', async (_title, answer, status) => {
    const { dir, cache, env } = emptyMachine();
    const body = answer(makeArchive());
    const base = await serve((_request, response) => void response.writeHead(status).end(body));
    writeGo(dir);
    const found = await findTemporalServer({
      env: { ...env, PATH: systemPath(env), FLEXETL_TEMPORAL_DOWNLOAD_URL: base },
      log,
    });
    expect(found).toBe(join(cache, 'temporal'));
    expect(readdirSync(cache)).toEqual(['temporal']);
    expect(readFileSync(join(dir, 'go-calls'), 'utf8')).toBe(
      'install github.com/temporalio/cli/cmd/temporal@v1.5.1\n',
    );
    expect(log).toHaveBeenCalledWith('Building the Temporal server with Go: about two minutes, once.');
  });

  it.each([
    ['never answers', () => undefined, 'no answer from'],
    ['stops in the middle', (response: ServerResponse) => void response.write('half'), 'stalled'],
  ])('and a download site that %s is given up', async (_title, answer, reason) => {
    const patience = jest.replaceProperty(LIMITS, 'downloadReplyMs', 100 as 10_000);
    const { env } = emptyMachine();
    const base = await serve((_request, response) => answer(response));
    const options = { env: { ...env, FLEXETL_TEMPORAL_DOWNLOAD_URL: base }, log };
    await expect(findTemporalServer(options)).rejects.toThrow(reason);
    patience.restore();
  });

  it('and got only once by commands that need it at the same time', async () => {
    const { dir, cache, env } = emptyMachine();
    writeGo(dir);
    const found = await Promise.all([1, 2, 3].map(() => findTemporalServer({ env, log })));
    expect(found).toEqual(Array(3).fill(join(cache, 'temporal')));
    expect(readFileSync(join(dir, 'go-calls'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('and what a killed command left half-done in the cache is cleared away', async () => {
    const { dir, cache, env } = emptyMachine();
    mkdirSync(join(cache, 'temporal-new-abc'), { recursive: true });
    writeFileSync(join(cache, 'temporal-new-abc', 'temporal'), 'half');
    writeGo(dir);
    await findTemporalServer({ env, log });
    expect(readdirSync(cache)).toEqual(['temporal']);
  });

  it('and when it cannot be had, the error tells what was tried and what can be done', async () => {
    const { env, cache } = emptyMachine();
    await expect(findTemporalServer({ env, log })).rejects.toMatchObject({
      code: 'SERVER_BINARY_MISSING',
      message: expect.stringMatching(
        /download: http:\S+ .*ECONNREFUSED.*; go install: Go is not on PATH/,
      ) as string,
      hint: expect.stringMatching(/TEMPORAL_ADDRESS.*brew install temporal.*TEMPORAL_CLI_PATH.*Go/) as string,
    });
    expect(existsSync(join(cache, 'temporal'))).toBe(false);
  });

  it('and a build that fails gives its last line', async () => {
    const { dir, env } = emptyMachine();
    writeScript(
      join(dir, 'bin', 'go'),
      'echo "go: downloading x" >&2; echo "go: no route to host" >&2; exit 1',
    );
    await expect(findTemporalServer({ env, log })).rejects.toThrow('go install: go: no route to host');
  });

  it('and a cache folder that cannot be made is named', async () => {
    const { dir, env } = emptyMachine();
    writeFileSync(join(dir, 'flexetl'), 'a file in the way');
    await expect(findTemporalServer({ env, log })).rejects.toThrow(`cache folder ${join(dir, 'flexetl')}`);
  });
});

/** `tar` and its helpers are on it, `temporal` and `go` are not. */
function systemPath(env: Record<string, string>): string {
  return `${env['PATH']}:/usr/bin:/bin`;
}

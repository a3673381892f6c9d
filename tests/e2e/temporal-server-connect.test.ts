import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { msNumberToTs, tsToMs } from '@temporalio/common/lib/time';
import { LIMITS } from '../../pipeline/limits';
import { connectClient } from '../../server/client';
import { connectionOptions, findNamedServer } from '../../server/named-server';
import { acquireServer, type Server } from '../../server/connect';
import { choosePorts } from '../../server/ports';
import { findProcess, isAlive } from '../../server/processes';
import { serverPid, serversOf } from '../support/embedded';
import { makeFolder } from '../support/folder';

const DAY_MS = 86_400_000;
/** Nothing ever listens there. */
const NO_LOCAL = 2;
const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...env } = process.env;
const held: Server[] = [];
const listeners: NetServer[] = [];
const sockets: Socket[] = [];

async function acquire(options: Partial<Parameters<typeof acquireServer>[0]> = {}): Promise<Server> {
  const server = await acquireServer({ projectDir: makeFolder(), env, localPort: NO_LOCAL, ...options });
  held.push(server);
  return server;
}

async function listen(server: NetServer, port = 0): Promise<number> {
  listeners.push(server);
  server.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const portOf = (server: Server): number => Number(server.address.split(':')[1]);

afterEach(async () => {
  for (const server of held.splice(0)) await server.release();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listener of listeners.splice(0)) listener.close();
});

describe('a command without any server around', () => {
  it('starts its own on loopback, with a Web UI and a database in .flexetl, and ends it when done', async () => {
    const projectDir = makeFolder();
    const log = jest.fn<void, [string]>();
    const server = await acquire({ projectDir, log });
    expect(server).toMatchObject({ kind: 'embedded', namespace: 'default' });
    expect(portOf(server)).not.toBe(7233);
    expect((await fetch(`${server.uiUrl}/namespaces/default/workflows`)).status).toBe(200);
    const client = connectClient(server, env);
    await client.workflow.start('pipeline', { taskQueue: 'nobody', workflowId: 'kept' });
    await client.connection.close();
    const pid = serverPid(projectDir);
    expect(findProcess(pid)?.command).toContain('start-dev --ip 127.0.0.1');
    await server.release();
    expect(isAlive(pid)).toBe(false);
    expect(readdirSync(join(projectDir, '.flexetl')).sort()).toEqual(
      expect.arrayContaining(['temporal.db', 'temporal.log', 'users']),
    );
    expect(existsSync(join(projectDir, '.flexetl', 'server.json'))).toBe(false);
    expect(log.mock.calls).toEqual([[`Started the embedded Temporal server at ${server.address}.`]]);

    const next = await acquire({ projectDir });
    expect([next.address, next.uiUrl]).toEqual([server.address, server.uiUrl]);
    const again = connectClient(next, env);
    expect((await again.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    await again.connection.close();
  });

  it('keeps finished runs for 30 days, also in a database that forgot them earlier', async () => {
    const projectDir = makeFolder();
    const daysOf = async (change?: number): Promise<number> => {
      const server = await acquire({ projectDir });
      const { connection } = connectClient(server, env);
      const service = connection.workflowService;
      const namespace = 'default';
      if (change !== undefined)
        await service.updateNamespace({
          namespace,
          config: { workflowExecutionRetentionTtl: msNumberToTs(change * DAY_MS) },
        });
      const { config } = await service.describeNamespace({ namespace });
      await connection.close();
      await server.release();
      return tsToMs(config?.workflowExecutionRetentionTtl) / DAY_MS;
    };
    expect(await daysOf()).toBe(30);
    expect(await daysOf(1)).toBe(1);
    expect(await daysOf()).toBe(30);
    expect(LIMITS.historyKeepMs).toBe(30 * DAY_MS);
  });

  it('gives the server none of its secrets', async () => {
    const projectDir = makeFolder();
    process.env['SALES_API_TOKEN'] = 'hunter2';
    await acquire({ projectDir });
    delete process.env['SALES_API_TOKEN'];
    if (process.platform !== 'linux') return;
    expect(readFileSync(`/proc/${serverPid(projectDir)}/environ`, 'utf8')).not.toContain('hunter2');
  });

  it('takes other ports when those of the project are in use', async () => {
    const projectDir = makeFolder();
    const usual = await choosePorts(projectDir);
    await listen(createServer(), usual.port);
    const server = await acquire({ projectDir });
    expect(portOf(server)).not.toBe(usual.port);
    expect(server.uiUrl).not.toBe(`http://127.0.0.1:${usual.uiPort}`);
  });

  it('says where when .flexetl cannot be written', async () => {
    const projectDir = makeFolder();
    writeFileSync(join(projectDir, '.flexetl'), 'a file in the way');
    await expect(acquire({ projectDir })).rejects.toMatchObject({
      code: 'PATH_UNWRITABLE',
      message: expect.stringContaining(join(projectDir, '.flexetl')) as string,
    });
  });

  it('says what the server said when it does not start', async () => {
    const projectDir = makeFolder();
    const binary = join(projectDir, 'temporal');
    writeFileSync(binary, '#!/bin/sh\necho "schema of the database is newer" >&2\nexit 1\n', { mode: 0o755 });
    await expect(acquire({ projectDir, env: { ...env, TEMPORAL_CLI_PATH: binary } })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: `The embedded Temporal server (${binary}) did not start: schema of the database is newer`,
    });
    writeFileSync(binary, 'neither a script nor a program', { mode: 0o755 });
    await expect(acquire({ projectDir, env: { ...env, TEMPORAL_CLI_PATH: binary } })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    });
  });
});

describe('a command with fixed ports', () => {
  it('gets exactly these', async () => {
    const { port, uiPort } = await choosePorts(makeFolder());
    const server = await acquire({ port, uiPort });
    expect([server.address, server.uiUrl]).toEqual([`127.0.0.1:${port}`, `http://127.0.0.1:${uiPort}`]);
  });

  it('names the port that is in use, and what answers there', async () => {
    const other = await acquire();
    const http = await listen(
      createHttpServer((_request, response) => void response.writeHead(200, { server: 'shop' }).end()),
    );
    const mute = await listen(createServer());
    jest.replaceProperty(LIMITS, 'serverProbeMs', 300 as 1500);
    for (const [port, what] of [
      [portOf(other), 'a Temporal server answers'],
      [http, 'an HTTP server (shop) answers'],
      [mute, 'a program that is neither Temporal nor HTTP listens'],
    ] as const)
      await expect(acquire({ port })).rejects.toMatchObject({
        code: 'SERVER_PORT_TAKEN',
        message: `Port ${port} on 127.0.0.1 is in use: ${what} there.`,
      });
    jest.restoreAllMocks();
  });
});

describe('a server that somebody else started on this machine', () => {
  it('is used if its port is named, and left running', async () => {
    const somebody = makeFolder();
    const { port } = await choosePorts(somebody);
    const theirs = await acquire({ projectDir: somebody, port, uiPort: port + 1000 });
    const projectDir = makeFolder();
    const said: string[] = [];
    const server = await acquire({ projectDir, localPort: port, log: (line) => said.push(line) });
    expect(said).toEqual([
      `Using the Temporal server at ${theirs.address} (FLEXETL_LOCAL_PORT), namespace default.`,
    ]);
    expect(server).toMatchObject({
      kind: 'local',
      address: theirs.address,
      uiUrl: `http://127.0.0.1:${port + 1000}`,
    });
    await server.release();
    expect(existsSync(join(projectDir, '.flexetl'))).toBe(false);
    const client = connectClient(theirs, env);
    await client.connection.close();

    const wrong = acquire({ localPort: port, env: { ...env, TEMPORAL_NAMESPACE: 'sales' } });
    await expect(wrong).rejects.toThrow(`The Temporal server at ${theirs.address} has no namespace "sales".`);
  });

  it('is not used by a project that has a server of its own, whether that runs or not', async () => {
    const theirs = await acquire();
    const projectDir = makeFolder();
    const own = await acquire({ projectDir });
    expect((await acquire({ projectDir, localPort: portOf(theirs) })).address).toBe(own.address);
    for (const server of held.splice(1)) await server.release();
    expect(serversOf(projectDir)).toBe(0);
    expect(await acquire({ projectDir, localPort: portOf(theirs) })).toMatchObject({ kind: 'embedded' });
    expect(serversOf(projectDir)).toBe(1);
  });

  it('is passed over when it is not Temporal', async () => {
    jest.replaceProperty(LIMITS, 'serverProbeMs', 300 as 1500);
    const localPort = await listen(createServer());
    expect((await acquire({ localPort })).kind).toBe('embedded');
    jest.restoreAllMocks();
  });
});

describe('the server named in TEMPORAL_ADDRESS', () => {
  it('is used before all others', async () => {
    const other = await acquire();
    const projectDir = makeFolder();
    const server = await acquire({ projectDir, env: { ...env, TEMPORAL_ADDRESS: other.address } });
    expect(server).toMatchObject({ kind: 'configured', address: other.address, namespace: 'default' });
    expect(existsSync(join(projectDir, '.flexetl'))).toBe(false);
  });

  it.each([
    ['127.0.0.1:2', /127\.0\.0\.1:2 \(TEMPORAL_ADDRESS\) does not answer: connection refused/],
    ['http://127.0.0.1:7233', /does not answer/],
    ['no-such-host.invalid:7233', /no-such-host\.invalid:7233 \(TEMPORAL_ADDRESS\) does not answer/],
  ])('is an error when it does not answer: %s', async (address, message) => {
    jest.replaceProperty(LIMITS, 'serverConnectMs', 300 as 4000);
    await expect(acquire({ env: { ...env, TEMPORAL_ADDRESS: address } })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringMatching(message) as string,
    });
    jest.restoreAllMocks();
  });

  it('is reached with TLS and a key as the environment says, and other servers are not', () => {
    const dir = makeFolder();
    const pem = join(dir, 'client.pem');
    writeFileSync(pem, 'PEM');
    const address = 'sales.tmprl.cloud:7233';
    const configured = { address, kind: 'configured' } as const;
    const certificates = { TEMPORAL_TLS_CLIENT_CERT_PATH: pem, TEMPORAL_TLS_CLIENT_KEY_PATH: pem };
    expect(connectionOptions(configured, {})).toEqual({ address });
    expect(connectionOptions(configured, { TEMPORAL_API_KEY: 'k' })).toEqual({
      address,
      tls: true,
      apiKey: 'k',
    });
    expect(connectionOptions(configured, { TEMPORAL_TLS: 'true' })).toEqual({ address, tls: {} });
    expect(connectionOptions(configured, { ...certificates, TEMPORAL_TLS_SERVER_NAME: 'sales' })).toEqual({
      address,
      tls: {
        clientCertPair: { crt: Buffer.from('PEM'), key: Buffer.from('PEM') },
        serverNameOverride: 'sales',
      },
    });
    expect(connectionOptions(configured, { ...certificates, TEMPORAL_TLS: 'false' })).toEqual({
      address,
      tls: false,
    });
    expect(connectionOptions({ address, kind: 'local' }, { TEMPORAL_API_KEY: 'k' })).toEqual({ address });
    const missing = { TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(dir, 'absent.pem') };
    expect(() => connectionOptions(configured, missing)).toThrow(/cannot be read: .*absent\.pem/);
    expect(() => connectionOptions(configured, { TEMPORAL_TLS: 'yes' })).toThrow('TEMPORAL_TLS is yes.');
  });

  it('may be named by a profile of the configuration file, which is not looked at by itself', () => {
    const dir = makeFolder();
    const file = join(dir, 'temporalio', 'temporal.toml');
    mkdirSync(dirname(file));
    writeFileSync(
      file,
      '[profile.default]\naddress = "a:1"\n[profile.prod]\naddress = "p:2"\nnamespace = "n"\napi_key = "k"\n[profile.none]\n',
    );
    const home = { XDG_CONFIG_HOME: dir };
    expect(findNamedServer(home)).toBeUndefined();
    expect(findNamedServer({ ...home, TEMPORAL_ADDRESS: 'b:3' })).toMatchObject({
      address: 'b:3',
      namespace: 'default',
    });
    expect(findNamedServer({ TEMPORAL_CONFIG_FILE: file })).toMatchObject({ address: 'a:1' });
    const prod = { ...home, TEMPORAL_PROFILE: 'prod' };
    expect(findNamedServer(prod)).toEqual({ address: 'p:2', namespace: 'n', by: 'TEMPORAL_PROFILE' });
    expect(connectionOptions({ address: 'p:2', kind: 'configured' }, prod)).toMatchObject({
      apiKey: 'k',
      tls: true,
    });
    expect(() => findNamedServer({ ...home, TEMPORAL_PROFILE: 'none' })).toThrow('has no address');
    expect(() => findNamedServer({ ...home, TEMPORAL_PROFILE: 'pord' })).toThrow("'pord' not found");
  });
});

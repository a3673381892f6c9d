/** Encrypted connections of the PostgreSQL target, with certificates that the test makes. */
import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { INTEGER } from '../../pipeline/types';
import type { OpenTarget } from '../../plugin/target';
import { postgresql } from '../../targets/postgresql';
import { makeFolder } from '../support/folder';
import { contextOf, LOAD_KEY, makePart } from '../support/parts';
import { queryPostgresql, startPostgresql, type OwnServer } from '../support/postgresql';

let dir: string;
let own: OwnServer;

/** A certificate of its own authority. @param host as in `IP:127.0.0.1` */
function makeCertificate(name: string, host: string): void {
  const files = ['-keyout', join(dir, `${name}.key`), '-out', join(dir, `${name}.pem`)];
  const what = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${host}`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, ...what, ...files], { stdio: 'pipe' });
}

beforeAll(async () => {
  dir = makeFolder();
  makeCertificate('here', 'IP:127.0.0.1');
  makeCertificate('elsewhere', 'DNS:db.example.com');
  own = await startPostgresql(makeFolder());
  await own.end();
});
afterAll(() => own.end());

/** Starts the server with one of the certificates. */
async function serveWith(name: string): Promise<void> {
  await own.end('SIGINT');
  const data = join(own.server.dir, 'data');
  for (const [from, to] of [
    [`${name}.pem`, 'server.crt'],
    [`${name}.key`, 'server.key'],
  ] as const) {
    copyFileSync(join(dir, from), join(data, to));
    // PostgreSQL wants a key that only its own user can read.
    if (process.getuid?.() === 0) chownSync(join(data, to), 65_534, 65_534);
  }
  await own.restart({ ssl: 'on' });
}

function open(options: Record<string, unknown>): OpenTarget {
  const parsed = postgresql.options.parse({ connection_string_env: 'PG', table: 't', ...options });
  return postgresql.open(parsed, { ...contextOf(dir), secret: () => Promise.resolve(own.url) });
}

const SCHEMA = [{ name: 'id', type: INTEGER }];

it('verify-full loads over an encrypted connection to the host of the certificate, and no other', async () => {
  await serveWith('here');
  const full = { sslmode: 'verify-full', sslrootcert: 'here.pem' };
  await open(full).check(SCHEMA);
  await open(full).load(LOAD_KEY, await makePart(SCHEMA, [['7']]));
  expect(await open(full).publish(LOAD_KEY, SCHEMA, 1)).toMatchObject({ rows: 1 });
  expect(await queryPostgresql(own.url, 'SELECT * FROM t')).toEqual([['7']]);
  for (const refused of [{ sslmode: 'verify-full' }, { ...full, sslrootcert: 'elsewhere.pem' }])
    await expect(open(refused).check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringMatching(/no encrypted connection: self-signed certificate/) as string,
    });

  await serveWith('elsewhere');
  const other = { sslrootcert: 'elsewhere.pem' };
  await expect(open({ ...other, sslmode: 'verify-full' }).check(SCHEMA)).rejects.toMatchObject({
    code: 'TARGET_INVALID',
    message: expect.stringMatching(/no encrypted connection: .*not in the cert's list/) as string,
  });
  await open({ ...other, sslmode: 'verify-ca' }).check(SCHEMA);
  await open({ sslmode: 'require' }).check(SCHEMA);
});

/** What the PostgreSQL target makes of tables, and what it refuses, on a real server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import type { OpenTarget, Published } from '../../plugin/target';
import { postgresql } from '../../targets/postgresql';
import { explainError } from '../../targets/postgresql/errors';
import { keepsType } from '../../targets/postgresql/types';
import { makeFolder } from '../support/folder';
import { contextOf, LOAD_KEY, makePart, type TextRow } from '../support/parts';
import { databaseFor, queryPostgresql } from '../support/postgresql';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
const ROWS: TextRow[] = [
  ['2', 'new'],
  ['3', null],
];
const PLACE = 'PG/public, table t';

let dir: string;
let url: string;
let databases = 0;
beforeAll(() => (dir = makeFolder()));
beforeEach(async () => (url = await databaseFor(`${dir} ${(databases += 1)}`)));

const query = (sql: string): Promise<(string | null)[][]> => queryPostgresql(url, sql);

function open(options: Record<string, unknown> = {}, value = url): OpenTarget {
  const parsed = postgresql.options.parse({ connection_string_env: 'PG', table: 't', ...options });
  return postgresql.open(parsed, { ...contextOf(dir), secret: () => Promise.resolve(value) });
}

let runs = 0;
/** Loads and publishes under a key of its own. */
async function run(
  rows: TextRow[],
  options: Record<string, unknown> = {},
  schema: Schema = SCHEMA,
): Promise<Published> {
  const key = { ...LOAD_KEY, runKey: `run ${(runs += 1)}` };
  await open(options).load(key, await makePart(schema, rows));
  return open(options).publish(key, schema, rows.length);
}

const asRole = (role: string): string => url.replace('postgres:', `${role}:`);

describe('mode replace of a table', () => {
  it('that FlexETL has made writes its rows once and takes the columns of the pipeline', async () => {
    await run(ROWS);
    const [[before]] = (await query(`SELECT 't'::regclass::oid`)) as [[string]];
    await run([['x']], {}, [{ name: 'other', type: STRING }]);
    expect(await query('SELECT * FROM t')).toEqual([['x']]);
    expect(await query(`SELECT 't'::regclass::oid`)).not.toEqual([[before]]);
  });

  it.each([
    ['an index', 'CREATE INDEX i ON t (name)', `SELECT count(*) FROM pg_indexes WHERE indexname = 'i'`],
    [
      'a grant',
      'GRANT SELECT ON t TO pg_monitor',
      `SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'pg_monitor' AND table_name = 't'`,
    ],
    ['a view', 'CREATE VIEW v AS SELECT id FROM t', 'SELECT count(*) - 1 FROM v'],
    [
      'a key',
      'ALTER TABLE t ADD PRIMARY KEY (id)',
      `SELECT count(*) FROM pg_constraint WHERE conname = 't_pkey'`,
    ],
    ['a default', `ALTER TABLE t ALTER name SET DEFAULT 'd'`, `SELECT count(*) FROM pg_attrdef`],
    [
      'a comment',
      `COMMENT ON TABLE t IS 'ours'`,
      `SELECT count(*) FROM pg_description WHERE description = 'ours'`,
    ],
    [
      'a policy',
      'ALTER TABLE t ENABLE ROW LEVEL SECURITY',
      `SELECT count(*) FROM pg_class WHERE relname = 't' AND relrowsecurity`,
    ],
    [
      'storage options',
      'ALTER TABLE t SET (fillfactor = 50)',
      `SELECT count(*) FROM pg_class WHERE relname = 't' AND reloptions IS NOT NULL`,
    ],
    [
      'a column that must not be null',
      'ALTER TABLE t ALTER id SET NOT NULL',
      `SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'id' AND attnotnull`,
    ],
  ])('keeps %s', async (_, sql, kept) => {
    await run([['1', 'old']]);
    await query(sql);
    await run(ROWS);
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual(ROWS);
    expect(await query(kept)).toEqual([['1']]);
  });

  it('runs no trigger of users, and leaves them as they were', async () => {
    await run([['1', 'old']]);
    await query(`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
      CREATE TRIGGER b BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f();
      ALTER TABLE t DISABLE TRIGGER b; ALTER TABLE t ENABLE ALWAYS TRIGGER a`);
    await run(ROWS);
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual(ROWS);
    expect(await query('SELECT tgname, tgenabled FROM pg_trigger ORDER BY 1')).toEqual([
      ['a', 'A'],
      ['b', 'D'],
    ]);
  });

  it('changes no row of a table that refers to it', async () => {
    await run(ROWS);
    await query(`ALTER TABLE t ADD PRIMARY KEY (id); CREATE TABLE child (t_id bigint REFERENCES t ON DELETE CASCADE);
      INSERT INTO child VALUES (2)`);
    const refused = { code: 'TARGET_INCOMPATIBLE', message: /foreign key "child_t_id_fkey" of table child/ };
    await expect(open().check(SCHEMA)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(refused.message) as string,
    });
    await expect(run(ROWS)).rejects.toMatchObject({ code: 'TARGET_INCOMPATIBLE' });
    await query(
      `ALTER TABLE child DROP CONSTRAINT child_t_id_fkey, ADD FOREIGN KEY (t_id) REFERENCES t DEFERRABLE`,
    );
    await run(ROWS);
    await expect(run([['5', 'x']])).rejects.toMatchObject({ code: 'TARGET_INCOMPATIBLE' });
    expect(await query('SELECT count(*) FROM child, t WHERE t_id = id')).toEqual([['1']]);
  });

  it('refuses a result that is much smaller than the table', async () => {
    await run(ROWS);
    const options = { max_shrink: 0.4 };
    await expect(run([['1', 'x']], options)).rejects.toMatchObject({ code: 'CHECK_FAILED' });
    await expect(run([], options)).rejects.toMatchObject({ code: 'CHECK_FAILED' });
    await run([['1', 'x']], { max_shrink: 0.5 });
    expect(await query('SELECT * FROM t')).toEqual([['1', 'x']]);
  });
});

describe('a table that exists', () => {
  const append = { mode: 'append' };

  it('gets the columns that it lacks where the contract says evolve, and only there', async () => {
    await query('CREATE TABLE t (id bigint); INSERT INTO t VALUES (1)');
    await expect(open(append).check(SCHEMA)).rejects.toThrow(
      `${PLACE} cannot take the rows of this pipeline: the table lacks column "name" (string).`,
    );
    const evolve = { ...append, schema_contract: 'evolve' };
    await open(evolve).check(SCHEMA);
    expect(await query('SELECT * FROM t')).toEqual([['1']]);
    await run(ROWS, evolve);
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual([['1', null], ...ROWS]);
  });

  it('says its triggers before any work, but for those that do not fire', async () => {
    await query(`CREATE TABLE t (id bigint PRIMARY KEY, name text); CREATE TABLE child (id bigint REFERENCES t);
      CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
      CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER b`);
    expect(await open(append).check(SCHEMA)).toEqual([
      expect.stringContaining(`${PLACE} has a trigger (a): `),
    ]);
    await query('DROP TABLE child');
    expect(await open().check(SCHEMA)).toEqual([]);
  });

  it('gets columns only from its owner, which is said before any work', async () => {
    await query('CREATE TABLE t (id bigint); CREATE TABLE whole (id bigint, name text)');
    const role = `e${databases}_${process.pid}`;
    await query(`CREATE ROLE ${role} LOGIN PASSWORD 'a password: @/#'; GRANT CREATE ON SCHEMA public TO ${role};
      GRANT SELECT, INSERT ON t, whole TO ${role}`);
    const evolve = { ...append, schema_contract: 'evolve' };
    await expect(open(evolve, asRole(role)).check(SCHEMA)).rejects.toThrow(
      `the role ${role} lacks ownership of table t, to add columns.`,
    );
    await open({ ...evolve, table: 'whole' }, asRole(role)).check(SCHEMA);
    await query(`ALTER TABLE t OWNER TO ${role}`);
    const key = { ...LOAD_KEY, runKey: 'evolved' };
    await open(evolve, asRole(role)).check(SCHEMA);
    await open(evolve, asRole(role)).load(key, await makePart(SCHEMA, ROWS));
    await open(evolve, asRole(role)).publish(key, SCHEMA, 2);
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual(ROWS);
    await query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('of narrower types is refused before any work', async () => {
    await query('CREATE TABLE t (id real, name timestamp(3))');
    await expect(open(append).check(SCHEMA)).rejects.toThrow(
      'column "id" is real, the pipeline has integer; column "name" is timestamp(3)',
    );
  });

  it('takes what fits into it, and nothing of a load with a value that does not', async () => {
    await query('CREATE TABLE t (id integer, name varchar(3))');
    await open(append).check(SCHEMA);
    await run(ROWS, append);
    await expect(run([['1', 'xx  ']], append)).rejects.toThrow(
      'Column "name" of table t is character varying(3), and 1 row of this run has a value',
    );
    await expect(run([['2147483648', '']], append)).rejects.toThrow('Column "id" of table t is integer');
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual(ROWS);
  });

  it('keeps JSON as it was written, and refuses what is none without showing it', async () => {
    await query('CREATE TABLE t (id bigint, name json)');
    const text = '{"a": 1.10, "a": 883406386745030.3}';
    await run([['1', text]], append);
    expect(await query('SELECT name FROM t')).toEqual([[text]]);
    await expect(run([['1', 'a secret']], append)).rejects.toThrow(
      /^PG, table t refuses the rows: invalid input syntax for type json\.$/,
    );
  });

  it.each([
    ['a view', 'CREATE VIEW t AS SELECT 1 AS id'],
    ['a materialized view', 'CREATE MATERIALIZED VIEW t AS SELECT 1 AS id'],
    ['an index', 'CREATE TABLE o (id int); CREATE INDEX t ON o (id)'],
    ['a sequence', 'CREATE SEQUENCE t'],
  ])('is not %s', async (kind, sql) => {
    await query(sql);
    await expect(open().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: `PG/public: "t" is ${kind}, expected a table.`,
    });
  });

  it('says which constraint refuses a row, without its values', async () => {
    await query(`CREATE TABLE t (id bigint UNIQUE, name text CHECK (name <> 'secret'))`);
    await run(ROWS, append);
    await expect(run(ROWS, append)).rejects.toThrow(/"t_id_key"\.$/);
    await expect(run([['9', 'secret']], append)).rejects.toThrow(/"t_name_check"\.$/);
  });
});

describe('merge', () => {
  it('updates and adds, and keeps columns that the pipeline does not have', async () => {
    const merge = { mode: 'merge', primary_key: ['id'] };
    await query(
      `CREATE TABLE t (id integer PRIMARY KEY, name text, kept text DEFAULT 'd'); INSERT INTO t VALUES (2, 'old', 'mine')`,
    );
    expect(await run([...ROWS, ['3', 'last']], merge)).toEqual({
      rows: 3,
      inserted: 1,
      updated: 1,
      deduplicated: 1,
    });
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual([
      ['2', 'new', 'mine'],
      ['3', 'last', 'd'],
    ]);
  });
});

describe('values', () => {
  const schema: Schema = [
    { name: 'f', type: FLOAT },
    { name: 'd', type: decimal(38, 38) },
    { name: 'n', type: decimal(38, 0) },
    { name: 'day', type: DATE },
    { name: 'at', type: { kind: 'timestamp', offset: true } },
    { name: 'b', type: BOOLEAN },
    { name: 'nothing', type: { kind: 'unknown' } },
    { name: 's', type: STRING },
  ];

  it('arrive as they are, also NaN, infinity, times in UTC and dates of any year', async () => {
    const rows: TextRow[] = [
      [
        'nan',
        `0.${'9'.repeat(38)}`,
        '9'.repeat(38),
        '5000-01-01',
        '2026-01-01 00:00:00.123456',
        'true',
        null,
        '\\.',
      ],
      ['-infinity', '0', '0', '0044-03-15 (BC)', '0001-01-01 00:00:00', 'false', null, '\\N'],
      ['-0.0', '0', '-1', '12026-01-01', '9999-12-31 23:59:59.999999', null, null, '\t"\\,\r\n'],
    ];
    await run(rows, {}, schema);
    expect(await query(`SET timezone = 'UTC'; SELECT f, d, n, day, at, b::text, nothing, s FROM t`)).toEqual([
      [
        'NaN',
        `0.${'9'.repeat(38)}`,
        '9'.repeat(38),
        '5000-01-01',
        '2026-01-01 00:00:00.123456+00',
        'true',
        null,
        '\\.',
      ],
      [
        '-Infinity',
        `0.${'0'.repeat(38)}`,
        '0',
        '0044-03-15 BC',
        '0001-01-01 00:00:00+00',
        'false',
        null,
        '\\N',
      ],
      [
        '-0',
        `0.${'0'.repeat(38)}`,
        '-1',
        '12026-01-01',
        '9999-12-31 23:59:59.999999+00',
        null,
        null,
        '\t"\\,\r\n',
      ],
    ]);
  });

  it('fit a declared type only where it keeps them all, or refuses', () => {
    expect(keepsType('numeric(12,2)', decimal(10, 2))).toBe(true);
    expect(keepsType('numeric(12,2)', decimal(12, 3))).toBe(false);
    expect(keepsType('numeric(12,2)', decimal(12, 1))).toBe(false);
    expect(keepsType('numeric(18,0)', INTEGER)).toBe(false);
    expect(keepsType('numeric', decimal(38, 10))).toBe(true);
    expect(keepsType('timestamp(3) with time zone', TIMESTAMP)).toBe(false);
    expect(keepsType('character(5)', STRING)).toBe(false);
  });
});

describe('names', () => {
  it.each(['a "b" c', 'sélect', 'user', 'Ünï 👩‍🚀', `it's`, 'x'.repeat(63), 'dots.and;'])(
    'of tables and columns can be any: %s',
    async (name) => {
      await run([['1']], { table: name }, [{ name, type: INTEGER }]);
      await run([['1']], { table: name, mode: 'append' }, [{ name, type: INTEGER }]);
      const quoted = `"${name.replaceAll('"', '""')}"`;
      expect(await query(`SELECT ${quoted} FROM ${quoted}`)).toEqual([['1'], ['1']]);
    },
  );

  it('that PostgreSQL would cut, or has itself, are refused', async () => {
    expect(() => open({ table: 'é'.repeat(32) })).toThrow('must have at most 63 bytes');
    expect(() => open({ table: 'pg_x' })).toThrow('must not start with pg_');
    await expect(open().check([{ name: 'é'.repeat(32), type: INTEGER }])).rejects.toThrow(
      'has 64 bytes, PostgreSQL cuts names after 63',
    );
    await expect(open().check([{ name: 'xmin', type: INTEGER }])).rejects.toThrow(
      'a column "xmin" of its own',
    );
  });
});

describe('a connection', () => {
  it.each([
    [
      'a wrong password',
      (right: string) => right.replace(/:[^:@]+@/, ':wrong@'),
      'TARGET_INVALID',
      /password authentication failed for user "postgres"/,
    ],
    [
      'a database that is not there',
      (right: string) => right.replace(/\/\w+$/, '/none'),
      'TARGET_INVALID',
      /database "none" does not exist/,
    ],
    [
      'a port where nobody is',
      (right: string) => right.replace(/:\d+\//, ':1/'),
      'TARGET_UNREACHABLE',
      /does not answer/,
    ],
    [
      'no connection string',
      () => 'host=db password=secret',
      'TARGET_INVALID',
      /^PG is not a connection string of PostgreSQL: expected postgresql:[^ ]*$/,
    ],
    [
      'an sslmode that there is not',
      (right: string) => `${right}?sslmode=allow`,
      'TARGET_INVALID',
      /sslmode=allow, expected disable/,
    ],
    [
      'encryption that the server does not have',
      (right: string) => `${right}?sslmode=verify-full`,
      'TARGET_INVALID',
      /no encrypted connection/,
    ],
  ])('with %s is a clear error', async (_, change, code, message) => {
    const found = await open({}, change(url))
      .check(SCHEMA)
      .catch((error: unknown) => error);
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(String(found)).not.toContain('secret');
  });

  it('to a schema that is not there, or with a certificate that is not, is a clear error', async () => {
    await expect(open({ schema: 'no such' }).check(SCHEMA)).rejects.toThrow('has no schema "no such"');
    const tls = { sslmode: 'verify-ca', sslrootcert: 'none.pem' };
    await expect(open(tls).check(SCHEMA)).rejects.toThrow('The certificate none.pem cannot be read');
    writeFileSync(join(dir, 'ca.pem'), 'x');
    await expect(open({ ...tls, sslrootcert: 'ca.pem' }).check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
    });
  });

  it('of a role without rights says what it lacks before any work', async () => {
    await query(`CREATE TABLE t (id bigint, name text)`);
    const role = `r${databases}_${process.pid}`;
    await query(`CREATE ROLE ${role} LOGIN PASSWORD 'a password: @/#'; GRANT SELECT ON t TO ${role}`);
    const check = open({ mode: 'append' }, asRole(role)).check(SCHEMA);
    await expect(check).rejects.toThrow(`the role ${role} lacks CREATE on schema public, INSERT on table t.`);
    await query(`GRANT CREATE ON SCHEMA public TO ${role}; GRANT INSERT ON t TO ${role}`);
    await open({ mode: 'append' }, asRole(role)).check(SCHEMA);
    const key = { ...LOAD_KEY, runKey: 'as role' };
    await open({ mode: 'append' }, asRole(role)).load(key, await makePart(SCHEMA, ROWS));
    await open({ mode: 'append' }, asRole(role)).publish(key, SCHEMA, 2);
    expect(await query('SELECT * FROM t ORDER BY id')).toEqual(ROWS);
    await query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('has no password in errors, whatever the server says', () => {
    const full = explainError(
      Object.assign(new Error('could not extend file'), { code: '53100' }),
      'PG',
      't',
    );
    expect(full).toMatchObject({ code: 'DISK_FULL', retryable: true });
    const many = explainError(Object.assign(new Error('too many clients'), { code: '53300' }), 'PG', 't');
    expect(many).toMatchObject({ code: 'TARGET_BUSY', retryable: true });
  });
});

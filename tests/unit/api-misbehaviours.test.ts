/** Every way in which the loopback API goes wrong ends in the right records or in a named error: the table of the docs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSource } from '../../engine/landing';
import { FlexetlError } from '../../pipeline/errors';
import { api } from '../../sources/api';
import { ITEMS, startApi, type LoopbackApi } from '../support/api/loopback-api';
import { MISBEHAVIOURS } from '../support/api/misbehaviours';
import { landAll, openSandbox, readRecords } from '../support/source-sandbox';

/** As landed: a nested value is its text. */
const RIGHT = ITEMS.map((item) => item.replace(/\[.*\]/, (tags) => JSON.stringify(tags)));

let server: LoopbackApi;
const project = openSandbox();
/** By name. All at once: most of them wait. */
const outcomes = new Map<string, string>();
beforeAll(async () => {
  const behaviours = Object.entries(MISBEHAVIOURS).map(([name, { serve }]) => [name, serve]);
  server = await startApi(Object.fromEntries(behaviours));
  await Promise.all(
    Object.keys(MISBEHAVIOURS).map(async (name) => outcomes.set(name, await outcomeOf(name))),
  );
});
afterAll(() => server.close());

async function outcomeOf(name: string): Promise<string> {
  const given = MISBEHAVIOURS[name]!.options;
  const auth = given['auth'] as { type: string } | undefined;
  const isOauth = auth?.type === 'oauth2_client_credentials';
  const options = api.options.parse({
    url: server.urlOf(name),
    record_path: '$.data',
    allow_private: true,
    ...given,
    ...(isOauth && { auth: { ...auth, token_url: `${server.urlOf(name)}/token` } }),
  });
  const context = { ...project.freshRun().context, secret: () => Promise.resolve('hush') };
  try {
    const source = openSource(api, options, context);
    const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
    const records = await readRecords(source, survey, partitions);
    const reject = records.find(({ reason }) => reason !== undefined);
    if (reject) return `a reject: ${reject.file}, record ${reject.record}: ${reject.reason}`;
    const raws = records.map(({ raw }) => raw);
    return raws.join() === RIGHT.join() ? 'right' : `WRONG: ${raws.length} records`;
  } catch (error) {
    if (!(error instanceof FlexetlError)) return `UNNAMED: ${String(error)}`;
    return `\`${error.code}\`: ${error.message.replace(/ \(http[^)]*\)/, '').replace(/\.$/, '')}`;
  }
}

it('has forty misbehaviours and more', () => {
  expect(Object.keys(MISBEHAVIOURS).length).toBeGreaterThan(40);
});

it.each(Object.keys(MISBEHAVIOURS))('%s ends in the right records, a reject or a named error', (name) => {
  expect(outcomes.get(name)).toMatch(/^(right$|a reject: |`[A-Z_]+`: )/);
});

it('is what docs/sources/api.md says', () => {
  const docs = readFileSync(join(__dirname, '../../docs/sources/api.md'), 'utf8');
  const [, section = ''] = docs.split('## What goes wrong, and what comes of it');
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  expect(cells.slice(2).map(([, what, outcome]) => [what, outcome])).toEqual(
    Object.entries(MISBEHAVIOURS).map(([name, { what }]) => [what, outcomes.get(name)]),
  );
});

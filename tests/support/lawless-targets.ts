/** Targets that each break one law: the suite must catch every one. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { PluginContext } from '../../plugin/context';
import type { LoadKey, OpenTarget, Part, SavedState, Target, Value } from '../../plugin/target';
import { LOAD_KEY as KEY } from './parts';
import type { TargetLaw } from './target-laws';
import { SCHEMA } from './target-probe';

/** What is done to a target that keeps all laws; `target` opens another one of the same options. */
type Change = (
  open: OpenTarget,
  context: PluginContext,
  again: (mode: 'replace' | 'append', context?: Partial<PluginContext>) => OpenTarget,
) => Partial<OpenTarget>;

let calls = 0;
/** The parts and keys that were seen, by project. */
const seen = new Map<string, Part[]>();
const published = new Set<string>();
/** By project. */
const states = new Map<string, SavedState>();
const nameOf = ({ projectDir }: PluginContext, { runKey }: LoadKey): string => `${projectDir} ${runKey}`;

export const LAWLESS_TARGETS: Record<TargetLaw, Change> = {
  'a check changes nothing': (_, { projectDir }) => ({
    check: () => Promise.resolve(void mkdirSync(`${projectDir}/output`)),
  }),
  'a retry of a load adds nothing': (open) => ({
    load: (key, part) => open.load(key, { ...part, index: 10 * part.index + ++calls * 1000 }),
  }),
  'of several attempts at once one writes': (open) => {
    return { load: (key, part) => open.load({ ...key, runKey: `${key.runKey}${++calls}` }, part) };
  },
  'a late attempt changes nothing, and other rows under a published key are refused': (
    _,
    context,
    again,
  ) => ({
    async load(key, part) {
      const late = published.has(nameOf(context, key));
      const own = late ? { ...key, runKey: `late ${++calls}` } : key;
      const loaded = await again('append').load(own, part);
      if (late) await again('append').publish(own, part.schema);
      return loaded;
    },
    async publish(key, ...rest) {
      published.add(nameOf(context, key));
      return again('replace').publish(key, ...rest);
    },
  }),
  'publishing twice is publishing once': (open, context, again) => ({
    async load(key, part) {
      const name = nameOf(context, key);
      seen.set(name, [...(seen.get(name) ?? []), part]);
      return open.load(key, part);
    },
    async publish(key, schema) {
      const own = { ...key, runKey: `${key.runKey} ${++calls}` };
      for (const part of seen.get(nameOf(context, key)) ?? []) await again('append').load(own, part);
      return again('append').publish(own, schema);
    },
  }),
  'readers see the table before a publish or after it': (open, _, again) => ({
    async publish(key, ...rest) {
      await again('replace').publish({ ...key, runKey: `empty ${++calls}` }, SCHEMA);
      await delay(50);
      return open.publish(key, ...rest);
    },
  }),
  'no parts publish an empty table': (open) => ({
    publish: async (key, schema, rows) =>
      rows === 0 ? { rows: 0, inserted: 0, updated: 0 } : open.publish(key, schema, rows),
  }),
  'discard removes what is not published, and nothing else': () => ({ discard: () => Promise.resolve() }),
  'another number of rows than was loaded is not published': (open) => ({
    publish: (key, schema) => open.publish(key, schema),
  }),
  'what publish counts is what another reader finds': (open) => ({
    async publish(...args) {
      const { rows } = await open.publish(...args);
      return { rows, inserted: rows + 1, updated: 0 };
    },
  }),
  'each mode does what it says': (_, __, again) => again('replace'),
  'merge takes the last row of a key in the order of records, counts the others, and refuses a null': (
    _,
    __,
    again,
  ) => again('append'),
  'every value of every type is kept exactly': (open) => ({
    load: (key, part) => open.load(key, { ...part, batches: () => inDoubles(part) }),
  }),
  'parts stand in their order, whatever order they are loaded in': (open) => ({
    load: (key, part) => open.load(key, { ...part, index: 1000 - part.index }),
  }),
  'a load is fresh, then resumed, and after that published, with its rows and its time': () => ({
    begin: () => Promise.resolve({ answer: 'fresh' }),
  }),
  'a load under another plan is stale, it is removed and not continued': (open) => ({
    begin: (key, anyRun) => open.begin({ ...key, plan: KEY.plan }, anyRun),
    load: (key, part) => open.load({ ...key, plan: KEY.plan }, part),
    publish: (key, ...rest) => open.publish({ ...key, plan: KEY.plan }, ...rest),
  }),
  'a run key belongs to what it has published, anything else is refused': (open) => ({
    begin: (key, anyRun) => open.begin({ ...key, digest: KEY.digest }, anyRun),
    load: (key, part) => open.load({ ...key, digest: KEY.digest }, part),
  }),
  'the same rows are known under another run key, as long as the target has them': (open) => ({
    begin: (key) => open.begin(key, false),
  }),
  'a published load counts only as long as there is the table': (open, context) => ({
    async begin(key, anyRun) {
      return published.has(nameOf(context, key))
        ? { answer: 'published', load: { ...key, rows: 2, publishedAt: '' } }
        : open.begin(key, anyRun);
    },
    async publish(key, ...rest) {
      published.add(nameOf(context, key));
      return open.publish(key, ...rest);
    },
  }),
  'what other runs of the pipeline have left goes when a load begins, what others have does not': (open) => ({
    begin: async (key, anyRun) => {
      await open.discard({ ...key, pipeline: 'q' });
      return open.begin(key, anyRun);
    },
  }),
  // Saved before the rows are visible, as in a file beside them.
  'a state is there exactly when its rows are': (open, context) => ({
    async load(key, part) {
      states.set(context.projectDir, { state: 'early', runKey: key.runKey, savedAt: '' });
      return open.load(key, part);
    },
    state: (key) => Promise.resolve(states.get(context.projectDir) ?? open.state(key)),
  }),
  // Saved with every try of a publish.
  'a discarded or refused load leaves the state of before': (open, { projectDir }) => ({
    publish(key, schema, rows, save = []) {
      for (const { state } of save) states.set(projectDir, { state, runKey: key.runKey, savedAt: '' });
      return open.publish(key, schema, rows, save);
    },
    state: () => Promise.resolve(states.get(projectDir)),
  }),
  'a publish that is repeated or late leaves the state of the last one': (open, { projectDir }) => ({
    async publish(key, schema, rows, save = []) {
      const done = await open.publish(key, schema, rows, save);
      for (const { state } of save) states.set(projectDir, { state, runKey: key.runKey, savedAt: '' });
      return done;
    },
    state: () => Promise.resolve(states.get(projectDir)),
  }),
  'a publish saves all its states': (open) => ({
    publish: (key, schema, rows, save) => open.publish(key, schema, rows, save?.slice(0, 1)),
  }),
  'a state of another project, pipeline or source is not seen, and stays': (open) => ({
    publish: (key, schema, rows, save) =>
      open.publish(
        key,
        schema,
        rows,
        save?.map((one) => ({ ...one, source: 'all sources' })),
      ),
    state: (key) => open.state({ ...key, source: 'all sources' }),
  }),
  'a state counts only as long as the target has its rows': (open, { projectDir }) => ({
    publish(key, schema, rows, save = []) {
      for (const { state } of save) states.set(projectDir, { state, runKey: key.runKey, savedAt: '' });
      return open.publish(key, schema, rows, save);
    },
    state: () => Promise.resolve(states.get(projectDir)),
  }),
  'a cancelled load ends within a second and leaves no rows': (_, { projectDir }, again) => ({
    load: (key, part) =>
      again('replace', { projectDir, signal: new AbortController().signal }).load(key, part),
  }),
};

/** As a target does that has no other numbers. */
async function* inDoubles(part: Part): ReturnType<Part['batches']> {
  const toDouble = (value: Value): Value =>
    typeof value === 'bigint' || /^-?\d+\.\d+$/.test(String(value)) ? Number(value) : value;
  for await (const { rows, columns } of part.batches())
    yield { rows, columns: columns.map((column) => column.map(toDouble)) };
}

export function changeTarget<O extends { mode: string }>(target: Target<O>, change: Change): Target<O> {
  return {
    ...target,
    open(options, context) {
      const open = target.open(options, context);
      const again = (mode: 'replace' | 'append', other?: Partial<PluginContext>): OpenTarget =>
        target.open({ ...options, mode }, { ...context, ...other });
      return { ...open, ...change(open, context, again) };
    },
  };
}

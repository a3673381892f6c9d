/** The laws of states: a target keeps the state of an incremental source exactly with its rows. */
import { match, rejects, strictEqual } from 'node:assert';
import type { Position } from '../../plugin/source';
import { assertSame, KEY, NEW, OLD, OTHER_KEY, STATE_KEY, type Probe } from './target-probe';

export const STATE_LAWS = {
  'a state is there exactly when its rows are': async (probe) => {
    const { load, publish, stateOf, open } = probe;
    strictEqual(await open().state(STATE_KEY), undefined);
    strictEqual(await stateOf(), undefined);
    await load(OLD, { mode: 'append' });
    strictEqual(await stateOf(), undefined);
    // Every kind of JSON, and texts that SQL or JSON could change.
    const state: Position = { at: [null, true, -1.5, 'it\'s "\\" ünï 👩‍🚀 \0'], 'x y': {} };
    await publish({ mode: 'append', state });
    const saved = await open().state(STATE_KEY);
    assertSame(saved && { state: saved.state, runKey: saved.runKey }, { state, runKey: KEY.runKey });
    match(saved?.savedAt ?? '', /^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    const key = { ...KEY, runKey: 'run-2' };
    await load(NEW, { mode: 'append', key });
    assertSame(await stateOf(), state);
    await publish({ mode: 'append', key, state: 'second' });
    assertSame(await stateOf(), 'second');
    await probe.assertRows([...OLD, ...NEW]);
  },
  'a discarded or refused load leaves the state of before': async ({ load, publish, stateOf, open }) => {
    await load(OLD, { mode: 'append', key: OTHER_KEY });
    await publish({ mode: 'append', key: OTHER_KEY, state: 'old' });
    await load(NEW, { mode: 'append' });
    await rejects(publish({ mode: 'append', rows: 3, state: 'new' }), { code: 'ROWS_UNBALANCED' });
    assertSame(await stateOf(), 'old');
    await open().discard(KEY);
    assertSame(await stateOf(), 'old');
    // A publish without a state is of a source that has none.
    await load(NEW, { mode: 'append' });
    await publish({ mode: 'append' });
    assertSame(await stateOf(), 'old');
  },
  'a publish that is repeated or late leaves the state of the last one': async (probe) => {
    const { load, publish, stateOf } = probe;
    const key = { ...KEY, runKey: 'run-2' };
    await load(OLD, { mode: 'append' });
    await publish({ mode: 'append', state: 'first' });
    await publish({ mode: 'append', state: 'first' });
    assertSame(await stateOf(), 'first');
    await load(NEW, { mode: 'append', key });
    await publish({ mode: 'append', key, state: 'second' });
    await publish({ mode: 'append', state: 'first' });
    assertSame(await stateOf(), 'second');
    await probe.assertRows([...OLD, ...NEW]);
  },
  'a publish saves all its states': async ({ load, publish, stateOf }) => {
    await load(OLD, { mode: 'append' });
    await publish({ mode: 'append', state: 'one', also: [{ source: 'another', state: 'two' }] });
    assertSame([await stateOf(), await stateOf({ source: 'another' })], ['one', 'two']);
  },
  'a state of another project, pipeline or source is not seen, and stays': async ({
    load,
    publish,
    stateOf,
  }) => {
    const others = [{ project: 'another' }, { pipeline: 'q' }, { source: 'of other data' }];
    for (const [index, other] of [{}, ...others].entries()) {
      const { source = STATE_KEY.source, ...ofKey } = { ...STATE_KEY, ...other };
      const key = { ...KEY, ...ofKey, runKey: `run-${index}` };
      strictEqual(await stateOf(other), undefined);
      await load(OLD, { mode: 'append', key });
      await publish({ mode: 'append', key, source, state: index });
    }
    for (const [index, other] of [{}, ...others].entries()) strictEqual(await stateOf(other), index);
  },
  'a state counts only as long as the target has its rows': async ({ load, publish, stateOf, ...probe }) => {
    await load(OLD, { mode: 'append' });
    await publish({ mode: 'append', state: 'first' });
    await probe.publishOld({ ...OTHER_KEY, pipeline: 'q' });
    strictEqual(await stateOf(), undefined);
    const key = { ...KEY, runKey: 'run-2' };
    await load(NEW, { mode: 'append', key });
    await publish({ mode: 'append', key, state: 'second' });
    await probe.dropTable();
    strictEqual(await stateOf(), undefined);
  },
} satisfies Record<string, (probe: Probe) => Promise<void>>;

import fc from 'fast-check';
import type { StepCount } from '../../pipeline/row-balance';
import type { StepName } from '../../pipeline/report';
import { DEFAULT_RETRY_SETTINGS } from '../../workflows/budgets';
import {
  addCounts,
  addWarnings,
  buildReport,
  createRunState,
  progressOf,
  restartExtract,
  type RunState,
} from '../../workflows/run-state';

const PLAN = {
  digest: 'sha256:1',
  partitions: 4,
  bytes: 900,
  files: [{ path: 'a.csv', bytes: 900, fingerprint: 'f' }],
  targets: [],
  perPartition: true,
  parallelWorkers: 2,
  faultTolerance: DEFAULT_RETRY_SETTINGS,
  warnings: [],
};

function newState(changes: Partial<RunState> = {}): RunState {
  return { ...createRunState('sales', 'k', 1000), ...changes };
}

describe('the state of a run', () => {
  it('adds the counts of parts, in whatever order they come', () => {
    const part = fc
      .tuple(fc.nat(100), fc.nat(100))
      .map(([rows_in, rows_out]): StepCount[] => [{ type: 'filter', fate: 'filtered', rows_in, rows_out }]);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const [forth, back] = [parts, [...parts].reverse()].map((order) => {
          const state = newState();
          for (const counts of order) addCounts(state, counts);
          return state.counts;
        });
        expect(forth).toEqual(back);
        const rows = parts.flat().reduce((sum, count) => sum + count.rows_in, 0);
        expect(forth?.[0]?.rows_in).toBe(rows);
      }),
    );
  });

  it('leaves the counts of a part as they were', () => {
    const first: StepCount[] = [{ type: 'filter', fate: 'filtered', rows_in: 5, rows_out: 4 }];
    const state = newState();
    addCounts(state, first);
    addCounts(state, first);
    expect(first[0]?.rows_in).toBe(5);
  });

  it('forgets what was extracted when types have changed, and keeps what was landed', () => {
    const state = newState({
      landed: 4,
      landedAll: true,
      extracted: 3,
      read: 30,
      rejected: 1,
      typesDiffer: true,
    });
    restartExtract(state);
    expect(state).toMatchObject({ extracted: 0, read: 0, rejected: 0, typesDiffer: false, types: null });
    expect(state).toMatchObject({ landed: 4, landedAll: true });
  });

  it('survives the way through JSON into a fresh history', () => {
    const state = newState({ plan: PLAN, output: 7 });
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});

describe('progress', () => {
  it.each<[StepName, number, number]>([
    ['prepare', 0, 1],
    ['extract', 3, 4],
    ['validate', 0, 1],
    ['transform', 2, 4],
    ['load', 5, 8],
    ['publish', 1, 2],
    ['finish', 0, 1],
  ])('of %s is %i of %i', (step, parts_done, parts_total) => {
    const target = { type: 'sqlite', name: 't', mode: 'replace', rows_loaded: 0 };
    const state = newState({
      step,
      plan: PLAN,
      landed: 4,
      extracted: 3,
      transformed: 2,
      loaded: [4, 1],
      targets: [
        { ...target, status: 'published' },
        { ...target, status: 'pending' },
      ],
    });
    expect(progressOf(state)).toMatchObject({
      step,
      parts_done,
      parts_total,
      config_digest: 'sha256:1',
    });
  });

  it('before the plan is known has no digest', () => {
    expect(progressOf(newState())).toMatchObject({ config_digest: '', bytes_total: 0 });
    expect(progressOf(newState({ step: 'transform' }))).toMatchObject({ config_digest: '', parts_total: 1 });
  });
});

describe('the report', () => {
  it('has each warning once, at most 20, none longer than 500 characters', () => {
    const state = newState();
    addWarnings(state, ['a', 'a', 'x'.repeat(600)]);
    addWarnings(state, ['a']);
    expect(state.warnings).toEqual(['a', `${'x'.repeat(499)}…`]);
    addWarnings(
      state,
      Array.from({ length: 30 }, (_, index) => `w${index}`),
    );
    expect(buildReport(state, 'w', 'succeeded', 1).warnings).toEqual(state.warnings);
    expect(state.warnings).toHaveLength(20);
  });

  it('of a run that failed is never balanced, even if its counts are', () => {
    expect(buildReport(newState(), 'flexetl/sales', 'failed', 1500)).toMatchObject({
      balanced: false,
      duration_ms: 500,
      started_at: '1970-01-01T00:00:01.000Z',
      config_digest: '',
      source: { files: [], columns: [] },
    });
  });

  it('of a run that succeeded is balanced only if its counts are', () => {
    const good = newState({ plan: PLAN, read: 7, output: 7 });
    expect(buildReport(good, 'w', 'succeeded', 1500)).toMatchObject({
      balanced: true,
      rows: { read: 7, output: 7 },
    });
    const bad = newState({ plan: PLAN, read: 7, output: 6 });
    expect(buildReport(bad, 'w', 'succeeded', 1500).balanced).toBe(false);
  });
});

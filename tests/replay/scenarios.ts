/** Runs whose histories are kept: one of every shape that a run can have. */
import { toFailure } from '../../activities/failures';
import { addDetails } from '../../pipeline/error-details';
import { FlexetlError } from '../../pipeline/errors';
import {
  createGate,
  openHarness,
  RETRY_FAST,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';

export type Scenario = (harness: Harness) => Promise<RunHandle>;

const RECORDS = Array.from({ length: 40 }, (_, index) => `${index},${index % 3 === 0 ? '' : `${index}.5`}`);
const CHUNKED = { scalability: { processing: { chunk_size: 12, parallel_workers: 2 } } };

export const SCENARIOS: Record<string, Scenario> = {
  succeeded: (harness) =>
    start(harness, {
      transformations: [
        { type: 'drop_nulls' },
        { type: 'aggregate', group_by: ['n'], aggregations: { total: 'sum(v)' } },
      ],
    }),

  'row-wise-in-parts': (harness) =>
    start(harness, {
      transformations: [{ type: 'filter', column: 'n', operator: '>', value: 5 }],
      ...CHUNKED,
    }),

  'failed-validation': (harness) => start(harness, { validation: { schema: { v: { type: 'integer' } } } }),

  'failed-prepare': (harness) => start(harness, { source: { path: 'absent.csv' } }),

  retried: (harness) => {
    let calls = 0;
    harness.fake('load', (real) => (input) => {
      calls += 1;
      if (calls < 3) throw new Error('It is busy.');
      return real(input);
    });
    return start(harness, { fault_tolerance: RETRY_FAST });
  },

  async cancelled(harness) {
    const gate = createGate();
    harness.fake('validate', (real) => async (input) => {
      await gate.pass();
      return real(input);
    });
    const handle = await start(harness, {});
    await gate.reached;
    await handle.cancel();
    gate.open();
    return handle;
  },

  widened: (harness) => {
    // As a partition does that goes beyond the sample: those before it have other types, and are asked once more.
    const asked = new Set<number>();
    harness.fake('extract', (real) => async (input) => {
      const result = await real(input);
      const isFirst = !asked.has(input.partition);
      asked.add(input.partition);
      return isFirst && input.partition >= 2 ? { ...result, types: 'wider' } : result;
    });
    return start(harness, CHUNKED);
  },

  'two-targets': (harness) =>
    start(harness, { targets: [sqliteTarget('a', 'replace'), sqliteTarget('b', 'append')] }),

  partial: (harness) => {
    harness.fake('publish', (real) => (input) => {
      if (input.target === 0) throw new Error('It is locked.');
      return real(input);
    });
    return start(harness, {
      targets: [sqliteTarget('a', 'replace'), sqliteTarget('b', 'append')],
      fault_tolerance: { retry: { enabled: false } },
    });
  },

  'target-down': (harness) => {
    harness.fake('prepare', (real) => async (input) => {
      const { faultTolerance: fault_tolerance } = await real(input);
      if (input.without?.includes(1)) return real(input);
      const error = { code: 'TARGET_UNREACHABLE', message: 'It is away.' } as const;
      const down = [{ target: 1, error }];
      throw toFailure(addDetails(new FlexetlError(error.code, error), { fault_tolerance, down }));
    });
    return start(harness, {
      targets: [sqliteTarget('a', 'replace'), sqliteTarget('b', 'append')],
      fault_tolerance: { busy_timeout_seconds: 1 },
    });
  },

  async 'under-another-id'(harness) {
    const name = add(harness, {});
    return harness.start(name, { workflowId: `another-${name}` });
  },
};

function add(harness: Harness, sections: object): string {
  return harness.addPipeline({ source: { path: 'data.csv' }, ...sections });
}

function start(harness: Harness, sections: object): Promise<RunHandle> {
  return harness.start({ name: add(harness, sections), run_key: 'k' });
}

/** Runs each scenario to its end, and hands its history to `keep`. */
export async function playScenarios(keep: (name: string, handle: RunHandle) => Promise<void>): Promise<void> {
  const harness = await openHarness();
  try {
    harness.write('data.csv', `n,v\n${RECORDS.join('\n')}\n`);
    for (const [name, play] of Object.entries(SCENARIOS)) {
      const handle = await play(harness);
      await handle.result().catch(() => undefined);
      await keep(name, handle);
      harness.mend();
    }
  } finally {
    await harness.close();
  }
}

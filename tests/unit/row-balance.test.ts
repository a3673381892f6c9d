import fc from 'fast-check';
import { assertBalanced, bookRows, findImbalances, type StepCount } from '../../pipeline/row-balance';
import type { RowFate } from '../../plugin/transform';
import type { TargetReport } from '../../pipeline/report';

interface Ledger {
  read: number;
  rejected: number;
  steps: StepCount[];
  output: number;
  targets: Pick<TargetReport, 'name' | 'rows_loaded' | 'status'>[];
}

const fate: fc.Arbitrary<RowFate | null> = fc.constantFrom(
  'dropped',
  'filtered',
  'deduplicated',
  'aggregated',
  null,
);

/** A run in which every row is accounted for. */
const balanced: fc.Arbitrary<Ledger> = fc
  .record({
    read: fc.nat(1000),
    rejected: fc.nat(10),
    losses: fc.array(fc.tuple(fate, fc.nat(50)), { maxLength: 6 }),
    statuses: fc.array(fc.constantFrom<TargetReport['status'][]>('pending', 'published', 'failed'), {
      maxLength: 3,
    }),
  })
  .map(({ read, losses, statuses, ...rest }) => {
    const rejected = Math.min(rest.rejected, read);
    let flow = read - rejected;
    const steps = losses.map(([kind, loss]): StepCount => {
      const rows_in = flow;
      flow -= kind === null ? 0 : Math.min(loss, flow);
      return { type: kind ?? 'derive', fate: kind, rows_in, rows_out: flow };
    });
    const targets = statuses.map((status, index) => ({
      name: `t${index}`,
      status,
      rows_loaded: status === 'failed' ? 0 : flow,
    }));
    return { read, rejected, steps, output: flow, targets };
  });

function imbalances({ read, rejected, steps, output, targets }: Ledger): string[] {
  return findImbalances(bookRows(read, rejected, steps, output), steps, targets);
}

describe('the row balance', () => {
  it('balances where every row is accounted for', () => {
    fc.assert(fc.property(balanced, (ledger) => expect(imbalances(ledger)).toEqual([])));
  });

  it('notices any single count that is off, by however little', () => {
    fc.assert(
      fc.property(balanced, fc.nat(), fc.integer({ min: -3, max: 3 }), (ledger, place, by) => {
        fc.pre(by !== 0);
        const changes: ((copy: Ledger) => void)[] = [
          (copy) => (copy.read += by),
          (copy) => (copy.rejected += by),
          (copy) => (copy.output += by),
          ...ledger.steps.flatMap((_, index) => [
            (copy: Ledger) => void ((copy.steps[index] as StepCount).rows_in += by),
            (copy: Ledger) => void ((copy.steps[index] as StepCount).rows_out += by),
          ]),
          ...ledger.targets.flatMap((target, index) =>
            target.status === 'failed'
              ? []
              : [(copy: Ledger) => void ((copy.targets[index] as { rows_loaded: number }).rows_loaded += by)],
          ),
        ];
        const copy = structuredClone(ledger);
        changes[place % changes.length]?.(copy);
        expect(imbalances(copy)).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('books steps after the first aggregation as groups, not as rows of the source', () => {
    const steps: StepCount[] = [
      { type: 'filter', fate: 'filtered', rows_in: 10, rows_out: 8 },
      { type: 'aggregate', fate: 'aggregated', rows_in: 8, rows_out: 3 },
      { type: 'filter', fate: 'filtered', rows_in: 3, rows_out: 2 },
    ];
    expect(bookRows(10, 0, steps, 2)).toMatchObject({ read: 10, filtered: 2, aggregated: 8, output: 2 });
    expect(findImbalances(bookRows(10, 0, steps, 2), steps, [])).toEqual([]);
  });

  it('shows both sides of what does not add up', () => {
    const targets = [{ name: 'out.db#t', rows_loaded: 7, status: 'pending' as const }];
    const rows = bookRows(10, 1, [], 8);
    expect(() => assertBalanced(rows, [], targets)).toThrow(
      expect.objectContaining({
        code: 'ROWS_UNBALANCED',
        message:
          'The row balance does not add up: rows read 10, but rejected + quarantined + dropped + filtered + ' +
          'deduplicated + output = 9; the last step wrote 9 rows, the output has 8; ' +
          'output 8 rows, loaded 7 into out.db#t.',
      }),
    );
  });

  it('asks nothing of a target that failed', () => {
    const rows = bookRows(4, 0, [], 4);
    expect(findImbalances(rows, [], [{ name: 't', rows_loaded: 1, status: 'failed' }])).toEqual([]);
  });
});

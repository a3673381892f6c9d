/** The row balance: a bar of what became of the rows that were read, and the same as an equation. */
import { count, many } from '../../../pipeline/markdown';
import type { ReportFile, RowCounts } from '../../../pipeline/report';
import { html, type Html } from './html';
import { section } from './section';
import { percent } from './words';

type Fate = Exclude<keyof RowCounts, 'read'>;

const FATES: readonly { fate: Fate; colour: string; says: string }[] = [
  { fate: 'output', colour: 'var(--good)', says: 'passed on' },
  { fate: 'aggregated', colour: 'var(--blue)', says: 'aggregated' },
  { fate: 'deduplicated', colour: 'var(--bar)', says: 'deduplicated' },
  { fate: 'filtered', colour: 'var(--mute)', says: 'filtered out' },
  { fate: 'dropped', colour: 'var(--faint)', says: 'dropped' },
  { fate: 'quarantined', colour: 'var(--warn)', says: 'quarantined' },
  { fate: 'rejected', colour: 'var(--bad)', says: 'rejected' },
];

export function balanceSection({ rows, status, balanced }: ReportFile): Html | undefined {
  if (rows.read === 0) return undefined;
  const isDone = status === 'succeeded' || status === 'partial';
  // Rows out of groups are not rows that were read; those of a run that ended early went nowhere.
  const counted = FATES.filter(
    ({ fate }) => rows[fate] > 0 && !(fate === 'output' && (rows.aggregated > 0 || !isDone)),
  );
  const bars = counted.map(({ fate, colour, says }) => ({ rows: rows[fate], colour, says }));
  const rest = rows.read - bars.reduce((sum, bar) => sum + bar.rows, 0);
  if (rest > 0)
    bars.push({
      rows: rest,
      colour: 'var(--line)',
      says: isDone ? 'not accounted for' : 'read, and not loaded',
    });
  const terms = bars.map((bar) => `${count(bar.rows)} ${bar.says}`).join(' + ');
  const groups = rows.aggregated > 0 && isDone ? `, in ${many(rows.output, 'group')}` : '';
  return section(
    'Row balance',
    balanced
      ? 'It adds up: no row was lost, none was made up.'
      : 'The run ended before all rows had their place.',
    html`<div class="stack" role="img" aria-label="${terms}">
        ${bars.map((bar) => html`<i style="--n:${bar.rows};--c:${bar.colour}"></i>`)}
      </div>
      <ul class="legend">
        ${bars.map(
          (bar) =>
            html`<li>
              <span class="dot" style="--c:${bar.colour}"></span
              ><span
                ><b>${count(bar.rows)}</b> ${bar.says}
                <span class="aside">${percent(bar.rows, rows.read)}</span></span
              >
            </li>`,
        )}
      </ul>
      <p class="sum">${count(rows.read)} read = ${terms}${groups}</p>`,
  );
}

/** The last runs of the pipeline: a bar of rows for each, and the newest ones as a table. */
import { count, many, seconds } from '../../../pipeline/markdown';
import { loadedRows, type ReportFile } from '../../../pipeline/report';
import { html, type Html } from './html';
import { section } from './section';
import { TONES } from './words';

/** Runs in the table. */
const ROWS_MAX = 8;

/** @param runs the oldest first; the last ones may be newer than this report */
export function trendSection(report: ReportFile, runs: readonly ReportFile[]): Html | undefined {
  if (runs.length < 2) return undefined;
  const most = Math.max(...runs.map(({ rows }) => rows.read), 1);
  const isThis = ({ run_key }: ReportFile): boolean => run_key === report.run_key;
  return section(
    'Last runs',
    `${many(runs.length, 'run')}. A bar is the rows that were read; red are those that were rejected or quarantined.`,
    html`<ol class="runs" role="img" aria-label="Rows read by each of the last ${runs.length} runs">
        ${runs.map((run) => runBar(run, most, isThis(run)))}
      </ol>
      <p class="between">${day(runs[0])} to ${day(runs.at(-1))}</p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Started</th>
              <th>Status</th>
              <th class="num">Read</th>
              <th class="num">Bad</th>
              <th class="num">Loaded</th>
              <th class="num wide">Took</th>
            </tr>
          </thead>
          <tbody>
            ${[...runs]
              .reverse()
              .slice(0, ROWS_MAX)
              .map((run) => runRow(run, isThis(run)))}
          </tbody>
        </table>
      </div>`,
  );
}

const day = (run: ReportFile | undefined): string => run?.started_at.slice(0, 10) ?? '';

export const badRows = ({ rows }: ReportFile): number => rows.rejected + rows.quarantined;

function runBar(run: ReportFile, most: number, isThis: boolean): Html {
  const bad = badRows(run);
  const part = (rows: number): number => Math.round((1000 * rows) / most) / 10;
  const says = `${run.started_at.slice(0, 16).replace('T', ' ')}, ${run.status}: ${count(run.rows.read)} read, ${count(bad)} bad`;
  return html`<li class="${TONES[run.status]}${isThis && ' now'}" title="${says}">
    ${bad > 0 && html`<i class="out" style="--h:${Math.max(2, part(bad))}%"></i>`}<i
      style="--h:${part(run.rows.read - bad)}%"
    ></i>
  </li>`;
}

function runRow(run: ReportFile, isThis: boolean): Html {
  return html`<tr class="${isThis && 'this'}">
    <td class="date">
      <span class="wide">${run.started_at.slice(0, 5)}</span>${run.started_at.slice(5, 16).replace('T', ' ')}
    </td>
    <td><span class="chip ${TONES[run.status]}">${run.status}</span></td>
    <td class="num">${count(run.rows.read)}</td>
    <td class="num">${count(badRows(run))}</td>
    <td class="num">${count(loadedRows(run))}</td>
    <td class="num wide">${seconds(run.duration_ms)}</td>
  </tr>`;
}

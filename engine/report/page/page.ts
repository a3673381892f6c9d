/**
 * The report of a run as one page that needs nothing else: no network, no script, no font. A value of the data is always
 * text; the policy in its head would stop a script all the same.
 */
import { count, many, seconds } from '../../../pipeline/markdown';
import { loadedRows, publishedRows, type ReportFile, type TargetReport } from '../../../pipeline/report';
import { balanceSection } from './balance';
import { columnsSection } from './columns';
import { html, type Content, type Html } from './html';
import { placesTable, rulesSection } from './rules';
import { section } from './section';
import { STYLE } from './style';
import { badRows, trendSection } from './trend';
import { percent, verdictOf, type Tone } from './words';

/** Files named on the page; the JSON report has more. */
const FILES_MAX = 12;

/** @param runs the last runs of the pipeline, the oldest first */
export function renderPage(report: ReportFile, runs: readonly ReportFile[]): string {
  const { pipeline, status } = report;
  const body = [
    head(report),
    tiles(report),
    balanceSection(report),
    rulesSection(report) ?? placesSection(report),
    targetsSection(report),
    columnsSection(report),
    trendSection(report, runs),
    stepsSection(report),
    notesSection(report),
    foot(report),
  ];
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${pipeline}: ${status}</title>
        <style>
          ${{ html: STYLE }}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  return page.html;
}

function head(report: ReportFile): Html {
  const { tone, state, headline, text } = verdictOf(report);
  const started = report.started_at.slice(0, 19).replace('T', ' ');
  return html`<p class="top">
      <b>${report.pipeline}</b><span>${started} UTC</span><span>run ${report.run_key}</span>
    </p>
    <div class="verdict ${tone}">
      <p class="state">${state}</p>
      <h1>${headline}</h1>
      ${text.map((one) => html`<p>${one}</p>`)}
    </div> `;
}

function tiles(report: ReportFile): Html {
  const { rows, duration_ms } = report;
  const bad = badRows(report);
  const loaded = loadedRows(report);
  const perSecond = Math.round(rows.read / Math.max(0.001, duration_ms / 1000));
  const tile = (name: string, value: string, remark: Content): Html =>
    html`<div class="tile">
      <dt>${name}</dt>
      <dd>${value}<small>${remark}</small></dd>
    </div>`;
  return html`<dl class="tiles">
    ${[
      tile('Rows read', count(rows.read), many(report.source.files.length, 'file')),
      tile('Rows loaded', count(loaded), report.targets.length > 0 && many(report.targets.length, 'target')),
      tile(
        rows.quarantined > 0 ? 'Quarantined' : 'Rejected',
        count(bad),
        `${percent(bad, rows.read)} of rows`,
      ),
      tile('Took', seconds(duration_ms), rows.read > 0 && `${count(perSecond)} rows/s`),
    ]}
  </dl> `;
}

/** The places of an error that is not about rules of rows. */
function placesSection({ error }: ReportFile): Html | undefined {
  if (!error?.places?.length) return undefined;
  return section('Where', null, placesTable(error.places));
}

const TARGET_TONES: Readonly<Record<TargetReport['status'], Tone>> = {
  published: 'good',
  pending: 'none',
  failed: 'bad',
};

function targetsSection({ targets }: ReportFile): Html | undefined {
  if (targets.length === 0) return undefined;
  const rows = targets.map((target) => {
    const { name, type, mode, status, already, rows_inserted, rows_updated, error } = target;
    const words = { published: 'visible', pending: 'not loaded', failed: 'failed' }[status];
    const detail = already
      ? `${count(already.rows)} by run ${already.run_key}`
      : rows_updated
        ? `${count(rows_inserted ?? 0)} new, ${count(rows_updated)} updated`
        : null;
    return html`<tr>
      <td>
        ${name}<br /><span class="aside">${type}, ${mode}</span>${error && html`<br />${error.message}`}
      </td>
      <td><span class="chip ${TARGET_TONES[status]}">${already ? 'already there' : words}</span></td>
      <td class="num">
        ${count(publishedRows(target))}${detail !== null && html`<br /><span class="aside">${detail}</span>`}
      </td>
    </tr>`;
  });
  return section(
    'Targets',
    'Rows become visible all at once, or not at all.',
    html`<table>
      <thead>
        <tr>
          <th>Target</th>
          <th>State</th>
          <th class="num">Rows loaded</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>`,
  );
}

const STEP_COLOURS = ['--faint', '--blue', '--warn', '--bar', '--good', '--mute', '--soft'];

function stepsSection({ steps, duration_ms, source }: ReportFile): Html | undefined {
  const taken = Object.entries(steps);
  if (taken.length === 0) return undefined;
  const files = source.files.slice(0, FILES_MAX);
  return section(
    'Steps',
    `${seconds(duration_ms)} in all.`,
    html`<div class="stack" style="height:10px" role="img" aria-label="Time by step">
        ${taken.map(
          ([, step], index) =>
            html`<i
              style="--n:${Math.round(step.duration_ms)};--c:var(${STEP_COLOURS[index] ?? '--soft'})"
            ></i>`,
        )}
      </div>
      <ul class="steps">
        ${taken.map(
          ([name, step], index) =>
            html`<li>
              <span
                class="dot"
                style="display:inline-block;--c:var(${STEP_COLOURS[index] ?? '--soft'})"
              ></span>
              ${name}
              <b>${seconds(step.duration_ms)}</b>${step.attempts > 1 && ` in ${step.attempts} attempts`}
            </li>`,
        )}
      </ul>
      ${
        files.length > 0 &&
        html`<p class="sum">
          Read from
          ${files.map(({ path }, index) => html`${index > 0 && ', '}<code>${path}</code>`)}${source.files.length > FILES_MAX && ` and ${many(source.files.length - FILES_MAX, 'more file')}`}.
        </p>`
      }`,
  );
}

function notesSection({ warnings }: ReportFile): Html | undefined {
  if (warnings.length === 0) return undefined;
  return section(
    'Warnings',
    null,
    html`<ul class="notes">
      ${warnings.map((warning) => html`<li>${warning}</li>`)}
    </ul>`,
  );
}

function foot({ run_key, config_digest, verdicts, pipeline }: ReportFile): Html {
  return html`<footer>
    ${verdicts && html`<p>Every verdict is in <code>${verdicts.path}</code>; <code>flexetl report ${pipeline} --run-key ${run_key} --all</code> prints them.</p>`}
    <p>
      Configuration ${config_digest.slice(0, 19) || 'not read'}. Values are cut to 80 characters. The same
      numbers are in the JSON report beside this page.
    </p>
  </footer>`;
}

/** A bar for each rule that rows fail, with the first of them, and the names of the rules that all rows pass. */
import { count, many } from '../../../pipeline/markdown';
import type { Place } from '../../../pipeline/errors';
import type { CheckReport, ReportFile, RuleReport } from '../../../pipeline/report';
import { html, type Html } from './html';
import { section } from './section';
import { percent, type Tone } from './words';

export function rulesSection({ checks, verdicts, rows }: ReportFile): Html | undefined {
  const rules = verdicts?.rules ?? [];
  if (rules.length + checks.length === 0) return undefined;
  const isShown = ({ name, column }: CheckReport): boolean =>
    rules.some((rule) => rule.rule === name && rule.column === (column ?? null));
  const others = checks.filter((check) => check.status !== 'passed' && !isShown(check));
  const passed = checks.filter((check) => check.status === 'passed' && !isShown(check));
  const most = Math.max(...rules.map(({ failing_rows }) => failing_rows));
  const shown = rules.reduce((sum, rule) => sum + rule.failing_rows, 0);
  const remark = verdicts
    ? `${many(verdicts.count, 'verdict')}: one for each rule that a record fails.${verdicts.complete ? '' : ' The run ended before it had read everything.'}`
    : others.length === 0 && 'Every record passed.';
  return section(
    'Checks',
    remark,
    html`${rules.map((rule) => ruleBar(rule, statusOf(rule, checks), most, rows.read))}
    ${others.map(otherCheck)}
    ${
      verdicts !== undefined &&
      verdicts.count > shown &&
      html`<p class="sum">Further rules, which fewer rows fail, are in the verdicts.</p>`
    }
    ${
      passed.length > 0 &&
      html`<div class="passed">
        ${passed.map((check) => html`<span class="chip good">✓ ${nameOf(check)}</span> `)}
      </div>`
    }`,
  );
}

const nameOf = ({ name, column, columns = [] }: CheckReport): string =>
  [name, ...(column === undefined ? columns : [column])].join(' ');

type Status = CheckReport['status'];

const STATUS_TONES: Readonly<Record<Status, Tone>> = { passed: 'none', warned: 'warn', failed: 'bad' };

/** A run that has failed before its checks were decided fails by what is rejected. */
function statusOf({ rule, column, severity }: RuleReport, checks: readonly CheckReport[]): Status {
  const check = checks.find((one) => one.name === rule && (one.column ?? null) === column);
  return check?.status ?? (severity === 'warn' ? 'warned' : 'failed');
}

function ruleBar(rule: RuleReport, status: Status, most: number, read: number): Html {
  const { failing_rows, examples, severity } = rule;
  const tone = STATUS_TONES[status];
  const rest = failing_rows - examples.length;
  const words = status === 'warned' ? (severity === 'warn' ? 'warned, kept' : 'quarantined') : status;
  return html`<div class="rule ${tone}">
    <header>
      <h3>${rule.column ?? 'whole record'}</h3>
      <span class="chip ${tone}">${rule.rule}</span><span class="aside">${words}</span>
      <span class="num"
        ><b>${count(failing_rows)}</b> <span class="aside">${percent(failing_rows, read)} of rows</span></span
      >
    </header>
    <div class="track"><i style="--w:${width(failing_rows, most)}%"></i></div>
    ${placesTable(examples)}${rest > 0 && html`<p class="aside">and ${count(rest)} more</p>`}
  </div>`;
}

/** In tenths of a percent. */
function width(part: number, most: number): number {
  return Math.round((1000 * part) / Math.max(1, most)) / 10;
}

export function placesTable(places: readonly Place[]): Html {
  const rows = places.map(
    ({ file, line, record, value, reason }) =>
      html`<tr>
        <td>
          ${file} <span class="place">line ${line}</span>
          <span class="aside wide">record ${count(record)}</span>
        </td>
        <td>${value !== null && html`<code class="value">${value}</code>`}</td>
        <td>${reason}</td>
      </tr>`,
  );
  return html`<table class="thirds">
    <thead>
      <tr>
        <th>Where</th>
        <th>Value</th>
        <th>What is wrong</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** Of the input as a whole, or of rows that no verdict shows. */
function otherCheck(check: CheckReport): Html {
  const tone = STATUS_TONES[check.status];
  return html`<div class="rule ${tone}">
    <header>
      <h3>${check.column ?? check.columns?.join(', ') ?? 'all rows'}</h3>
      <span class="chip ${tone}">${check.name}</span><span class="aside">${check.status}</span>
      <span class="num"><b>${count(check.failing_rows)}</b> <span class="aside">rows</span></span>
    </header>
  </div>`;
}

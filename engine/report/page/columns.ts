/** A card for each column of the source: its histogram, its ends, nulls and distinct values. */
import { count } from '../../../pipeline/markdown';
import type { ColumnProfile, Histogram, ProfileReport, ReportFile } from '../../../pipeline/report';
import { html, type Html } from './html';
import { section } from './section';
import { percent } from './words';

/** Values of a text column that get a bar. */
const TOPS_MAX = 5;

export function columnsSection({ profile, profile_missing, source }: ReportFile): Html | undefined {
  if (!profile)
    return profile_missing === undefined ? undefined : section('Columns', profile_missing, typesList(source));
  const { rows, rows_total, distinct_exact, columns } = profile;
  if (rows === 0) return undefined;
  const isAll = rows === rows_total;
  const hidden = source.columns.length - columns.length;
  const remark = [
    isAll
      ? `All ${count(rows)} good rows of the source, before transformations.`
      : `A sample: ${count(rows)} of ${count(rows_total)} good rows, the first ones of each part, before transformations. Numbers with ≈ are those of the sample.`,
    isAll &&
      (distinct_exact ? 'All numbers are exact.' : 'Numbers with ≈ are about 1 % off, all others exact.'),
    hidden > 0 && `${hidden} more columns are not shown.`,
  ];
  return section(
    'Columns',
    remark.filter((sentence) => sentence !== false).join(' '),
    html`<div class="cards">${columns.map((column) => card(column, profile))}</div>`,
  );
}

function typesList({ columns }: ReportFile['source']): Html {
  return html`<ul class="legend">
    ${columns.map(({ name, type }) => html`<li><b>${name}</b> <span class="aside">${type}</span></li>`)}
  </ul>`;
}

function card(column: ColumnProfile, { rows, rows_total, distinct_exact }: ProfileReport): Html {
  const { name, type, nulls, distinct, min, max, histogram } = column;
  const isAll = rows === rows_total;
  const isExact =
    isAll && (distinct_exact || (histogram.of === 'values' && histogram.bars.length === distinct));
  return html`<div class="card">
    <h3>${name}<span>${type}</span></h3>
    ${chart(column)}
    <dl class="facts">
      <dt>nulls</dt>
      <dd>${!isAll && nulls > 0 && '≈ '}${nulls === 0 ? 'none' : percent(nulls, rows)}</dd>
      <dt>distinct</dt>
      <dd>${!isExact && '≈ '}${count(distinct)}</dd>
      ${
        min === null
          ? ''
          : html`<dt>min</dt>
              <dd>${!isAll && '≈ '}${min}</dd>
              <dt>max</dt>
              <dd>${!isAll && '≈ '}${max}</dd>`
      }
    </dl>
  </div> `;
}

function chart({ name, type, distinct, histogram: { of, bars } }: ColumnProfile): Html {
  if (bars.length === 0) return html`<p class="aside">Only nulls.</p>`;
  if (of === 'values' && (type === 'string' || type === 'boolean' || bars.length === 1))
    return topValues(bars, distinct);
  const what = { values: 'values', ranges: 'ranges of values', lengths: 'lengths of the texts' }[of];
  const [first = '', last = ''] = [bars[0]?.label, bars.at(-1)?.label];
  const ends = of === 'values' ? [first, last] : [first.split(' – ')[0], last.split(' – ').at(-1)];
  return html`${columnChart(`Histogram of ${name}, by ${what}`, bars)}
    <p class="ends">
      <span>${ends[0]}</span><span>${of === 'lengths' && 'characters '}</span><span>${ends[1]}</span>
    </p>`;
}

const WIDTH = 240;
const HEIGHT = 56;

function columnChart(label: string, bars: Histogram['bars']): Html {
  const most = Math.max(...bars.map((bar) => bar.rows), 1);
  const step = WIDTH / bars.length;
  const rects = bars.map((bar, index) => {
    // A bar of few rows beside one of millions must still be seen.
    const height = bar.rows === 0 ? 0 : Math.max(2, Math.round((HEIGHT * bar.rows) / most));
    const x = Math.round(10 * index * step) / 10;
    return html`<rect
      x="${x}"
      y="${HEIGHT - height}"
      width="${Math.round(10 * (step - 2)) / 10}"
      height="${height}"
      rx="1.5"
      ><title>${bar.label}: ${count(bar.rows)}</title></rect
    >`;
  });
  return html`<svg
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    ${rects}
  </svg>`;
}

function topValues(bars: Histogram['bars'], distinct: number): Html {
  const most = Math.max(...bars.map((bar) => bar.rows), 1);
  const hidden = distinct - TOPS_MAX;
  const rows = bars.slice(0, hidden === 1 ? TOPS_MAX + 1 : TOPS_MAX).map(
    (bar) =>
      html`<li>
        <span title="${bar.label}">${bar.label === '' ? 'empty' : bar.label}</span
        ><span>${count(bar.rows)}</span
        ><span class="track"><i style="--w:${Math.round((100 * bar.rows) / most)}%"></i></span>
      </li>`,
  );
  return html`<ul class="tops">
      ${rows}
    </ul>
    ${hidden > 1 && html`<p class="aside">and ${hidden} other values</p>`}`;
}

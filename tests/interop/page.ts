/** docs/truth-table.md. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { TRUTH, TRUTH_ROWS } from '../support/truth';
import type { Cell } from './compare';
import type { Result } from './run';

const TITLES = { flexetl: 'FlexETL', pandas: 'pandas', duckdb: 'bare DuckDB' } as const;

export async function writePage(path: string, results: readonly Result[], versions: string): Promise<void> {
  const sections = Object.entries(TITLES).map(([system, title]) => {
    const own = results.filter((result) => result.system === system);
    return [`## ${title}`, sumLine(own), table(own), ...(system === 'flexetl' ? [] : [examples(own)])].join(
      '\n\n',
    );
  });
  const text = [INTRODUCTION(versions), ...sections].join('\n\n');
  writeFileSync(path, await format(text, { parser: 'markdown', printWidth: 140 }));
}

const INTRODUCTION = (versions: string): string => `# Truth table

${TRUTH.length} columns of extreme values go from each source to each target, and are read back by programs that are not FlexETL: Python's own
sqlite3 and csv, pyarrow, psycopg. The same files go through pandas and through DuckDB alone. \`npm run test:interop\` does all of it and
writes this page; it fails when FlexETL alters one value.

A ✔ means that all ${TRUTH_ROWS} rows of the column read back as they were; a number is how many of them did not; \`fails\`
means that the column could not be loaded at all. For pandas and DuckDB a value counts
as unaltered if it is equal, or still has the text of the source, whatever its type. Both run with their defaults, and are told how
a null is written; they read JSON column by column, as one
value that they cannot read fails the file; DuckDB reaches databases by way of pandas, as its own extensions for them are downloads. SQLite has no -0.0: it reads
back as 0.0, the same number. Versions: ${versions}.`;

export function sumLine(results: readonly Result[]): string {
  const { values, altered } = sumOf(results);
  return `${values.toLocaleString('en')} values, ${altered.toLocaleString('en')} altered.`;
}

export function sumOf(results: readonly Result[]): { values: number; altered: number } {
  const cells = results.flatMap((result) => result.cells);
  return { values: cells.length * TRUTH_ROWS, altered: cells.reduce((sum, cell) => sum + cell.altered, 0) };
}

function table(results: readonly Result[]): string {
  const header = ['column', ...results.map(({ source, target }) => `${source} → ${target}`)];
  const lines = TRUTH.map(({ name }, column) => [
    `\`${name}\``,
    ...results.map(({ cells }) => show(cells[column])),
  ]);
  return [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function show(cell: Cell | undefined): string {
  if (cell?.error !== undefined) return 'fails';
  return cell?.altered === 0 ? '✔' : String(cell?.altered);
}

/** What is lost: for each column the first example. */
function examples(results: readonly Result[]): string {
  const lines = TRUTH.flatMap(({ name }, column) => {
    const bad = results.find(({ cells }) => cells[column]?.altered !== 0);
    const cell = bad?.cells[column];
    if (!bad || !cell) return [];
    const { example, error } = cell;
    const what = example
      ? `${code(example.was)} became ${code(example.is)}`
      : `fails: ${code(error ?? null)}`;
    return [`- \`${name}\`, ${bad.source} → ${bad.target}: ${what}`];
  });
  return lines.join('\n');
}

function code(text: string | null): string {
  if (text === null) return 'null';
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  // Marks that no editor shows, or that turn the text around.
  const plain = shown.replace(
    /[\u200b\u202e\ufeff]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return plain.includes('`') ? `\`\` ${plain} \`\`` : `\`${plain}\``;
}

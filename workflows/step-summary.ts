/** What the Web UI shows beside the name of a step, and what tells its calls in flight apart. */
import { bytes, count, many } from '../pipeline/markdown';
import type { TargetReport } from '../pipeline/report';
import type { Prepared, RunState } from './run-state';

export function land(partition: number): string {
  return `part ${partition + 1}`;
}

/** As `data/sales_data.csv, 494 KB`. */
export function extract({ files, bytes: size, partitions }: Prepared, partition: number): string {
  const [first] = files;
  const what = files.length === 1 && first ? first.path : `${count(files.length)} files`;
  return partOf(partition, partitions, files.length === 0 ? '' : `${what}, ${bytes(size)}`);
}

/** As `12,000 rows, 0 rejected`. */
export function validate({ read, rejected }: RunState): string {
  return `${rows(read - rejected)}, ${count(rejected)} rejected`;
}

export function transform({ read, rejected }: RunState, part: number, parts: number): string {
  return partOf(part, parts, parts === 1 ? rows(read - rejected) : '');
}

/** As `sqlite:output/sales.db, 8,132 rows`. */
export function load({ output }: RunState, target: TargetReport, part: number, parts: number): string {
  return partOf(part, parts, `${target.name}, ${rows(output)}`);
}

export function publish({ name, rows_loaded }: TargetReport): string {
  return `${name}, ${rows(rows_loaded)}`;
}

const rows = (number: number): string => many(number, 'row');

/** @param parts null where it is not known */
function partOf(part: number, parts: number | null, what: string): string {
  if (parts === 1) return what;
  return [`part ${part + 1}${parts === null ? '' : ` of ${parts}`}`, what].filter(Boolean).join(' · ');
}

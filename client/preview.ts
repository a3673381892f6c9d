/** `flexetl preview`: the first rows as a run would load them, made from the head of the source. */
import { previewRows } from '../engine/preview';
import { many } from '../pipeline/markdown';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type PipelineOptions } from './load-pipeline';
import { formatTable, printJson, printLine, printNote } from './print';
import { withRehearsal } from './rehearsal';
import { wholeNumber } from './whole-number';

export async function previewCommand(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions & { rows: string },
): Promise<number> {
  const rowsMax = wholeNumber('--rows', options.rows);
  const { config } = await loadPipeline(context, name, options);
  const { header, rows, read, rejected, complete, warnings } = await withRehearsal(
    context,
    config,
    async ({ deps, plan, run, step }) => ({
      ...(await previewRows(deps, run, plan, step, rowsMax)),
      warnings: plan.survey.warnings ?? [],
    }),
  );
  if (context.json) {
    printJson(context, {
      rows: rows.map((row) =>
        Object.fromEntries(header.map((column, index) => [column, row[index] ?? null])),
      ),
      records: read,
      rejected,
      complete,
    });
  } else {
    const texts = rows.map((row) => row.map((value) => value ?? 'null'));
    for (const line of formatTable(header, texts)) printLine(context, line);
  }
  for (const warning of warnings) printNote(context, `warning: ${warning}`);
  const records = complete
    ? `From all ${many(read, 'record')} of the source`
    : `From the first ${many(read, 'record')} of the source: totals are partial`;
  const left = rejected > 0 ? `; ${rejected} of them would be rejected and are left out` : '';
  printNote(context, `${records}${left}.`);
  return EXIT.done;
}

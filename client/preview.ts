/** `flexetl preview`: the first rows as a run would load them, made from the head of the source. */
import { MISFIT_COLUMN, stageSql } from '../pipeline/extract-sql';
import { sourceOf, sessionOptions } from '../engine/plan';
import { runStatements } from '../engine/transform';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { RECORD_COLUMN } from '../pipeline/columns';
import { stagedSchema, typedColumn } from '../pipeline/schema';
import { ident } from '../pipeline/sql';
import { planTransforms } from '../pipeline/transforms/plan';
import { planTransformSql } from '../pipeline/transforms/transform-sql';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import { pluginsOf } from '../engine/resolve-config';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type PipelineOptions } from './load-pipeline';
import { formatTable, many, printJson, printLine, printNote } from './print';
import { withRehearsal, type Rehearsal } from './rehearsal';

export async function previewCommand(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions & { rows: string },
): Promise<number> {
  const rowsMax = Number(options.rows);
  if (!Number.isInteger(rowsMax) || rowsMax < 1) {
    throw new FlexetlError('USAGE', {
      message: `--rows is ${options.rows}.`,
      hint: 'Give a whole number above 0.',
    });
  }
  const { config } = await loadPipeline(context, name, options);
  const { header, rows, read, misfits } = await withRehearsal(context, config, (rehearsal) =>
    previewRows(rehearsal, rowsMax),
  );
  if (context.json) {
    printJson(
      context,
      rows.map((row) => Object.fromEntries(header.map((column, index) => [column, row[index] ?? null]))),
    );
  } else {
    for (const line of formatTable(
      header,
      rows.map((row) => row.map((value) => value ?? 'null')),
    ))
      printLine(context, line);
  }
  printNote(
    context,
    `From the first ${many(read, 'record')}${misfits > 0 ? `; ${misfits} of them would be refused and are left out` : ''}.`,
  );
  return EXIT.done;
}

interface Preview {
  header: string[];
  rows: (string | null)[][];
  read: number;
  misfits: number;
}

async function previewRows({ deps, plan, tools }: Rehearsal, rowsMax: number): Promise<Preview> {
  const { config, columns, needs } = plan;
  const { source, options } = sourceOf(deps, config);
  const schema = stagedSchema(columns, needs);
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  return withDuckdb(sessionOptions(config, tools), async (db) => {
    const read = await readHead({ deps, plan, tools }, db);
    const checked = columns.map((column) => typedColumn(column, needs));
    const staged = new Set(schema.map((column) => column.name));
    await db.run(`CREATE TABLE typed AS ${stageSql('head', checked, staged, source.textRules(options))}`);
    const { misfits } = await db.one(`SELECT count(*) FILTER (${MISFIT_COLUMN})::INT AS misfits FROM typed`);
    const names = schema.map((column) => ident(column.name)).join(', ');
    const input = `SELECT ${names}, rowid AS ${ident(RECORD_COLUMN)} FROM typed WHERE NOT ${MISFIT_COLUMN}`;
    const sql = planTransformSql(steps, { rows: input }, schema);
    await runStatements(db, sql.statements);
    const header = (steps.at(-1)?.plan.schema ?? schema).map((column) => column.name);
    const texts = header.map((column) => `CAST(${ident(column)} AS VARCHAR) AS ${ident(column)}`).join(', ');
    const found = await db.all(`SELECT ${texts} FROM (${sql.output}) LIMIT ${rowsMax}`);
    const rows = found.map((row) => header.map((column) => (row[column] as string | null) ?? null));
    return { header, rows, read, misfits: Number(misfits) };
  });
}

/** The head of the source as texts, in a table named `head`. */
async function readHead({ deps, plan, tools }: Rehearsal, db: Duckdb): Promise<number> {
  const { source, options } = sourceOf(deps, plan.config);
  const names = plan.survey.columns.map((name) => `${ident(name)} VARCHAR`).join(', ');
  await db.run(`CREATE TABLE head (${names})`);
  const appender = await db.connection.createAppender('head');
  let read = 0;
  const [chunk] = plan.chunks;
  for await (const { values } of chunk ? source.records(options, plan.survey, chunk, tools) : []) {
    if (!values) continue;
    for (const value of values) {
      if (value === null) appender.appendNull();
      else appender.appendVarchar(value);
    }
    appender.endRow();
    read += 1;
    if (read >= LIMITS.sampleRecordsMax) break;
  }
  appender.closeSync();
  return read;
}

/** `flexetl status` and `flexetl history`: the runs that Temporal knows. */
import { listNewestRuns, listRuns, withWaits, type RunSummary } from '../control/list-runs';
import { count, seconds } from '../pipeline/markdown';
import { hintForName } from '../pipeline/suggest';
import { listPipelines, noProject } from '../runtime/config-file';
import { isProject } from '../runtime/find-project';
import { EXIT, type CommandContext } from './context';
import { formatTable, printJson, printLine, printNote } from './print';
import { mayHaveRuns, withSession } from './session';
import { wholeNumber } from './whole-number';

/** The newest run of each pipeline, open or not. */
export async function statusCommand(context: CommandContext, name: string | undefined): Promise<number> {
  if (!mayHaveRuns(context)) return show(context, [], name);
  return withSession(context, async ({ client, project }) => {
    const runs = await listNewestRuns(client, { project: project.name, pipeline: name });
    return show(context, await withWaits(client, project.name, runs), name);
  });
}

export async function historyCommand(
  context: CommandContext,
  name: string | undefined,
  options: { limit: string },
): Promise<number> {
  const limit = wholeNumber('--limit', options.limit);
  if (!mayHaveRuns(context)) return show(context, [], name);
  return withSession(context, async ({ client, project }) =>
    show(context, await listRuns(client, { project: project.name, pipeline: name, limit }), name),
  );
}

async function show(
  context: CommandContext,
  runs: readonly RunSummary[],
  name: string | undefined,
): Promise<number> {
  if (context.json) {
    printJson(context, runs);
    return EXIT.done;
  }
  if (runs.length === 0) printNote(context, await explainNone(context, name));
  else printRuns(context, runs);
  return EXIT.done;
}

/** A pipeline without runs, or a name that was misspelt. */
async function explainNone({ settings }: CommandContext, name: string | undefined): Promise<string> {
  const known = await listPipelines(settings.projectDir);
  if (!isProject(settings.projectDir)) return `No runs yet. ${noProject(settings.projectDir)}`;
  if (name === undefined) return 'No runs yet. Start one with `flexetl run`.';
  if (known.includes(name)) return `No runs of ${name} yet. Start one with \`flexetl run ${name}\`.`;
  return `No runs of ${name}, and no such pipeline in configs/. ${hintForName(name, known, 'pipelines')}`;
}

function printRuns(context: CommandContext, runs: readonly RunSummary[]): void {
  const rows = runs.map((run) => [
    run.pipeline,
    run.status,
    run.run_key,
    run.started_at,
    run.duration_ms === null ? '' : seconds(run.duration_ms),
    run.rows === null ? '' : count(run.rows),
    run.error === null ? '' : errorCell(run.error),
  ]);
  for (const line of formatTable(['pipeline', 'status', 'run key', 'started', 'took', 'rows', 'error'], rows))
    printLine(context, line.trimEnd());
  for (const { pipeline, waiting_for } of runs)
    if (waiting_for !== undefined) printLine(context, `${pipeline}: waiting for ${waiting_for}`);
}

/** The code, and of the message as much as fits into a line; all of it is in the report. */
function errorCell({ code, message }: NonNullable<RunSummary['error']>): string {
  const [line = ''] = message.split('\n');
  return `${code} ${line.length > ERROR_CHARS ? `${line.slice(0, ERROR_CHARS - 1)}…` : line}`;
}

const ERROR_CHARS = 80;

/** `flexetl status` and `flexetl history`: the runs that Temporal knows. */
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { seconds } from '../pipeline/markdown';
import { FlexetlError } from '../pipeline/errors';
import { workflowIdOf } from '../workflows/messages';
import { EXIT, type CommandContext } from './context';
import { formatTable, printJson, printLine, printNote } from './print';
import { withSession, type Session } from './session';

interface RunLine {
  pipeline: string;
  status: string;
  run_key: string;
  started_at: string;
  duration_ms: number | null;
  run_id: string;
}

/** The newest run of each pipeline, open or not. */
export async function statusCommand(context: CommandContext, name: string | undefined): Promise<number> {
  return withSession(context, async (session) => {
    const newest = new Map<string, RunLine>();
    for await (const run of listRuns(session, name)) {
      if (!newest.has(run.pipeline)) newest.set(run.pipeline, run);
    }
    return show(context, [...newest.values()], name);
  });
}

export async function historyCommand(
  context: CommandContext,
  name: string | undefined,
  options: { limit: string },
): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new FlexetlError('USAGE', {
      message: `--limit is ${options.limit}.`,
      hint: 'Give a whole number above 0.',
    });
  }
  return withSession(context, async (session) => {
    const runs: RunLine[] = [];
    for await (const run of listRuns(session, name)) {
      runs.push(run);
      if (runs.length >= limit) break;
    }
    return show(context, runs, name);
  });
}

async function* listRuns(session: Session, name: string | undefined): AsyncIterable<RunLine> {
  // A pipeline's name has no quotes: it was matched against its pattern when the run was started.
  const filter = name === undefined ? '' : ` AND WorkflowId = ${JSON.stringify(workflowIdOf(name))}`;
  const query = `WorkflowType = "pipeline"${filter}`;
  for await (const info of session.client.workflow.list({ query })) {
    if (info.workflowId.startsWith('flexetl/')) yield lineOf(info);
  }
}

function lineOf(info: WorkflowExecutionInfo): RunLine {
  const key = info.memo?.['run_key'];
  return {
    pipeline: info.workflowId.slice('flexetl/'.length),
    status: info.status.name.toLowerCase().replace('completed', 'succeeded'),
    run_key: typeof key === 'string' ? key : '',
    started_at: info.startTime.toISOString(),
    duration_ms: info.closeTime ? info.closeTime.getTime() - info.startTime.getTime() : null,
    run_id: info.runId,
  };
}

function show(context: CommandContext, runs: readonly RunLine[], name: string | undefined): number {
  if (context.json) {
    printJson(context, runs);
    return EXIT.done;
  }
  if (runs.length === 0) {
    printNote(
      context,
      `No runs${name === undefined ? '' : ` of ${name}`} yet. Start one with \`flexetl run\`.`,
    );
    return EXIT.done;
  }
  const rows = runs.map((run) => [
    run.pipeline,
    run.status,
    run.run_key,
    run.started_at,
    run.duration_ms === null ? '' : seconds(run.duration_ms),
  ]);
  for (const line of formatTable(['pipeline', 'status', 'run key', 'started', 'took'], rows))
    printLine(context, line);
  return EXIT.done;
}

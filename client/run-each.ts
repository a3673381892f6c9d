/** Several pipelines in one command: each is run, whatever became of the one before. */
import { FlexetlError } from '../pipeline/errors';
import { many } from '../pipeline/markdown';
import { EXIT, type CommandContext } from './context';
import type { AskedPipeline, LoadedPipeline } from './load-pipeline';
import { printError, printJson, printLine } from './print';

/**
 * Ends after a signal; the pipelines that are left are not run.
 * @param run runs one, prints its report, and gives its exit code
 * @returns the highest exit code
 */
export async function runEach(
  context: CommandContext,
  asked: readonly AskedPipeline[],
  stopped: AbortSignal,
  run: (context: CommandContext, pipeline: LoadedPipeline) => Promise<number>,
): Promise<number> {
  const results: unknown[] = [];
  const one = context.json ? { ...context, results } : context;
  const failed: string[] = [];
  let done = 0;
  let exit: number = EXIT.done;
  for (const { name, load } of asked) {
    if (stopped.aborted) break;
    if (!context.json) printLine(context, `\n── ${name}`);
    const code = await runOrExplain(one, name, async () => run(one, await load()));
    if (code === EXIT.done) done += 1;
    else failed.push(name);
    exit = Math.max(exit, code);
  }
  if (context.json) printJson(context, results);
  else {
    const left = asked.length - done - failed.length;
    const others = [
      ...(failed.length > 0 ? [`failed: ${failed.join(', ')}`] : []),
      ...(left > 0 ? [`${left} not run`] : []),
    ];
    printLine(context, `\n${[`${done} of ${many(asked.length, 'pipeline')} done`, ...others].join('; ')}`);
  }
  return exit;
}

async function runOrExplain(
  context: CommandContext,
  name: string,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof FlexetlError)) throw error;
    return printError(context, error, name);
  }
}

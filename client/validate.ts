/** `flexetl validate`: checks pipeline files, all problems at once; needs no server and no data. */
import { FlexetlError, messageOf } from '../pipeline/errors';
import { listPipelines } from '../runtime/config-file';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type PipelineOptions } from './load-pipeline';
import { printError, printJson, printLine } from './print';

export async function validateCommand(
  context: CommandContext,
  names: readonly string[],
  options: PipelineOptions & { all?: boolean },
): Promise<number> {
  const wanted = options.all ? await listPipelines(context.settings.projectDir) : names;
  const pipelines: (string | undefined)[] =
    options.config === undefined && wanted.length > 0 ? [...wanted] : [wanted[0]];
  const results: { pipeline: string; valid: boolean; problem?: string }[] = [];
  let exit: number = EXIT.done;
  for (const name of pipelines) {
    const shown = name ?? options.config ?? '';
    try {
      const { config } = await loadPipeline(context, name, options);
      results.push({ pipeline: config.name, valid: true });
      if (!context.json) printLine(context, `✔ ${config.name} is valid`);
    } catch (error) {
      if (!(error instanceof FlexetlError)) throw error;
      results.push({ pipeline: shown, valid: false, problem: messageOf(error) });
      exit = printError({ ...context, json: false }, error);
    }
  }
  if (context.json) printJson(context, results);
  return exit;
}

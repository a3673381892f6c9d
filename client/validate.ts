/** `flexetl validate`: checks pipeline files, all problems at once; needs no server and no data. */
import { FlexetlError, messageOf } from '../pipeline/errors';
import { EXIT, type CommandContext } from './context';
import { selectPipelines, type SelectOptions } from './load-pipeline';
import { printError, printJson, printLine } from './print';

export async function validateCommand(
  context: CommandContext,
  names: readonly string[],
  options: SelectOptions,
): Promise<number> {
  const results: { pipeline: string; valid: boolean; problem?: string }[] = [];
  let exit: number = EXIT.done;
  for (const { name, load } of await selectPipelines(context, names, options)) {
    try {
      const { config } = await load();
      results.push({ pipeline: config.name, valid: true });
      if (!context.json) printLine(context, `✔ ${config.name} is valid`);
    } catch (error) {
      if (!(error instanceof FlexetlError)) throw error;
      results.push({ pipeline: name, valid: false, problem: messageOf(error) });
      exit = printError({ ...context, json: false }, error);
    }
  }
  if (context.json) printJson(context, results);
  return exit;
}

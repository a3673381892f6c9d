/** `flexetl schema`: the JSON Schema of pipeline files, for editors. */
import { PLUGINS } from '../worker/plugins';
import { EXIT, type CommandContext } from './context';
import { buildJsonSchema } from '../pipeline/config/json-schema';
import { printJson } from './print';

export function schemaCommand(context: CommandContext): number {
  printJson(context, buildJsonSchema(PLUGINS));
  return EXIT.done;
}

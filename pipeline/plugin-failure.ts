/** Errors of a plugin's own code or SQL. */
import { FlexetlError, messageOf } from './errors';
import { LIMITS } from './limits';

/**
 * Calls a function of a plugin.
 * @param where names the plugin and its step, for messages
 * @throws FlexetlError its own, or PLUGIN_FAILED for anything else that it threw
 */
export function callPlugin<T>(where: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof FlexetlError ? error : pluginFailure(where, messageOf(error), error);
  }
}

/** PLUGIN_FAILED, with the first line of what was thrown. */
export function pluginFailure(where: string, thrown: string, cause?: unknown): FlexetlError {
  const [line = ''] = thrown.split('\n');
  return new FlexetlError('PLUGIN_FAILED', {
    message: `${where} failed: ${line.slice(0, LIMITS.pluginMessageCharsMax)}`,
    hint: 'Correct the plugin. The stack is in the log file.',
    cause,
  });
}

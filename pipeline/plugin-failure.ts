/** Errors of a plugin's own code or SQL, and the module that a plugin of a user's own comes from. */
import { ERROR_CODES, FlexetlError, messageOf, type ErrorCode, type Place } from './errors';
import { LIMITS } from './limits';

const modules = new WeakMap<object, string>();

/** @param module as the pipeline file names it */
export function setModule(plugin: object, module: string): void {
  modules.set(plugin, module);
}

/** The module of a plugin of a user's own; undefined for one of FlexETL. */
export function moduleOf(plugin: object): string | undefined {
  return modules.get(plugin);
}

/** A plugin for messages: `filter`, or `shout (./plugins/shout.js)`. */
export function pluginName(plugin: { type: string }): string {
  const module = moduleOf(plugin);
  return module === undefined ? plugin.type : `${plugin.type} (${module})`;
}

/**
 * Calls a function of a plugin.
 * @param where names the plugin and its step, for messages
 * @throws FlexetlError its own, or PLUGIN_FAILED for anything else that it threw
 */
export function callPlugin<T>(where: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ownError(error) ?? pluginFailure(where, messageOf(error), { cause: error });
  }
}

/** An error that a plugin made on purpose, also with another copy of FlexETL, which its project may have installed. */
export function ownError(error: unknown): FlexetlError | undefined {
  if (error instanceof FlexetlError) return error;
  const { name, code, hint, places } = (error ?? {}) as Partial<FlexetlError>;
  if (name !== 'FlexetlError' || !Object.hasOwn(ERROR_CODES, code ?? '')) return undefined;
  return new FlexetlError(code as ErrorCode, {
    message: messageOf(error),
    hint,
    places: places as readonly Place[],
    cause: error,
  });
}

/**
 * PLUGIN_FAILED, with the first line of what was thrown.
 * @param retryable what the plugin works with may have failed, and not the plugin
 */
export function pluginFailure(
  where: string,
  thrown: string,
  { cause, retryable = false }: { cause?: unknown; retryable?: boolean } = {},
): FlexetlError {
  const [line = ''] = thrown.split('\n');
  return new FlexetlError('PLUGIN_FAILED', {
    message: `${where} failed: ${line.slice(0, LIMITS.pluginMessageCharsMax)}`,
    hint: retryable
      ? 'Check what the plugin works with, or correct the plugin. The stack is in the log file.'
      : 'Correct the plugin. The stack is in the log file.',
    retryable,
    cause,
  });
}

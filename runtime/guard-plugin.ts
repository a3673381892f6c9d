/** Sources and targets of a user's own, so that whatever their code throws is an error that names their file. */
import { messageOf } from '../pipeline/errors';
import { ownError, pluginFailure } from '../pipeline/plugin-failure';

/**
 * The same object with every function guarded: what it throws, rejects with or yields, and the functions of the objects
 * that it returns. An error is PLUGIN_FAILED and tried again, as what a source or target works with may be back then; a
 * FlexetlError stays as it is.
 * @param name of the plugin, for messages: `source my_source (./my-source.js)`
 */
export function guardPlugin<T extends object>(plugin: T, name: string): T {
  const guarded = new Map<PropertyKey, unknown>();
  // Not over the plugin itself, which may be frozen: a proxy must then give its functions as they are.
  return new Proxy(Object.create(null) as T, {
    has: (_, property) => property in plugin,
    get(_, property) {
      const value: unknown = Reflect.get(plugin, property, plugin);
      if (typeof value !== 'function') return value;
      if (!guarded.has(property))
        guarded.set(property, guardFunction(plugin, value as Call, String(property), name));
      return guarded.get(property);
    },
  });
}

type Call = (...args: unknown[]) => unknown;

function guardFunction(owner: object, call: Call, property: string, name: string): Call {
  const explain = (error: unknown): unknown => {
    // A full disk is waited for.
    if ((error as NodeJS.ErrnoException | null)?.code === 'ENOSPC') return error;
    const where = `${property} of the ${name}`;
    return ownError(error) ?? pluginFailure(where, messageOf(error), { cause: error, retryable: true });
  };
  return (...args) => {
    try {
      const result = Reflect.apply(call, owner, args);
      if (isPromise(result))
        return result.then(undefined, (error: unknown) => {
          throw explain(error);
        });
      if (isAsyncIterable(result)) return guardItems(result, explain);
      return property === 'open' ? guardPlugin(result as object, name) : result;
    } catch (error) {
      throw explain(error);
    }
  };
}

async function* guardItems(items: AsyncIterable<unknown>, explain: (error: unknown) => unknown) {
  try {
    yield* items;
  } catch (error) {
    throw explain(error);
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | null | undefined)?.then === 'function';
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

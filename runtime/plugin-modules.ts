/** A user's modules of plugins: files of the project, or installed packages; CommonJS or ES modules. */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { LoadedPlugins } from '../pipeline/config/parse';
import type { Plugins } from '../pipeline/config/schema';
import { messageOf } from '../pipeline/errors';
import { setModule } from '../pipeline/plugin-failure';
import { guardPlugin } from './guard-plugin';

/**
 * Adds the plugins of the modules that a pipeline file names. A module is loaded once per process, and again when its
 * file has changed; an ES module stays as it was first loaded.
 * @param modules `./my-source.js` relative to the project, or the name of a package that the project has installed
 */
export function loadPluginModules(
  modules: readonly string[],
  plugins: Plugins,
  projectDir: string,
): LoadedPlugins {
  const problems: { index: number; message: string }[] = [];
  let all = plugins;
  modules.forEach((module, index) => {
    try {
      all = addPlugins(all, loadModule(module, projectDir));
    } catch (error) {
      problems.push({ index, message: `${module}: ${messageOf(error)}` });
    }
  });
  return { plugins: all, problems };
}

type Kind = keyof Plugins;
type AnyPlugin = Plugins[Kind][number];
interface Found {
  kind: Kind;
  plugin: AnyPlugin;
}

const cache = new Map<string, { mtimeMs: number; found: readonly Found[] }>();

function loadModule(module: string, projectDir: string): readonly Found[] {
  const isFile = /^\.{0,2}\//.test(module);
  const require = createRequire(join(projectDir, 'package.json'));
  const path = isFile ? resolve(projectDir, module) : resolvePackage(require, module);
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file) throw new Error('the project has no such file.');
  if (!file.isFile()) throw new Error('it is not a file.');
  const { mtimeMs } = file;
  const cached = cache.get(path);
  if (cached?.mtimeMs === mtimeMs) return cached.found;
  if (cached) delete require.cache[path];
  let exports: unknown;
  try {
    exports = require(path);
  } catch (error) {
    throw new Error(`it cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
  const found = findPlugins(exports).map((one) => own(one, module));
  cache.set(path, { mtimeMs, found });
  return found;
}

/** A plugin of a module: what goes wrong in it names the module. */
function own({ kind, plugin }: Found, module: string): Found {
  // The code of transforms and checks is called once, by who knows their place in the pipeline file.
  const isCalled = kind === 'sources' || kind === 'targets';
  const guarded = isCalled ? guardPlugin(plugin, `${kind.slice(0, -1)} ${plugin.type} (${module})`) : plugin;
  setModule(guarded, module);
  return { kind, plugin: guarded };
}

function resolvePackage(require: NodeJS.Require, name: string): string {
  try {
    return require.resolve(name);
  } catch (error) {
    throw new Error(
      `the project has no such package. Install it, or write ./${name} for a file of the project.`,
      { cause: error },
    );
  }
}

/** Exports that are plugins by their shape, and those of an exported list `plugins`. */
function findPlugins(exports: unknown): readonly Found[] {
  const named = isObject(exports) ? Object.values(exports) : [];
  const found = new Map<unknown, Found>();
  for (const one of [exports, ...named.flat()]) {
    const kind = kindOf(one);
    if (kind !== undefined) found.set(one, { kind, plugin: checkPlugin(one as AnyPlugin) });
  }
  if (found.size > 0) return [...found.values()];
  throw new Error(
    'it exports no plugin, expected exports made by defineSource, defineTarget, defineTransform or defineCheck.',
  );
}

/** Each kind has a property that no other kind has; see plugin/. */
function kindOf(value: unknown): Kind | undefined {
  if (!isObject(value) || !('type' in value)) return undefined;
  if (value.kind === 'records' || value.kind === 'files') return 'sources';
  if ('capabilities' in value) return 'targets';
  if (typeof value.plan === 'function') return 'transforms';
  return typeof value.compile === 'function' ? 'checks' : undefined;
}

function checkPlugin(plugin: AnyPlugin): AnyPlugin {
  const { type, description, options } = plugin as { type: unknown; description: unknown; options: unknown };
  if (typeof type !== 'string' || !/^[a-z][a-z0-9_]*$/.test(type)) {
    throw new Error(`the type of a plugin is ${JSON.stringify(type)}, expected a word, as in my_source.`);
  }
  if (typeof description !== 'string') {
    throw new Error(`the plugin "${type}" has no description, expected one sentence.`);
  }
  if (!(options instanceof z.ZodObject)) {
    throw new Error(`the options of the plugin "${type}" are not a z.strictObject.`);
  }
  return plugin;
}

function addPlugins(plugins: Plugins, found: readonly Found[]): Plugins {
  const all: Record<Kind, readonly AnyPlugin[]> = { ...plugins };
  for (const { kind, plugin } of found) {
    if (all[kind].some(({ type }) => type === plugin.type)) {
      const noun = kind.slice(0, -1);
      throw new Error(`the ${noun} "${plugin.type}" exists already, expected another type.`);
    }
    all[kind] = [...all[kind], plugin];
  }
  return all as unknown as Plugins;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

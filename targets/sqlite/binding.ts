/**
 * SQLite for the Node that runs: better-sqlite3 in one of two versions with the same interface.
 *
 * 12 ends the process on Node 24.19 and later as soon as a statement is collected (nodejs/node#65446). 13 does not,
 * but needs version 10 of Node-API, which Node 22.14 and 23.6 and all later have, and crashes on Node 20.
 * docs/decisions/0010-two-sqlite-bindings.md
 */
import type Database from 'better-sqlite3';
import { FlexetlError, messageOf } from '../../pipeline/errors';

export type Sqlite = Database.Database;
export type SqliteStatement = Database.Statement;

export type BindingName = 'better-sqlite3' | 'better-sqlite3-13';

/** What 13 is compiled for. */
const NODE_API_OF_13 = 10;
/** The first on which 12 ends the process. */
const NODE_WITHOUT_12 = 24;

let binding: typeof Database | undefined;

/**
 * Opens a SQLite file, or `:memory:`.
 * @throws FlexetlError TARGET_INVALID when no binding can be loaded; errors of SQLite as the binding has them
 */
export function openSqlite(file: string, options: Database.Options = {}): Sqlite {
  binding ??= loadBinding(chooseBindings(process.versions), (name) =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the other one may not be installed here
    name === 'better-sqlite3' ? require('better-sqlite3') : require('better-sqlite3-13'),
  );
  return new binding(file, options);
}

/** @returns the packages that this version of Node can load, the better one first */
export function chooseBindings(versions: NodeJS.ProcessVersions): BindingName[] {
  const names: BindingName[] = [];
  if (Number(versions['napi']) >= NODE_API_OF_13) names.push('better-sqlite3-13');
  if (parseInt(versions.node, 10) < NODE_WITHOUT_12) names.push('better-sqlite3');
  return names;
}

/**
 * Loads the first package that works: one may have been installed without its native part.
 * @throws FlexetlError TARGET_INVALID
 */
export function loadBinding(
  names: readonly BindingName[],
  load: (name: BindingName) => unknown,
): typeof Database {
  const failures: string[] = [];
  for (const name of names) {
    try {
      const loaded = load(name) as typeof Database;
      new loaded(':memory:').close();
      return loaded;
    } catch (cause) {
      failures.push(`${name} does not load: ${firstLine(messageOf(cause))}`);
    }
  }
  throw new FlexetlError('TARGET_INVALID', {
    message: `SQLite cannot be used with Node ${process.version} on ${process.platform} ${process.arch}: ${failures.join('; ')}`,
    hint: names.includes('better-sqlite3-13')
      ? 'Run `npm ci --ignore-scripts && npm run build` with this Node: nothing has to be compiled.'
      : 'Run `npm ci` again where a C++ toolchain and Python are installed, or use Node 22.14 or later, which needs neither.',
  });
}

/** Without the list of places that were searched. */
function firstLine(text: string): string {
  return text.split(/ Tried:|\n/, 1)[0] ?? '';
}

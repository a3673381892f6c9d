import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { chooseBindings, loadBinding, openSqlite } from '../../targets/sqlite/binding';
import { FlexetlError } from '../../pipeline/errors';

const BINDING = join(__dirname, '..', '..', 'dist', 'targets', 'sqlite', 'binding.js');

describe('the binding of SQLite', () => {
  it.each([
    ['20.19.0', '9', ['better-sqlite3']],
    ['22.13.1', '9', ['better-sqlite3']],
    ['22.14.0', '10', ['better-sqlite3-13', 'better-sqlite3']],
    ['24.19.0', '10', ['better-sqlite3-13']],
    ['26.1.0', '10', ['better-sqlite3-13']],
  ])('for Node %s with Node-API %s is one of %j', (node, napi, names) => {
    expect(chooseBindings({ ...process.versions, node, napi })).toEqual(names);
  });

  it('for this Node is there and works', () => {
    const db = openSqlite(':memory:');
    expect(db.prepare('SELECT 1 + 1').pluck().get()).toBe(2);
    db.close();
  });

  it('outlives its collected statements, whichever Node runs', () => {
    const script = `
      const db = require(process.argv[1]).openSqlite(':memory:');
      for (let n = 0; n < 20; n++) { db.prepare('SELECT ' + n).get(); gc(); }
      setImmediate(() => { gc(); console.log(db.prepare('SELECT 1').pluck().get()); });`;
    const output = execFileSync(process.execPath, ['--expose-gc', '-e', script, BINDING], {
      encoding: 'utf8',
    });
    expect(output).toBe('1\n');
  });

  it('is the next one where the better one is not installed', () => {
    const load = (name: string): unknown => {
      if (name === 'better-sqlite3') return FakeDatabase;
      throw new Error(`Cannot find module '${name}'`);
    };
    expect(loadBinding(['better-sqlite3-13', 'better-sqlite3'], load)).toBe(FakeDatabase);
  });

  it('that does not load is an error that says which one it is and what to do', () => {
    const missing = (): never => {
      throw new Error('Could not locate the bindings file. Tried:\n → build/better_sqlite3.node');
    };
    const load = (): unknown => loadBinding(['better-sqlite3'], missing);
    expect(load).toThrow(FlexetlError);
    expect(load).toThrow(
      /^SQLite cannot be used with Node v\S+ on \w+ \w+: better-sqlite3 does not load: Could not .* bindings file\.$/,
    );
  });
});

class FakeDatabase {
  close(): void {}
}

/** Inputs from real life: each folder of tests/cases is used by a test. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readText, testFiles } from './repository';

it('every case is a test', () => {
  const folders = readdirSync(join(__dirname, '../cases'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const texts = testFiles.map((path) => readText(path)).join('\n');
  expect(folders.filter((name) => !texts.includes(`'${name}'`))).toEqual([]);
});

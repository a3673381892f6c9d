/** The laws of targets, for every target in the list, for a dialect and an encoder of a third party. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../../plugin/target';
import { targets } from '../../targets';
import { noteCaught, noteLaws } from '../support/conformance-table';
import { fakeLines } from '../support/fake-file-target';
import { fakeSql } from '../support/fake-sql-target';
import { makeFolder } from '../support/folder';
import { changeTarget, LAWLESS_TARGETS } from '../support/lawless-targets';
import { LOAD_KEY, queryPart } from '../support/parts';
import { brokenTargetLaws, TARGET_LAWS, type TargetLaw } from '../support/target-laws';
import { contextIn, SCHEMA } from '../support/target-probe';
import { caseOf, TARGET_CASES } from './target-cases';

describe.each(TARGET_CASES.map((given) => [given.target.type, given] as const))(
  'the target %s',
  (_, given) => {
    const { target, options } = given;
    const parse = (mode: (typeof target.capabilities.modes)[number]): unknown =>
      target.options.parse(options(mode));

    it('describes itself, its modes and every option', () => {
      expect(target.description).toMatch(/\.$/);
      for (const mode of target.capabilities.modes) {
        expect(target.mode(parse(mode))).toBe(mode);
        expect(target.guarantee(parse(mode))).toMatch(/\.$/);
        expect(target.name(parse(mode))).toMatch(/output/);
      }
      const { shape } = target.options as unknown as { shape: Record<string, { description?: string }> };
      for (const [name, option] of Object.entries(shape))
        expect([name, option.description]).toEqual([name, expect.stringMatching(/\.$/)]);
    });

    it('refuses unknown options', () => {
      expect(target.options.safeParse({ ...options('replace'), no_such_option: 1 }).success).toBe(false);
    });

    it('keeps the laws', async () => {
      const broken = await brokenTargetLaws(given);
      const isMerge = (law: string): boolean => law.startsWith('merge');
      const merges = target.capabilities.modes.includes('merge');
      noteLaws('targets', target.type, Object.keys(TARGET_LAWS), broken, (law) => merges || !isMerge(law));
      expect(broken).toEqual([]);
    });
  },
);

describe.each(targets.map((target) => [target.type, caseOf(target as unknown as Target<unknown>)] as const))(
  'the target %s',
  (_, given) => {
    it('does its writing off the event loop', async () => {
      const { target, options } = given;
      const open = target.open(target.options.parse(options('replace')), contextIn(makeFolder(), given));
      const key = (runKey: string) => ({ ...LOAD_KEY, runKey });
      const sql = `SELECT range AS id, 'n' || range AS name FROM range(100000)`;
      const part = await queryPart(SCHEMA, sql, 100_000);
      await open.load(key('first'), part);
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      await open.load(key('second'), part);
      await open.publish(key('second'), SCHEMA, 100_000);
      delay.disable();
      // The promise is 100 ms; what is measured here includes the test runner's own pauses.
      expect(delay.max / 1e6).toBeLessThan(200);
    });
  },
);

describe('the suite', () => {
  it.each(Object.keys(TARGET_LAWS) as TargetLaw[])(
    'catches a target that breaks the law: %s',
    async (law) => {
      const lawful = (law.startsWith('merge') ? fakeSql : fakeLines) as typeof fakeLines;
      const lawless = changeTarget(lawful, LAWLESS_TARGETS[law]);
      const broken = await brokenTargetLaws({ ...caseOf(lawful), target: lawless as never }, [law]);
      expect(broken.map((found) => found.split(': ')[0])).toEqual([law]);
      noteCaught('targets', law);
    },
  );
});

describe('a target of a third party', () => {
  it.each(['fake-sql-target', 'fake-file-target'])('is under 100 lines all told: %s', (name) => {
    const text = readFileSync(join(__dirname, `../support/${name}.ts`), 'utf8');
    expect(text.split('\n').length).toBeLessThanOrEqual(100);
  });
});

/** The laws of sources, over whatever source is given. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { openSource } from '../../engine/landing';
import { LIMITS } from '../../pipeline/limits';
import type { OpenSource, Partition, Source, SourceRecord } from '../../plugin/source';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import {
  landAll,
  readFast,
  readRecords,
  readRepaired,
  type Landing,
  type Sandbox,
  type Values,
} from './source-sandbox';

/** A source with an input. */
export interface SourceCase {
  source: Source<object>;
  options: object;
  /** The project where the input is. */
  project: Sandbox;
  /** Sizes of partitions, besides one that is never reached. */
  sizes: readonly number[];
  /** All rows, where they are known and none is broken. */
  rows?: readonly Values[];
  /** The plain text of a source of one file. */
  text?: Buffer;
  /** Makes the input another one. */
  change?: () => void;
}

interface Probe extends SourceCase {
  db: Duckdb;
  /** The source as another run opens it. */
  open(): OpenSource;
  /** The source as another attempt of the run of a landing opens it. */
  reopen(landing: number): OpenSource;
  landings: readonly (Landing & { size: number; source: OpenSource; records: SourceRecord[][] })[];
}

const WHOLE = Number.MAX_SAFE_INTEGER;

type Holds = (probe: Probe) => Promise<void> | void;

export const LAWS = {
  'a survey is plain JSON, and the same for every attempt': async ({ open, landings }) => {
    for (const { survey } of landings) {
      deepStrictEqual(JSON.parse(JSON.stringify(survey)), survey);
      deepStrictEqual(await open().survey(), survey);
    }
  },
  'the partitions together are the source': ({ landings, text }) => {
    for (const { partitions, records } of landings) {
      partitions.forEach((partition, index) => {
        strictEqual(partition.index, index);
        ok(
          partition.lastFile !== undefined || partition.start < partition.end,
          `partition ${index} is empty`,
        );
        const before = partitions[index - 1];
        if (before?.file === partition.file) strictEqual(partition.start, before.end);
        for (const { byteOffset } of text ? (records[index] ?? []) : []) {
          ok(byteOffset >= partition.start && byteOffset < partition.end, `record at ${byteOffset} outside`);
        }
      });
      const last = partitions.at(-1);
      if (text && last) strictEqual(last.end, text.length);
    }
  },
  'cutting is deterministic': async ({ open, landings }) => {
    for (const { size, partitions } of landings) {
      deepStrictEqual((await landAll(open(), size)).partitions, partitions);
    }
  },
  'landing again gives the same': async ({ reopen, landings }) => {
    for (const [index, { size, partitions }] of landings.entries()) {
      deepStrictEqual((await landAll(reopen(index), size)).partitions, partitions);
    }
  },
  'every size of partition gives the same records, and those that there are': ({ landings, rows }) => {
    const [first, ...others] = landings.map(({ records }) => withoutOrdinals(records.flat()));
    for (const other of others) deepStrictEqual(other, first);
    if (rows)
      deepStrictEqual(
        first?.map(({ values }) => values),
        rows,
      );
  },
  'records are numbered from 0 in each partition, and lead on from partition to partition': ({
    landings,
  }) => {
    for (const { records } of landings) {
      for (const some of records) {
        deepStrictEqual(
          some.map(({ ordinal }) => ordinal),
          [...some.keys()],
        );
      }
      const all = records.flat();
      all.forEach(({ file, record, byteOffset }, index) => {
        const before = all[index - 1];
        if (!before || before.file !== file) return;
        if (before.record < record) strictEqual(record, before.record + 1);
        ok(byteOffset > before.byteOffset || record === 1, `record ${record} at ${byteOffset}`);
      });
    }
  },
  'the fast lane reads what the records are, or is not to be trusted, or fails': async ({ db, landings }) => {
    await forEachPartition(landings, async (source, landing, partition, records) => {
      const rows = await readFast(db, source, landing.survey, partition);
      if (rows)
        deepStrictEqual(
          rows,
          records.map(({ values, reason }) => values ?? reason),
        );
    });
  },
  'the fast lane reads a clean source': async ({ db, landings, rows }) => {
    if (!rows) return;
    await forEachPartition(landings, async (source, { survey }, partition, records) => {
      deepStrictEqual(
        await readFast(db, source, survey, partition),
        records.map(({ values }) => values),
      );
    });
  },
  'repair gives the good records, and the ordinals of the others': async ({ db, landings }) => {
    await forEachPartition(landings, async (source, { survey }, partition, records) => {
      const found = await readRepaired(db, source, survey, partition);
      const good = records.filter(({ values }) => values !== null);
      deepStrictEqual(
        found.rows,
        good.map(({ values }) => values),
      );
      const broken = records.filter(({ values }) => values === null);
      deepStrictEqual(
        [...found.broken],
        broken.map(({ ordinal }) => ordinal),
      );
      for (const { reason } of broken) match(reason ?? '', /./);
    });
  },
  'the records of some ordinals are those of all': async ({ open, landings }) => {
    for (const { size, survey, partitions, records } of landings) {
      // In a run that has not counted lines before, and from the last partition to the first.
      const source = open();
      await landAll(source, size);
      for (const partition of partitions.toReversed()) {
        const some = (records[partition.index] ?? []).filter(({ ordinal }) => ordinal % 3 !== 0);
        const asked = some.map(({ ordinal }) => ordinal);
        const found: SourceRecord[] = [];
        for await (const record of source.records(survey, partition, asked)) found.push(record);
        deepStrictEqual(found, some);
      }
    }
  },
  'offsets, lines and raw texts are true': ({ landings, text }) => {
    if (!text) return;
    const all = landings.flatMap(({ records }) => records.flat());
    const countsLines = (lineByte: number): boolean =>
      all.every(({ line, byteOffset }) => {
        const before = text.subarray(0, byteOffset);
        return line === 1 + before.filter((byte) => byte === lineByte).length;
      });
    ok(countsLines(10) || countsLines(13), 'lines are counted wrongly');
    for (const record of all) {
      ok(record.raw.length <= LIMITS.rawCharsMax);
      const raw = Buffer.from(record.raw);
      if (record.raw.includes('\ufffd')) continue;
      deepStrictEqual(text.subarray(record.byteOffset, record.byteOffset + raw.length), raw);
    }
  },
  'a partition that was released can be read again': async ({ db, landings }) => {
    await forEachPartition(landings.slice(0, 1), async (source, { survey }, partition) => {
      const before = await readFast(db, source, survey, partition);
      await source.release(survey, partition);
      deepStrictEqual(await readFast(db, source, survey, partition), before);
    });
  },
  'DuckDB needs no other files than those that are named': async ({ landings, rows, project }) => {
    if (!rows) return;
    for (const { source, survey, partitions } of landings) {
      for (const partition of partitions.slice(0, 2)) {
        const { sql, reads, trusted } = await source.relation(survey, partition);
        ok(await trusted, 'a clean partition is not trusted');
        await withDuckdb({ dir: `${project.dir}/elsewhere`, reads, memoryMb: 200 }, async (db) => {
          ok(Number((await db.one(`SELECT count(*) AS n FROM ${sql}`))['n']) > 0);
        });
      }
    }
  },
  'a change is noticed, and only a change': async ({ landings, change }) => {
    const [landing] = landings;
    const partition = landing?.partitions[0];
    if (!landing || !partition) return;
    await landing.source.assertUnchanged(landing.survey, partition);
    if (!change) return;
    change();
    const found = await landing.source.assertUnchanged(landing.survey, partition).then(
      () => 'nothing',
      (error: { code?: string }) => error.code,
    );
    strictEqual(found, 'SOURCE_CHANGED');
  },
} satisfies Record<string, Holds>;

export type Law = keyof typeof LAWS;

/**
 * The laws that a source breaks with its input, each with what was found.
 * @throws where it refuses the input
 */
export async function brokenLaws(
  given: SourceCase,
  db: Duckdb,
  laws: readonly Law[] = Object.keys(LAWS) as Law[],
): Promise<string[]> {
  const openIn = (run: Sandbox): OpenSource => openSource(given.source, given.options, run.context);
  const runs: Sandbox[] = [];
  const landings: Probe['landings'][number][] = [];
  for (const size of [...given.sizes, WHOLE]) {
    const run = given.project.freshRun();
    runs.push(run);
    const source = openIn(run);
    const landing = await landAll(source, size);
    const records: SourceRecord[][] = [];
    for (const partition of landing.partitions) {
      records.push(await readRecords(source, landing.survey, [partition]));
    }
    landings.push({ ...landing, size, source, records });
  }
  const probe: Probe = {
    ...given,
    db,
    open: () => openIn(given.project.freshRun()),
    reopen: (index) => openIn(runs[index] ?? given.project),
    landings,
  };
  const broken: string[] = [];
  for (const law of laws) {
    try {
      const holds: Holds = LAWS[law];
      await holds(probe);
    } catch (error) {
      broken.push(`${law}: ${(error as Error).message}`);
    }
  }
  return broken;
}

async function forEachPartition(
  landings: Probe['landings'],
  work: (
    source: OpenSource,
    landing: Landing,
    partition: Partition,
    records: SourceRecord[],
  ) => Promise<void>,
): Promise<void> {
  for (const landing of landings) {
    for (const [index, partition] of landing.partitions.entries()) {
      await work(landing.source, landing, partition, landing.records[index] ?? []);
    }
  }
}

function withoutOrdinals(records: readonly SourceRecord[]): Omit<SourceRecord, 'ordinal'>[] {
  return records.map(({ ordinal: _, ...record }) => record);
}

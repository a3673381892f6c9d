/** Sources that each break one law: the suite must catch every one. */
import { openSource } from '../../engine/landing';
import type { FileSource, OpenSource, Source } from '../../plugin/source';
import type { Law } from './source-laws';

/** What is done to a source that keeps all laws; called once for each time that it is opened. */
type Change = (open: OpenSource) => Partial<OpenSource>;

let surveys = 0;
let cuts = 0;
const landed = new Set<string>();

export const LAWLESS: Record<Law, Change> = {
  'a survey is plain JSON, and the same for every attempt': (open) => ({
    survey: async () => ({ ...(await open.survey()), recordBytes: ++surveys }),
  }),
  'the partitions together are the source': (open) => ({
    async partitions(survey, size) {
      const found = await open.partitions(survey, size);
      return 'known' in found ? { known: found.known.map((one) => ({ ...one, end: one.end - 1 })) } : found;
    },
  }),
  'cutting is deterministic': (open) => {
    const opened = ++cuts;
    return {
      async land(...args) {
        const { partition, ...rest } = await open.land(...args);
        return { partition: { ...partition, index: partition.index + opened / 1e6 }, ...rest };
      },
    };
  },
  'landing again gives the same': (open) => ({
    async land(survey, index, from) {
      const { partition, ...rest } = await open.land(survey, index, from);
      const again = landed.has(JSON.stringify(from));
      landed.add(JSON.stringify(from));
      return { partition: again ? { ...partition, end: partition.end + 1 } : partition, ...rest };
    },
  }),
  'every size of partition gives the same records, and those that there are': (open) => ({
    async *records(survey, partition, ordinals) {
      for await (const record of open.records(survey, partition, ordinals)) {
        if (partition.start === 0 || record.ordinal > 0)
          yield { ...record, record: record.record + partition.end };
      }
    },
  }),
  'records are numbered from 0 in each partition, and lead on from partition to partition': (open) => ({
    async *records(survey, partition, ordinals) {
      for await (const record of open.records(survey, partition, ordinals)) {
        yield { ...record, ordinal: record.ordinal + 1 };
      }
    },
  }),
  'the fast lane reads what the records are, or is not to be trusted, or fails': (open) => ({
    async relation(survey, partition) {
      const found = await open.relation(survey, partition);
      return { ...found, sql: `(SELECT COLUMNS(*) || 'x' FROM ${found.sql})` };
    },
  }),
  'the fast lane reads a clean source': (open) => ({
    relation: async (survey, partition) => ({
      ...(await open.relation(survey, partition)),
      trusted: Promise.resolve(false),
    }),
  }),
  'repair gives the good records, and the ordinals of the others': (open) => ({
    repair: async (survey, partition) => ({ ...(await open.repair(survey, partition)), broken: [0] }),
  }),
  'the records of some ordinals are those of all': (open) => ({
    async *records(survey, partition, ordinals) {
      for await (const record of open.records(survey, partition, ordinals)) {
        yield ordinals ? { ...record, line: 1 } : record;
      }
    },
  }),
  'offsets, lines and raw texts are true': (open) => ({
    async *records(survey, partition, ordinals) {
      for await (const record of open.records(survey, partition, ordinals)) {
        yield { ...record, line: record.line + 1 };
      }
    },
  }),
  'a partition that was released can be read again': (open) => {
    const released = new Set<number>();
    return {
      relation: (survey, partition) =>
        released.has(partition.index)
          ? Promise.resolve({ sql: 'nothing', reads: [], trusted: Promise.resolve(true) })
          : open.relation(survey, partition),
      release: (_survey, { index }) => Promise.resolve(void released.add(index)),
    };
  },
  'DuckDB needs no other files than those that are named': (open) => ({
    relation: async (survey, partition) => ({ ...(await open.relation(survey, partition)), reads: [] }),
  }),
  'a change is noticed, and only a change': () => ({ assertUnchanged: () => Promise.resolve() }),
};

/** The source with a change of what it does. */
export function changeSource(source: Source<object>, change: Change): FileSource<object> {
  return {
    kind: 'files',
    type: source.type,
    description: source.description,
    options: source.options,
    open(options, context) {
      const open = openSource(source, options, context);
      return { ...open, ...change(open) };
    },
  };
}

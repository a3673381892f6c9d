/** The sample of a survey: records from the heads of the files. */
import { LIMITS } from '../../pipeline/limits';
import type { SourceSurvey } from '../../plugin/source';
import { openFile } from '../files/find';
import type { JsonOptions } from './options';
import type { PathTree } from './path';
import { readRecords, type RecordVisitor } from './read-records';
import { createRecordReader } from './record';
import { createValueReader } from './rows';
import type { PlainFile } from './plain-file';

export function openSample({ flatten, null_values }: JsonOptions) {
  const sample: (string | null)[][] = [];
  const textColumns = new Set<string>();
  let recordBytes = 0;
  let bytes = 0;
  const isFull = (): boolean => sample.length >= LIMITS.sampleRecordsMax || bytes >= LIMITS.sampleBytes;
  return {
    isFull,
    async add(file: PlainFile, tree: PathTree | undefined, columns: readonly string[]): Promise<void> {
      const reader = createRecordReader({
        columns,
        flatten,
        ignoreOthers: true,
        oneLine: tree === undefined,
      });
      const values = createValueReader(columns.length, null_values);
      const visitor: RecordVisitor = {
        read: (piece, at) => reader.read(piece, at),
        take(piece, start, end) {
          if (isFull()) return;
          sample.push(values.read(piece, reader.slots));
          recordBytes += end - start;
          bytes += end - start;
        },
        pass: (_piece, start, end) => void (bytes += end - start),
        isDone: isFull,
      };
      const handle = await openFile(file.path, file.shown);
      try {
        const range = { handle, start: file.start, end: file.bytes, size: file.bytes, tree };
        const reading = readRecords({ ...range, pieceBytes: LIMITS.sampleBytes / 4 }, visitor);
        while (!(await reading.next()).done);
      } finally {
        await handle.close();
      }
      columns.forEach((name, index) => values.textColumns[index] === 1 && textColumns.add(name));
    },
    found(): Pick<SourceSurvey, 'sample' | 'recordBytes' | 'textColumns'> {
      return {
        sample,
        recordBytes: sample.length === 0 ? 0 : recordBytes / sample.length,
        textColumns: [...textColumns],
      };
    },
  };
}

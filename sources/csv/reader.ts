/** The careful lane: every record of a chunk with its place, the broken ones with their reason. */
import { join } from 'node:path';
import type { Chunk, SourceRecord, SourceSurvey, Tools } from '../../pipeline/plugin';
import type { CsvOptions } from '../csv';
import { cutRecords, marksOf } from './boundaries';
import { openSource } from './files';
import { findMark, isBlank, keepMark } from './places';
import { splitRecords } from './split';
import { openPlain } from './survey';
import { createValueReader } from './values';

/** Small enough that splitting a piece does not hold up heartbeats. */
const PIECE_BYTES = 256 * 1024;

export async function* readCsvRecords(
  options: CsvOptions,
  survey: SourceSurvey,
  chunk: Chunk,
  tools: Tools,
): AsyncGenerator<SourceRecord> {
  const file = await openPlain(options, survey, chunk.file, tools);
  const marks = marksOf(file.dialect);
  const marksDir = join(tools.runDir, 'source', `marks-${chunk.file}`);
  const columnCount = survey.columns.length;
  const origin = { offset: file.start, line: file.line, records: 0 };
  const place = await findMark(file, chunk.start, origin, columnCount, marksDir, tools);
  const readValues = createValueReader(options, columnCount);
  const handle = await openSource(file.path, file.shown);
  try {
    const range = { handle, start: chunk.start, end: chunk.end, size: file.bytes };
    for await (const piece of cutRecords(range, marks, PIECE_BYTES)) {
      tools.signal.throwIfAborted();
      const rows = splitRecords(piece, file.dialect);
      for (const [index, cut] of piece.cuts.entries()) {
        const { line } = place;
        place.line += cut.lines;
        if (isBlank(cut, columnCount)) continue;
        place.records++;
        const result = readValues(rows[index] ?? []);
        const at = { line, record: place.records, byteOffset: piece.base + cut.start };
        yield 'values' in result
          ? { ...at, values: result.values }
          : { ...at, values: null, reason: result.reason };
      }
    }
  } finally {
    await handle.close();
  }
  await keepMark(marksDir, { ...place, offset: chunk.end });
}

/** Record batches from plain rows of text, as a source in plain TypeScript would make them. */
import { Data, makeData, RecordBatch, Struct } from 'apache-arrow';
import type { ColumnType, Schema } from '../../pipeline/types';
import { arrowSchema } from '../../runtime/arrow';

/** One value per column, as text; null for a null. Timestamps have six digits of fraction or none. */
export type TextRow = (string | null)[];

export function createBatch(schema: Schema, rows: readonly TextRow[]): RecordBatch {
  const batchSchema = arrowSchema(schema);
  const children = schema.map(({ type }, index) => {
    const texts = rows.map((row) => row[index] ?? null);
    const nullBitmap = packBits(texts.map((text) => text !== null));
    const [offsets, values] = packValues(type, texts);
    const arrowType = batchSchema.fields[index]?.type;
    if (!arrowType) throw new Error('A schema and its Arrow schema have the same columns.');
    return new Data(arrowType, 0, rows.length, -1, [offsets, values, nullBitmap] as Partial<Data['buffers']>);
  });
  const type = new Struct(batchSchema.fields);
  return new RecordBatch(batchSchema, makeData({ type, length: rows.length, nullCount: 0, children }));
}

/** Yields batches one by one. */
export async function* stream<T>(...items: T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

function packValues(type: ColumnType, texts: TextRow): [Int32Array | undefined, ArrayBufferView] {
  switch (type.kind) {
    case 'string': {
      const parts = texts.map((text) => Buffer.from(text ?? ''));
      let end = 0;
      return [Int32Array.from([0, ...parts.map((part) => (end += part.length))]), Buffer.concat(parts)];
    }
    case 'integer':
      return [undefined, BigInt64Array.from(texts, (text) => BigInt(text ?? 7))];
    case 'float':
      return [undefined, Float64Array.from(texts, (text) => Number(text ?? 7))];
    case 'boolean':
      return [undefined, packBits(texts.map((text) => text === 'true'))];
    case 'date':
      return [undefined, Int32Array.from(texts, (text) => Date.parse(text ?? '1970-01-01') / 86_400_000)];
    case 'timestamp':
      return [undefined, BigInt64Array.from(texts, (text) => toMicros(text ?? '1970-01-01 00:00:00'))];
    case 'decimal': {
      const unscaled = texts.map((text) => toUnscaled(text ?? '0', type.scale));
      const words = unscaled.flatMap((value) =>
        [0n, 32n, 64n, 96n].map((shift) => (value >> shift) & 0xffffffffn),
      );
      return [undefined, Uint32Array.from(words, Number)];
    }
  }
}

function toMicros(text: string): bigint {
  const [seconds = '', fraction = '0'] = text.split('.');
  return BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction);
}

function toUnscaled(text: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

function packBits(flags: boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, index) => {
    if (flag) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return bits;
}

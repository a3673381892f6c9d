/** Takes a record batch apart into buffers that a thread can receive. */
import type { Data, RecordBatch } from 'apache-arrow';
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import { arrowType } from '../../runtime/arrow';
import type { PackedBatch, PackedColumn } from './messages';

/**
 * Copies the rows of a batch, so that transferring them leaves the batch whole; a copy costs a hundredth of
 * what writing the rows does.
 * @throws FlexetlError INTERNAL when the batch is not of the schema
 */
export function packBatch(batch: RecordBatch, schema: Schema): PackedBatch {
  const columns = schema.map((column, index) => {
    const data = batch.data.children[index];
    const expected = String(arrowType(column.type));
    if (data && String(data.type) === expected) return packColumn(data);
    throw new FlexetlError('INTERNAL', {
      message: `Column "${column.name}" of a record batch is ${data ? String(data.type) : 'missing'}, expected ${expected}.`,
    });
  });
  return { rows: batch.numRows, columns };
}

/** The buffers to transfer with a packed batch. */
export function transferList({ columns }: PackedBatch): ArrayBuffer[] {
  return columns.flatMap(({ values, offsets, validity }) => [
    values,
    ...(offsets ? [offsets.buffer as ArrayBuffer] : []),
    ...(validity ? [validity.buffer as ArrayBuffer] : []),
  ]);
}

function packColumn(data: Data): PackedColumn {
  const values = data.values as ArrayBufferView;
  const validity = data.nullCount > 0 ? (data.nullBitmap as Uint8Array).slice() : null;
  const packed = { validity, bitOffset: data.offset, offsets: null };
  if (!(data.valueOffsets instanceof Int32Array)) return { ...packed, values: copyBytes(values) };
  // A sliced batch keeps all its text; only the part its offsets span is sent.
  const from = data.valueOffsets[0] ?? 0;
  const offsets = data.valueOffsets.subarray(0, data.length + 1).map((offset) => offset - from);
  return { ...packed, offsets, values: copyBytes(values, from, from + (offsets[data.length] ?? 0)) };
}

function copyBytes(view: ArrayBufferView, from = 0, to = view.byteLength): ArrayBuffer {
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + from, to - from);
  return bytes.slice().buffer;
}

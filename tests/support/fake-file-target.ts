/** A format that nobody has, as a third party would write one: each line is a JSON array of texts. */
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { defineTarget } from '../../plugin/target';
import { fileOptions } from '../../targets/files/options';
import { fileTarget } from '../../targets/files/target';
import type { FileEncoder } from '../../targets/files/encoder';

const options = z.strictObject(fileOptions);

const lines: FileEncoder<z.infer<typeof options>> = {
  extension: '.lines',
  lane: 'rows',
  async encode(part, path, _, { signal, progress }) {
    const file = await open(path, 'wx');
    let written = 0;
    try {
      for await (const { rows, columns } of part.batches()) {
        signal.throwIfAborted();
        let text = '';
        for (let row = 0; row < rows; row += 1) {
          const values = columns.map((column) => column[row] ?? null);
          text += `${JSON.stringify(values.map((value) => (value === null ? null : String(value))))}\n`;
        }
        await file.write(text);
        written += rows;
        progress(written / part.rows);
      }
    } finally {
      await file.close();
    }
    return written;
  },
};

export const fakeLines = defineTarget<z.infer<typeof options>>({
  type: 'fake_lines',
  description: 'Files of JSON arrays, one a line.',
  options,
  ...fileTarget(lines),
});

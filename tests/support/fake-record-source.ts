/** A source of pages, whole. It writes down every request, and can fail or be killed at one of them. */
import { appendFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { path } from '../../plugin/options';
import { defineSource, type RecordSource } from '../../plugin/source';

const options = z.strictObject({
  pages: z.int().min(0).describe('How many pages there are.'),
  requests: path().describe('The file that gets a line for every request.'),
});

/** Not options, because other options would make it another source. */
interface Faults {
  /** The page that cannot be had. */
  fails_at?: number | undefined;
  /** The page whose request ends the process. */
  dies_at?: number | undefined;
}

/** Under failure: reading changes nothing, so a page can be asked for again. */
export const fakeRecords = withFaults({});

export function withFaults({ fails_at, dies_at }: Faults): RecordSource<z.infer<typeof options>> {
  return defineSource({
    kind: 'records',
    type: 'fake_records',
    description: 'Pages of three orders each.',
    options,
    async *read({ pages, requests }, { projectDir }, from) {
      for (let page = Number(from ?? 0); page < pages; page++) {
        await appendFile(resolve(projectDir, requests), `${page}\n`);
        if (page === dies_at) process.kill(process.pid, 'SIGKILL');
        if (page === fails_at) throw new Error(`Page ${page} cannot be had.`);
        yield { records: ordersOf(page), ...(page + 1 < pages && { next: page + 1 }) };
      }
    },
  });
}

export function ordersOf(page: number): Record<string, unknown>[] {
  return [0, 1, 2].map((index) => ({
    id: page * 3 + index,
    price: index === 1 ? null : 883406386745030.3 / (page + 1),
    note: ['', `"tag" \\ ${page},`, 'tab\tand\nbreak é🙂'][index],
    ...(index === 2 && { lines: [{ sku: '00012', price: 0.1 }] }),
  }));
}

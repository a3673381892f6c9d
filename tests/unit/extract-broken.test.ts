/** Files with broken records through the whole extract: good rows and rejects are exact, for every cut of the file. */
import fc from 'fast-check';
import { FlexetlError } from '../../pipeline/errors';
import { csv } from '../../sources/csv';
import { dirtyCsv, knownCsv } from '../support/dirty-csv';
import { stageAll, type EngineInput, type Reject } from '../support/engine';
import { landAll, openSandbox, readRecords, type Values } from '../support/source-sandbox';

const RUNS = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 150) / 15);

interface Extracted {
  rows: Values[];
  rejects: Pick<Reject, 'line' | 'record' | 'byte_offset' | 'reason'>[];
}

/** Undefined: files as a whole. */
type CutBytes = number | undefined;

/** One cut of a file; every partition costs some sessions of DuckDB. */
const cut = fc.double({ min: 0.2, max: 0.8, noNaN: true });
const cutsOf = (bytes: Buffer, part: number): CutBytes[] => [undefined, Math.ceil(bytes.length * part)];

async function extract(input: EngineInput, cutBytes: CutBytes): Promise<Extracted> {
  return stageAll({ ...input, ...(cutBytes !== undefined && { cutBytes }) }, ({ rows, rejected }) => ({
    rows,
    rejects: rejected.map(({ line, record, byte_offset, reason }) => ({ line, record, byte_offset, reason })),
  }));
}

async function expectExtracted(input: EngineInput, cutsBytes: CutBytes[], wanted: Extracted): Promise<void> {
  // The client drops a BOM at the start of a text that it decodes.
  const rows = wanted.rows.map((row) => row.map((text) => text?.replace(/^\ufeff/, '') ?? null));
  for (const cutBytes of cutsBytes) {
    expect({ cutBytes, ...(await extract(input, cutBytes)) }).toEqual({ cutBytes, ...wanted, rows });
  }
}

/** A piece of a file: a record, or a blank line. */
interface Piece {
  bytes: Buffer;
  /** Its values, or why it is none; a record that opens a quote fails for what follows it. */
  found: Values | string | 'open quote' | 'blank line';
}

const piece = (text: string | Buffer, found: Piece['found']): Piece => ({ bytes: Buffer.from(text), found });

const GOOD = [
  piece('1,x', ['1', 'x']),
  piece('"z",', ['z', null]),
  piece(',"two\nlines"', [null, 'two\nlines']),
  piece('é,"say ""so"""', ['é', 'say "so"']),
  piece('"a\rb","c\r\nd"', ['a\rb', 'c\r\nd']),
  piece('   "x"  , y ', ['x', ' y ']),
  piece(' "x" , y ', ['x', ' y ']),
];
const BROKEN = [
  piece('one', '1 field, header has 2'),
  piece('1,2,3', '3 fields, header has 2'),
  piece('9,w,,', '4 fields, header has 2'),
  piece('1,x\ry,2', 'carriage return (CR) outside quotes'),
  piece('4,"z"z', 'text after a closing quote'),
  piece('1,"open', 'open quote'),
  piece(Buffer.from([0x31, 0x2c, 0xff]), 'not UTF-8, looks like windows-1252'),
  piece(Buffer.from([0x31, 0x2c, 0xc3]), 'not UTF-8, looks like windows-1252'),
  piece('7,\0', 'NUL character'),
];
const pieces = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...GOOD) },
    { weight: 2, arbitrary: fc.constantFrom(...BROKEN) },
    { weight: 1, arbitrary: fc.constant(piece('', 'blank line')) },
  ),
  { minLength: 25, maxLength: 60 },
);

/** Writes the pieces under a header, and counts lines, records and bytes while it writes. */
function writePieces(head: string, all: readonly Piece[]): { bytes: Buffer; wanted: Extracted } {
  const wanted: Extracted = { rows: [], rejects: [] };
  let bytes = Buffer.from(`${head}a,b\n`);
  let line = 2;
  let record = 0;
  for (const [index, { bytes: text, found }] of all.entries()) {
    if (found !== 'blank line') record += 1;
    if (Array.isArray(found)) wanted.rows.push(found);
    else if (found !== 'blank line') {
      const quoteFollows = all.slice(index + 1).some((later) => later.bytes.includes('"'));
      const ofOpenQuote = quoteFollows ? 'text after a closing quote' : 'quote not closed';
      const reason = found === 'open quote' ? ofOpenQuote : found;
      wanted.rejects.push({ line, record, byte_offset: bytes.length, reason });
    }
    line += text.toString('latin1').split('\n').length;
    bytes = Buffer.concat([bytes, text, Buffer.from('\n')]);
  }
  return { bytes, wanted };
}

describe('broken records', () => {
  it('cost themselves and nothing else, each kind with its line, record and byte', async () => {
    for (const head of ['', '\ufeff']) {
      const all = BROKEN.flatMap((broken, index) => [broken, GOOD[index % GOOD.length] ?? broken]);
      const { bytes, wanted } = writePieces(head, all);
      expect(wanted.rejects.map(({ reason }) => reason)).toEqual(
        BROKEN.map(({ found }) => (found === 'open quote' ? 'text after a closing quote' : found)),
      );
      await expectExtracted({ csv: bytes }, [undefined, 11, 40], wanted);
    }
  });

  it('are told apart from good ones in any order, for every cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', '\ufeff'), pieces, cut, async (head, all, part) => {
        const { bytes, wanted } = writePieces(head, all);
        await expectExtracted({ csv: bytes }, cutsOf(bytes, part), wanted);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  it('have none among them in a clean file, however nasty its texts are', async () => {
    await fc.assert(
      fc.asyncProperty(knownCsv, cut, async ({ bytes, options, rows }, part) => {
        await expectExtracted({ csv: bytes, options }, cutsOf(bytes, part), { rows, rejects: [] });
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  it('are those that the record reader finds, in any file at all', async () => {
    await fc.assert(
      fc.asyncProperty(dirtyCsv, cut, async ({ bytes, options }, part) => {
        const wanted = await readAll(bytes, options);
        if ('code' in wanted) {
          await expect(extract({ csv: bytes, options }, undefined)).rejects.toMatchObject(wanted);
          return;
        }
        await expectExtracted({ csv: bytes, options }, cutsOf(bytes, part), wanted);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

/** What the record reader of the source finds in the file as a whole. */
async function readAll(bytes: Buffer, options: object): Promise<Extracted | { code: string }> {
  const sandbox = openSandbox();
  const path = sandbox.write('input.csv', bytes);
  const source = csv.open(csv.options.parse({ path, ...options }), sandbox.context);
  try {
    const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
    const wanted: Extracted = { rows: [], rejects: [] };
    for (const { line, record, byteOffset, values, reason } of await readRecords(
      source,
      survey,
      partitions,
    )) {
      if (values) wanted.rows.push([...values]);
      else wanted.rejects.push({ line, record, byte_offset: byteOffset, reason: reason ?? '' });
    }
    return wanted;
  } catch (error) {
    if (error instanceof FlexetlError) return { code: error.code };
    throw error;
  }
}

import { limitText, renderLimitsDocs } from '../../build/limits-docs';
import { LIMITS } from '../../pipeline/limits';
import { readText } from './repository';

const { heartbeatTimeoutMs, decimalDigitsFast, decimalDigitsMax, payloadBytesMax } = LIMITS;

/** Documents and a piece of a sentence in each, with its number taken from the limit. */
const QUOTES: readonly (readonly [path: string, sentence: string])[] = [
  ['README.md', `keeps its staged parts for ${limitText('stagingKeepMs')}`],
  ['README.md', `A file of up to ${limitText('inPlaceBytesMax')} is read in place`],
  ['README.md', `slices of ${limitText('chunkBytesDefault')}`],
  ['docs/operations.md', `after ${limitText('heartbeatTimeoutMs')} without a heartbeat`],
  ['docs/operations.md', `a file of up to ${limitText('inPlaceBytesMax')} is read in place`],
  ['docs/operations.md', `slices of ${limitText('chunkBytesDefault')}`],
  ['docs/operations.md', `every file above ${limitText('chunkBytesDefault')} is cut`],
  ['docs/operations.md', `a worker that stops gives its activities ${limitText('shutdownGraceMs')}`],
  ['docs/operations.md', `gives running activities ${limitText('shutdownGraceMs')}`],
  ['docs/operations.md', `ends after ${limitText('shutdownForceMs')} at most`],
  ['docs/operations.md', `it runs ${limitText('activitiesPerWorkerMax')} activities at a time`],
  ['docs/operations.md', `is ${limitText('duckdbMemoryShare')} of the container's memory`],
  [
    'docs/operations.md',
    `at least ${LIMITS.duckdbMemoryMbLeast} and at most ${limitText('duckdbMemoryMbMost')}`,
  ],
  ['docs/operations.md', `of a run that failed are kept for ${limitText('stagingKeepMs')}`],
  ['docs/operations.md', `up to ${limitText('placesMax')} places`],
  ['docs/troubleshooting.md', `sent no heartbeat for ${heartbeatTimeoutMs / 1000} s`],
  ['docs/troubleshooting.md', `After ${limitText('stagingKeepMs')} the next run`],
  ['docs/troubleshooting.md', `a file over ${limitText('configBytesMax')}`],
  ['docs/troubleshooting.md', `compressed more than ${limitText('gzipRatioMax')} times`],
  ['docs/troubleshooting.md', `the first ${limitText('placesMax')} places`],
  ['docs/troubleshooting.md', `${limitText('decimalDigitsMax')} digits for decimals`],
  ['docs/troubleshooting.md', `the limit is ${payloadBytesMax}`],
  ['docs/reports.md', `the first ${limitText('placesMax')} verdicts`],
  ['docs/reports.md', `the last ${limitText('trendRunsMax')} runs`],
  ['docs/reports.md', `cut to ${limitText('valueCharsMax')} characters`],
  ['docs/reports.md', `cut to ${limitText('rawCharsMax')} characters`],
  ['docs/reports.md', `exact up to ${limitText('exactValuesMax')} values`],
  ['docs/reports.md', `where there are at most ${limitText('histogramBarsMax')}`],
  ['docs/reports.md', `of at most ${limitText('topValuesOf')} texts`],
  [
    'docs/reports.md',
    `Above ${limitText('profileValuesMax')} values, or ${limitText('profileRowsMax')} rows`,
  ],
  ['docs/reports.md', `the first rows of up to ${limitText('profilePartsMax')} parts`],
  ['docs/reports.md', `At most ${limitText('profileColumnsMax')} columns`],
  ['docs/architecture.md', `at most ${limitText('payloadBytesMax')} per input or result`],
  ['docs/architecture.md', `every ${limitText('heartbeatIntervalMs')}`],
  ['docs/architecture.md', `the first ${limitText('placesMax')} places`],
  ['docs/architecture.md', `after ${limitText('stagingKeepMs')}`],
  ['docs/architecture.md', `${decimalDigitsFast} digits, or ${decimalDigitsMax}`],
  ['docs/architecture.md', `cut to ${limitText('valueCharsMax')} characters`],
];

describe('the limits', () => {
  it('are all in docs/limits.md, each with a reason', () => {
    const rows = renderLimitsDocs(readText('pipeline/limits.ts')).matchAll(
      /^\| `(\w+)` \| \S.* \| \S.* \|$/gm,
    );
    expect([...rows].map(([, name]) => name)).toEqual(Object.keys(LIMITS));
  });

  it('are written in the unit that a reader would choose', () => {
    expect([limitText('stagingKeepMs'), limitText('chunkBytesDefault')]).toEqual(['7 days', '128 MiB']);
  });

  it.each(QUOTES)('%s quotes them as they are: %s', (path, sentence) => {
    expect(readText(path).replace(/\s+/g, ' ')).toContain(sentence);
  });
});

import fc from 'fast-check';
import { formatDecimal } from '../../runtime/batches/vectors';
import { decimalText, storeDecimal } from '../../targets/sqlite/values';
import { openSqlite } from '../../targets/sqlite/binding';

const unscaled = fc.oneof(
  fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
  fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
  fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map((value) => value - (value % 10_000n)),
);
const scale = fc.integer({ min: 0, max: 38 });

describe('a decimal in SQLite', () => {
  it('that is stored as a number reads back exactly, through a DECIMAL column too', () => {
    const db = openSqlite(':memory:');
    db.exec('CREATE TABLE t (n DECIMAL)');
    const insert = db.prepare('INSERT INTO t VALUES (?) RETURNING n').pluck().safeIntegers();
    fc.assert(
      fc.property(unscaled, scale, (value, places) => {
        const text = formatDecimal(value, places);
        const stored = storeDecimal(text);
        if (stored === undefined) return;
        expect(decimalText(stored, places)).toBe(text);
        expect(decimalText(insert.get(stored) as number | bigint, places)).toBe(text);
      }),
      { numRuns: 500 },
    );
    db.close();
  });

  it('is never refused as a number up to 15 digits, or as a whole number of 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }), scale, (value, places) => {
        expect(storeDecimal(formatDecimal(value, places))).toBeDefined();
      }),
    );
    expect(storeDecimal('9223372036854775807.00')).toBe(9223372036854775807n);
    expect(storeDecimal('9223372036854775808')).toBeUndefined();
  });

  it('that needs a 16th digit is not a number', () => {
    expect(storeDecimal('12345678901234.56')).toBeUndefined();
    expect(storeDecimal('12345678901234.50')).toBe(12345678901234.5);
  });

  it('has all digits of its scale as text', () => {
    expect(formatDecimal(-5n, 3)).toBe('-0.005');
    expect(formatDecimal(120n, 1)).toBe('12.0');
    expect(formatDecimal(7n, 0)).toBe('7');
    expect(decimalText('1.10', 2)).toBe('1.10');
    expect(decimalText(null, 2)).toBeNull();
  });
});

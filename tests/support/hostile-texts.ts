/** Every text that has ever been read as something it is not, by DuckDB or by JavaScript. */
export const HOSTILE_TEXTS = [
  // White space, signs and points in odd places.
  ...['', ' ', '\t', '\n', '5 ', ' 5', '5\n', '5\u00a0', '\ufeff5', '5\u200b'],
  ...words('+5 -5 --5 +-5 + - . , -. 1_000 1,000 1.000,5 5\' 5" 5; % \\'),
  // Numbers, more or less.
  ...words('0 -0 +0 00 007 -007 0.0 -0.0 -.0 -0.05 .5 -.5 5. -5. 5.0 0.50 1.005 8.7 1,5 ,5 5,'),
  ...words('1e3 1E3 1e-3 1e+3 1e e1 1e400 -1e400 1e-400 1e308 1.8e308 5e-324 1e3,5 0x10 0b1 0o7'),
  ...words('infinity -infinity Infinity inf nan NaN epoch null NULL none'),
  // At the bounds of 64 bits and of 38 digits.
  ...words('9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809'),
  ...words('+9223372036854775807 0009223372036854775807'),
  ...words('99999999999999999999999999999999999999 100000000000000000000000000000000000000'),
  ...words('1234567890123456789012345678901234567890 0.1234567890123456789012345678901234567890'),
  ...words('12345678901234567890.123456789012345678 99999999999999999999.999999999999999999'),
  ...['0.00000000000000000000000000000000000001', `${'0'.repeat(60)}1`],
  // Yes and no.
  ...words('true TRUE tRuE false t f T yes no Y N 1 on off yeſ falſe ＴＲＵＥ'),
  'truE ',
  // Days.
  ...words('2026-02-28 2026-02-29 2024-02-29 1900-02-29 2000-02-29 2026-04-31 2026-13-01 2026-00-10'),
  ...words('2026-01-00 0000-01-01 0001-01-01 9999-12-31 10000-01-01 -2026-01-01 2026-1-1 2026/01/01'),
  ...['20260101', '2026-01-01 (BC)', '2026-01-01 ', ' 2026-01-01', '2026-01-01T', '2026-01-01Z', '12:00:00'],
  // Times, with and without an offset.
  ...['2026-01-01 00:00', '2026-01-01T00:00:00', '2026-01-01 23:59:59', '2026-01-01 24:00:00'],
  ...['2026-01-01 12:60:00', '2026-01-01 12:00:60', '2026-01-01 1:00:00', '2026-01-01  12:00:00'],
  ...['2026-01-01 12:00:00.', '2026-01-01 12:00:00.1', '2026-01-01 12:00:00.123456'],
  ...['2026-01-01 12:00:00.1234567', '2026-02-29 12:00:00', '9999-12-31 23:59:59.999999'],
  ...['2026-01-01T12:00:00Z', '2026-01-01T12:00:00z', '2026-01-01T12:00Z', '2026-01-01 12:00:00 UTC'],
  ...['2026-01-01 12:00:00+05:30', '2026-01-01 12:00:00-0530', '2026-01-01 12:00:00+05'],
  ...['2026-01-01 12:00:00 +05:30', '2026-01-01 12:00:00+23:59', '2026-01-01 12:00:00+24:00'],
  ...['0000-12-31 23:00:00', '0001-01-01 00:00:00+23:59', '9999-12-31 23:59:59-23:59'],
  // Digits and signs of other scripts.
  ...words('٣ １２ 1٠ ² ½ −5 ß 🙂'),
];

function words(text: string): string[] {
  return text.split(' ');
}

/** Type of a column, a text that is none of its values, and why. */
export const REFUSED_TEXTS: readonly [type: string, text: string, reason: string][] = [
  ['integer', 'two', 'not an integer'],
  ['integer', '8.7', 'not an integer'],
  ['integer', '8.0', 'not an integer'],
  ['integer', '1_000', 'not an integer'],
  ['integer', '1,000', 'not an integer'],
  ['integer', ' 5 ', 'not an integer'],
  ['integer', '1e3', 'not an integer'],
  ['integer', '0x10', 'not an integer'],
  ['integer', '٣', 'not an integer'],
  ['integer', '9223372036854775808', 'outside the 64-bit integers'],
  ['decimal(6,2)', '1.005', '3 digits after the point, decimal(6,2) has 2'],
  ['decimal(6,2)', '12345.6', '5 digits before the point, decimal(6,2) has 4'],
  ['decimal(6,2)', '1e-3', 'not a decimal'],
  ['decimal', 'infinity', 'not a decimal'],
  ['decimal', 'NaN', 'not a decimal'],
  ['decimal', `1${'0'.repeat(38)}`, '39 digits before the point, decimal(38,0) has 38'],
  ['float', 'infinity', 'not a number'],
  ['float', '1e999', 'outside the range of a double'],
  ['boolean', 'maybe', 'not a boolean'],
  ['date', '2026-13-01', 'not a date (YYYY-MM-DD)'],
  ['date', '2026-02-29', 'not a date (YYYY-MM-DD)'],
  ['date', '01.02.2026', 'not a date (YYYY-MM-DD)'],
  ['date', 'infinity', 'not a date (YYYY-MM-DD)'],
  ['date', '2026-01-01 10:00', 'not a date (YYYY-MM-DD)'],
  ['timestamp', '2026-01-01 25:00', 'not a timestamp (YYYY-MM-DD HH:MM:SS)'],
];

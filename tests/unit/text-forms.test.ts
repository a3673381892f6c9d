import { explainFormat } from '../../pipeline/date-format';
import { plainText, type TextForms } from '../../pipeline/text-forms';
import { csvOptions } from '../../sources/csv/options';
import { textRules } from '../../sources/csv/form-options';

const POINT: TextForms = { decimal_separator: '.' };

describe('a form of texts that a user declares', () => {
  it.each<[Partial<TextForms>, string, string | null]>([
    [{ thousands_separator: ',' }, '1,234,567.50', '1234567.50'],
    [{ thousands_separator: ',' }, '12,34,567', '1234567'],
    [{ thousands_separator: ',' }, '1234', '1234'],
    [{ thousands_separator: ',' }, '1,23', null],
    [{ thousands_separator: ',' }, '1,2345', null],
    [{ thousands_separator: ',' }, '1.5,000', null],
    [{ thousands_separator: '.', decimal_separator: ',' }, '-1.234,5', '-1234.5'],
    [{ thousands_separator: ' ' }, '1\u202f234\u00a0567', '1234567'],
    [{ thousands_separator: "'" }, '1\u2019234', '1234'],
    [{ number_signs: ['€'] }, '-€ 9.50', '-9.50'],
    [{ number_signs: ['€'] }, '9.50\u00a0€', '9.50'],
    [{ number_signs: ['€'] }, '$9', '$9'],
    [{ number_signs: ['%', 'EUR'], thousands_separator: ',' }, '1,200.5 EUR', '1200.5'],
    [{}, '1,234', '1,234'],
  ])('%j makes a number of %j: %j', (forms, text, plain) => {
    expect(plainText(text, 'decimal', { ...POINT, ...forms })).toBe(plain);
  });

  it.each<[string, string, string | null]>([
    ['%d.%m.%Y', '1.2.2026', '2026-02-01'],
    ['%d.%m.%Y', '2026-02-01', null],
    ['%m/%d/%y', '12/31/69', '1969-12-31'],
    ['%m/%d/%y', '12/31/68', '2068-12-31'],
    ['%d %b %Y', '01 Sep 2026', '2026-09-01'],
    ['%B %-d, %Y', 'sEptember 1, 2026', '2026-09-01'],
    ['%Y%m%d', '20260901', '2026-09-01'],
    ['%Y%m%d', '2026091', null],
    ['100%% %Y-%m-%d', '100% 2026-09-01', '2026-09-01'],
  ])('%j makes a date of %j: %j', (date_format, text, iso) => {
    expect(plainText(text, 'date', { ...POINT, date_format })).toBe(iso);
  });

  it.each<[string, string, string | null]>([
    ['%m/%d/%Y %I:%M %p', '9/1/2026 12:05 am', '2026-09-01 00:05:00'],
    ['%m/%d/%Y %I:%M %p', '9/1/2026 13:05 am', null],
    ['%d.%m.%Y %H:%M:%S.%f %z', '1.9.2026 1:02:03.5 +0530', '2026-09-01 01:02:03.5+0530'],
    ['%FT%T', '2026-09-01T01:02:03', '2026-09-01 01:02:03'],
    ['%FT%T', '2026-09-01', '2026-09-01'],
  ])('%j makes a time of %j: %j', (timestamp_format, text, iso) => {
    expect(plainText(text, 'timestamp', { ...POINT, timestamp_format })).toBe(iso);
  });

  it.each<[string, boolean, RegExp]>([
    ['%d.%m', false, /needs one year, one month and one day/],
    ['%Y-%m-%d %H', false, /has a time of day \(%H\)/],
    ['%Y-%m-%d', true, /needs an hour/],
    ['%Y-%m-%d %I:%M', true, /needs %I and %p together/],
    ['%Y-%Y-%m-%d', false, /has %Y twice/],
    ['%Q', false, /has no directive %Q/],
    ['%', false, /has no directive %/],
    ['%Y %y %m %d', false, /one year/],
  ])('%j is refused', (format, withTime, reason) => {
    expect(explainFormat(format, withTime)).toMatch(reason);
    const option = withTime ? 'timestamp_format' : 'date_format';
    for (const given of [format, { day: format }])
      expect(csvOptions.safeParse({ path: 'a.csv', [option]: given }).success).toBe(false);
  });

  it.each([
    { thousands_separator: '.', decimal_separator: '.' },
    { thousands_separator: '1' },
    { number_signs: ['1'] },
    { number_signs: ['-'] },
    { number_signs: ['e'] },
    { true_values: ['ja'] },
    { false_values: ['nein'] },
    { true_values: ['x'], false_values: ['x'] },
  ])('%j is refused', (options) => {
    expect(csvOptions.safeParse({ path: 'a.csv', ...options }).success).toBe(false);
  });

  it('may be that of single columns', () => {
    const options = csvOptions.parse({
      path: 'a.csv',
      date_format: { day: '%d.%m.%Y', toString: '%Y%m%d' },
      timestamp_format: '%d.%m.%Y %H:%M',
    });
    expect(textRules(options)).toMatchObject({
      timestamp_format: '%d.%m.%Y %H:%M',
      columns: { day: { date_format: '%d.%m.%Y' }, toString: { date_format: '%Y%m%d' } },
    });
  });
});

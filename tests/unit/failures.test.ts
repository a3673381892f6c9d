import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { toFailure } from '../../activities/failures';
import {
  ERROR_CODES,
  FlexetlError,
  NON_RETRYABLE_CODES,
  type ErrorCode,
  type Place,
} from '../../pipeline/errors';
import type { RunReport } from '../../pipeline/report';
import { bookRows } from '../../pipeline/row-balance';
import { errorReportOf, failureOf } from '../../workflows/failures';

const PLACE: Place = { file: 'a.csv', line: 2, record: 1, column: 'n', value: 'x', reason: 'not an integer' };

function inActivity(cause: Error): ActivityFailure {
  return new ActivityFailure(
    'Activity task failed',
    'extract',
    '1',
    RetryState.MAXIMUM_ATTEMPTS_REACHED,
    'me',
    cause,
  );
}

describe('an error that crosses from an activity to the workflow and into the report', () => {
  it.each(Object.keys(ERROR_CODES).filter((code) => code !== 'CANCELLED') as ErrorCode[])(
    'keeps its code %s, message, hint and places, and is retried only if that can help',
    (code) => {
      const failure = toFailure(new FlexetlError(code, { message: 'm', hint: 'h', places: [PLACE] }));
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ type: code, nonRetryable: NON_RETRYABLE_CODES.includes(code) });
      expect(errorReportOf(inActivity(failure), 'extract')).toEqual({
        code,
        message: 'm',
        hint: 'h',
        places: [PLACE],
        step: 'extract',
      });
    },
  );

  it('holds nothing of the cause, which may have values in it', () => {
    const cause = new Error('Conversion Error: could not convert "SECRET"');
    const failure = toFailure(new FlexetlError('VALUE_OVERFLOW', { message: 'm', cause }));
    expect(JSON.stringify({ ...failure, message: failure.message, cause: failure.cause })).not.toContain(
      'SECRET',
    );
  });

  it.each([
    ['ENOSPC', 'DISK_FULL', false],
    ['EACCES', 'PATH_UNWRITABLE', true],
    ['EROFS', 'PATH_UNWRITABLE', true],
    ['EIO', 'INTERNAL', false],
  ])('of the operating system, %s, is %s', (errno, type, nonRetryable) => {
    const error = Object.assign(new Error(`${errno}: open '/x'`), { code: errno });
    expect(toFailure(error)).toMatchObject({ type, nonRetryable });
  });

  it('that is unknown shows only its first line, and is tried again', () => {
    expect(toFailure(new TypeError('oops\n  at secret'))).toMatchObject({
      type: 'INTERNAL',
      message: 'Unexpected: oops',
      nonRetryable: false,
    });
    expect(toFailure('text')).toMatchObject({ message: 'Unexpected: text' });
  });

  it('that is a cancellation stays one', () => {
    const cancelled = toFailure(new FlexetlError('CANCELLED', { message: 'Cancelled.' }));
    expect(cancelled).toBeInstanceOf(CancelledFailure);
    expect(toFailure(cancelled)).toBe(cancelled);
    expect(errorReportOf(inActivity(cancelled), 'load')).toMatchObject({ code: 'CANCELLED', step: 'load' });
  });

  it('that is a failure already passes through', () => {
    const failure = ApplicationFailure.retryable('m', 'TRANSIENT');
    expect(toFailure(failure)).toBe(failure);
  });
});

describe('the report of an error', () => {
  it('names workers that stopped answering', () => {
    const timeout = new TimeoutFailure('activity Heartbeat timeout', undefined, TimeoutType.HEARTBEAT);
    expect(errorReportOf(inActivity(timeout), 'load')).toMatchObject({
      code: 'TRANSIENT',
      message: 'The step load was given up: its workers stopped answering (HEARTBEAT).',
    });
  });

  it('takes a code that is not in the list, or none, for internal', () => {
    for (const type of ['toString', 'MadeUp', undefined])
      expect(errorReportOf(inActivity(ApplicationFailure.nonRetryable('m', type)), 'load').code).toBe(
        'INTERNAL',
      );
    expect(errorReportOf(new Error('plain'), 'load')).toEqual({
      code: 'INTERNAL',
      message: 'plain',
      step: 'load',
    });
  });

  it('of the workflow itself is told as it is', () => {
    const error = new FlexetlError('ROWS_UNBALANCED', { message: 'm', hint: 'h' });
    expect(errorReportOf(error, 'load')).toEqual({
      code: 'ROWS_UNBALANCED',
      message: 'm',
      step: 'load',
      hint: 'h',
    });
  });
});

describe('the failure of a workflow', () => {
  const report = { pipeline: 'p', rows: bookRows(0, 0, [], 0), error: null } as unknown as RunReport;

  it('is typed with the code of the report, which is in its details', () => {
    const failed = { ...report, error: { code: 'SOURCE_CHANGED' as const, message: 'm' } };
    expect(failureOf(failed)).toMatchObject({
      type: 'SOURCE_CHANGED',
      message: 'm',
      nonRetryable: true,
      details: [failed],
    });
    expect(failureOf(report)).toMatchObject({ type: 'INTERNAL', message: 'The run failed.' });
  });
});

/** The names of parts: derived from the step and the index, and for typed parts from the types. */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../../pipeline/errors';
import { formatType, type Schema } from '../../pipeline/types';

export const PLAN = 'plan';
/** The schema of the output. */
export const OUTPUT = 'output';

/** The digest of the final types. */
export const TYPES = 'types';

/** The rows that fail checks of the input as a whole. */
export const INPUT_VERDICTS = 'verdicts-of-input';

/** What checks keep of the run, once it is published. */
export const KEPT = 'kept';

export const LANDED_PREFIX = 'landed/';

/** The name of what `land` keeps: the place of a partition, and where the next one starts. */
export function landedName(partition: number): string {
  return `${LANDED_PREFIX}${pad(partition)}`;
}

/** All staged forms of a partition start with this. */
export function extractPrefix(partition: number): string {
  return `extract/${pad(partition)}-`;
}

/** The types are part of the name: a late attempt with older types cannot replace a part with newer ones. */
export function extractName(partition: number, schema: Schema): string {
  return extractPrefix(partition) + schemaDigest(schema);
}

/** All verdicts on the records of a partition, see `engine/extract/verdicts.ts`. */
export function verdictsName(partition: number): string {
  return `verdicts/${pad(partition)}`;
}

/** The records of a partition that are quarantined, see `engine/extract/letters.ts`. */
export function lettersName(partition: number): string {
  return `letters/${pad(partition)}`;
}

/** What a partition has shown of the types of columns, beyond the sample. */
export const EVIDENCE_PREFIX = 'evidence/';

export function evidenceName(partition: number): string {
  return `${EVIDENCE_PREFIX}${pad(partition)}`;
}

export function outputName(part: number): string {
  return `transform/${pad(part)}`;
}

/** @param message what is missing */
export function stagingMissing(message: string): FlexetlError {
  return new FlexetlError('STAGING_MISSING', {
    message,
    hint: 'All workers of a task queue need the same FLEXETL_STAGING_DIR, on a shared volume.',
  });
}

/** @param message what is damaged */
export function stagingDamaged(
  message: string,
  { cause, next = 'it continues with what is whole' }: { cause?: unknown; next?: string } = {},
): FlexetlError {
  return new FlexetlError('STAGING_DAMAGED', {
    message,
    hint: `Check the disk of the staging folder, then run the pipeline again: ${next}.`,
    cause,
  });
}

/** An error of writing to the staging folder: a full disk is said as such, which a run waits for. */
export function explainFull(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ENOSPC') return error;
  return stagingFull(error);
}

export function stagingFull(cause: unknown): FlexetlError {
  return new FlexetlError('DISK_FULL', {
    message: 'The disk of the staging folder is full.',
    hint: 'Free space, or point FLEXETL_STAGING_DIR at a larger disk; the run then continues.',
    cause,
  });
}

function pad(index: number): string {
  return String(index).padStart(5, '0');
}

/** Eight hex digits of the names and types. */
export function schemaDigest(schema: Schema): string {
  const text = JSON.stringify(schema.map((column) => [column.name, formatType(column.type)]));
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** What the system says of a folder or a disk, in words that help. */
import { FlexetlError, messageOf } from '../../pipeline/errors';

/** @param place for users */
export function explainFailure(error: unknown, place: string): unknown {
  const { code = codeIn(error) } = error as { code?: string };
  if (code === 'ENOSPC' || code === 'DISK_FULL') {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of ${place} is full.`,
      hint: 'Free some space; the run then continues by itself.',
      cause: error,
    });
  }
  // Of a folder like /proc, which says so when it gets a file.
  const isRefused = code === 'ENOENT' && /^mk/.test((error as NodeJS.ErrnoException).syscall ?? '');
  if (error instanceof FlexetlError || !(UNWRITABLE.has(code) || isRefused)) return error;
  return new FlexetlError('TARGET_INVALID', {
    message: `${place} cannot be written: ${messageOf(error)}.`,
    hint: 'Check that its folder can be created and written to, or choose another one in `path`.',
    cause: error,
  });
}

const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG']);

/** DuckDB has the system's message in its own. */
function codeIn(error: unknown): string {
  const message = messageOf(error);
  const [, code = ''] = MESSAGES.find(([text]) => message.includes(text)) ?? [];
  return code;
}

const MESSAGES = [
  ['No space left', 'ENOSPC'],
  ['Permission denied', 'EACCES'],
  ['Read-only file system', 'EROFS'],
  ['File name too long', 'ENAMETOOLONG'],
] as const;

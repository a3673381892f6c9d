/** How problems of records are worded; never with a value. */
import { LIMITS } from '../../pipeline/limits';
import { LINE_FEED } from './tokens';

export const TOO_DEEP = `nested more than ${LIMITS.jsonDepthMax} levels deep`;

const NAME_CHARS_MAX = 40;

/** Why a text does not end at a byte that it cannot have. */
export function textProblem(byte: number | undefined): string {
  return byte === LINE_FEED || byte === 0 ? 'a text without an end' : 'a control character in a text';
}

/** A key in quotes. */
export function shown(name: string): string {
  const short = name.length > NAME_CHARS_MAX ? `${name.slice(0, NAME_CHARS_MAX)}…` : name;
  return JSON.stringify(short);
}

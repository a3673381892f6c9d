import type { Tools } from '../../pipeline/plugin';

/** What a source or a target is given, with all its folders in one. */
export function toolsOf(dir: string, signal = new AbortController().signal): Tools {
  return { projectDir: dir, runDir: dir, scratchDir: dir, signal, progress: () => undefined };
}

/** Loads a program that `npm run build` has packed into one file, with V8's bytecode of it kept beside it. */
import { readdirSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** The folder of programs, from dist/build. */
export const PROGRAM_DIR = join(__dirname, '..', 'program');

/** Bytes of the checksum at the end of a bytecode file. */
const CHECKSUM_BYTES = 4;

/** @returns the file of a program, which has a hash of its content in its name; undefined when none is packed */
export function findPacked(name: string, dir = PROGRAM_DIR): string | undefined {
  try {
    const [file] = readdirSync(dir).filter((entry) => isPacked(name, entry));
    return file === undefined ? undefined : join(dir, file);
  } catch {
    return undefined;
  }
}

function isPacked(name: string, entry: string): boolean {
  return entry.startsWith(`${name}-`) && /^[0-9a-f]{16}\.js$/.test(entry.slice(name.length + 1));
}

/** Compiles and runs a packed file. @returns what it exports, and its script */
export function loadPacked(file: string): { exports: unknown; script: Script } {
  // esbuild writes nothing but ASCII.
  const source = Module.wrap(readFileSync(file, 'latin1'));
  const cachedData = readBytecode(file);
  const script = new Script(source, {
    filename: file,
    ...(cachedData && { cachedData }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module: { exports: unknown } = { exports: {} };
  const run = script.runInThisContext() as (...values: unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
  return { exports: module.exports, script };
}

/** Beside the file, whose name has its hash: bytecode of any other content has another name. */
export function bytecodeFile(file: string): string {
  return file.replace(/\.js$/, '.bytecode');
}

export function sealBytecode(bytecode: Buffer): Buffer {
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(bytecode));
  return Buffer.concat([bytecode, checksum]);
}

/**
 * V8 itself refuses the bytecode of another version of Node or of other flags, and then compiles the source; it
 * would run what is cut short or has another byte in it.
 * @returns undefined where there is none that is whole
 */
function readBytecode(file: string): Buffer | undefined {
  try {
    const sealed = readFileSync(bytecodeFile(file));
    const bytecode = sealed.subarray(0, -CHECKSUM_BYTES);
    return sealed.readUInt32LE(bytecode.length) === crc32(bytecode) ? bytecode : undefined;
  } catch {
    return undefined;
  }
}

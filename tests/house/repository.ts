/** The repository as the house tests look at it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';
import ts from 'typescript';

export const PROJECT_DIR = join(__dirname, '../..');

/** Folders of product code, as `ls` shows them: all that are built, but the benchmarks. */
export const PRODUCT_DIRS = readJson<{ include: string[] }>('tsconfig.build.json').include.filter(
  (dir) => dir !== 'bench',
);

export const productFiles = listFiles(PRODUCT_DIRS.map((dir) => `${dir}/**/*.ts`));
export const testFiles = listFiles(['tests/**/*.ts']);
export const benchFiles = listFiles(['bench/*.ts']);
export const docFiles = listFiles(['*.md', 'docs/**/*.md', 'data/*.md']);

/** Paths relative to the project, sorted. */
export function listFiles(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: PROJECT_DIR, dot: true }).sort();
}

export function readText(path: string): string {
  return readFileSync(join(PROJECT_DIR, path), 'utf8');
}

export function readJson<T>(path: string): T {
  return JSON.parse(readText(path)) as T;
}

const parsed = new Map<string, ts.SourceFile>();

export function parseSource(path: string): ts.SourceFile {
  const file = parsed.get(path) ?? ts.createSourceFile(path, readText(path), ts.ScriptTarget.ES2022, true);
  parsed.set(path, file);
  return file;
}

/** Every node of a file, each before those below it. */
export function nodesOf(file: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return nodes;
}

/** `path:line`, for failures that a click opens. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile();
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

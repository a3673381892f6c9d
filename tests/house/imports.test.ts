import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import {
  benchFiles,
  nodesOf,
  parseSource,
  placeOf,
  PRODUCT_DIRS,
  productFiles,
  testFiles,
} from './repository';

/** What may import what. Sources and targets reach activities through `deps`, never by import. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  plugin: ['pipeline'],
  pipeline: ['plugin'],
  runtime: ['plugin', 'pipeline'],
  sources: ['plugin', 'pipeline', 'runtime'],
  targets: ['plugin', 'pipeline', 'runtime'],
  engine: ['plugin', 'pipeline', 'runtime'],
  activities: ['plugin', 'pipeline', 'runtime', 'engine'],
  workflows: ['pipeline'],
  server: ['pipeline', 'runtime'],
  worker: ['plugin', 'pipeline', 'runtime', 'sources', 'targets', 'activities', 'engine', 'server'],
  control: ['pipeline', 'runtime', 'workflows'],
  client: ['plugin', 'pipeline', 'runtime', 'engine', 'workflows', 'server', 'worker', 'control', 'build'],
  build: ['plugin', 'pipeline', 'runtime', 'worker'],
};

/** What may import nothing but types. */
const MAY_IMPORT_TYPES: Record<string, readonly string[]> = { workflows: ['activities'] };

/** Packages without I/O, and hashing, which is a function like any other. */
const PURE_PACKAGES = ['zod', 'yaml', 'jsep', 'node:crypto'];
const SANDBOX_PACKAGES = ['@temporalio/workflow', '@temporalio/common'];

/** The explicit lists. */
const LISTS = [
  'activities/index.ts',
  'pipeline/checks/index.ts',
  'pipeline/transforms/index.ts',
  'plugin/index.ts',
  'sources/index.ts',
  'targets/index.ts',
  'workflows/index.ts',
];

/** What sources, or targets, share with each other. */
const SHARED_ROOMS = ['sources/files', 'targets/files', 'targets/sql'];

const SQLITE_BINDING = 'targets/sqlite/binding.ts';

interface Import {
  /** `path:line`. */
  place: string;
  from: string;
  /** A path relative to the project without extension, or a package. */
  to: string;
  relative: boolean;
  typeOnly: boolean;
}

const imports = productFiles.flatMap(importsOf);

function importsOf(path: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    const relative = specifier.text.startsWith('.');
    const to = relative ? join(dirname(path), specifier.text.replace(/\.js$/, '')) : specifier.text;
    found.push({ place: placeOf(node), from: path, to, relative, typeOnly });
  };
  for (const node of nodesOf(parseSource(path))) {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnly(node.importClause));
    if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    if (ts.isCallExpression(node)) {
      const { expression } = node;
      const loads = expression.kind === ts.SyntaxKind.ImportKeyword || expression.getText() === 'require';
      if (loads) add(node, node.arguments[0], false);
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node, node.argument.literal, true);
  }
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const { name, namedBindings } = clause;
  if (name || !namedBindings || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

/** Groups of files, without extension, each of which reaches all others of its group through imports. */
function circlesOf(edges: readonly Import[]): string[][] {
  const graph = new Map<string, string[]>(productFiles.map((path) => [path.replace(/\.ts$/, ''), []]));
  for (const { from, to, relative } of edges) if (relative) graph.get(from.replace(/\.ts$/, ''))?.push(to);
  const reached = new Map([...graph.keys()].map((path) => [path, reachedFrom(path, graph)]));
  const circles = [...reached].map(([path, others]) =>
    [...others].filter((other) => reached.get(other)?.has(path)).sort(),
  );
  const known = new Set<string | undefined>([undefined]);
  return circles.filter(([first]) => !known.has(first) && known.add(first));
}

/** The file itself only if a circle leads back to it. */
function reachedFrom(path: string, graph: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>();
  const open = [path];
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const to of graph.get(next) ?? [])
      if (!reached.has(to)) {
        reached.add(to);
        open.push(to);
      }
  return reached;
}

const dirOf = (path: string): string => path.split('/')[0] ?? '';
const describeImport = ({ place, to }: Import): string => `${place} imports ${to}`;

describe('imports', () => {
  it('are found, so that the other tests mean something', () => {
    expect(productFiles.length).toBeGreaterThan(100);
    expect(imports.filter(({ relative }) => relative).length).toBeGreaterThan(300);
    expect(imports.some(({ typeOnly }) => typeOnly)).toBe(true);
    expect(Object.keys(MAY_IMPORT).sort()).toEqual([...PRODUCT_DIRS].sort());
  });

  it('point one way between the folders', () => {
    const wrong = imports.filter(({ from, to, relative, typeOnly }) => {
      if (!relative || dirOf(from) === dirOf(to)) return false;
      const dir = dirOf(from);
      const allowed = [...(MAY_IMPORT[dir] ?? []), ...(typeOnly ? (MAY_IMPORT_TYPES[dir] ?? []) : [])];
      return !allowed.includes(dirOf(to));
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  it('never lead in a circle, not even for types', () => {
    expect(circlesOf(imports).map((circle) => circle.join(' ↔ '))).toEqual([]);
  });

  it('never lead from one source or target into another', () => {
    const pluginOf = (path: string): string => path.replace(/\.ts$/, '').split('/').slice(0, 2).join('/');
    const wrong = imports.filter(({ from, to, relative }) => {
      const plugins = /^(sources|targets)\//;
      if (!relative || LISTS.includes(from) || !plugins.test(from) || !plugins.test(to)) return false;
      return pluginOf(from) !== pluginOf(to) && !SHARED_ROOMS.includes(pluginOf(to));
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  it('of pipeline/ are pure packages, or types', () => {
    const wrong = imports.filter(
      ({ from, to, relative, typeOnly }) =>
        dirOf(from) === 'pipeline' && !relative && !typeOnly && !PURE_PACKAGES.includes(to),
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  it("of workflows/ are what Temporal's sandbox has", () => {
    const wrong = imports.filter(
      ({ from, to, relative, typeOnly }) =>
        dirOf(from) === 'workflows' && !relative && !typeOnly && !SANDBOX_PACKAGES.includes(to),
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  it("of SQLite's binding are in one file, which chooses it", () => {
    const wrong = [...productFiles, ...benchFiles, ...testFiles]
      .flatMap(importsOf)
      .filter(
        ({ from, to, typeOnly }) => to.startsWith('better-sqlite3') && !typeOnly && from !== SQLITE_BINDING,
      );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  it('lead to one place where Temporal clients are made, so that a payload codec has one place', () => {
    const made = productFiles
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter((node) => {
        const name = ts.isNewExpression(node) && node.expression.getText();
        return name === 'Client' || name === 'WorkflowClient';
      });
    expect(made.map((node) => node.getSourceFile().fileName)).toEqual(['server/client.ts']);
  });

  it('of lists are lists: no other file is an index, and none exports all of another', () => {
    expect(productFiles.filter((path) => path.endsWith('/index.ts'))).toEqual(LISTS);
    const stars = [...productFiles, ...benchFiles]
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter((node) => ts.isExportDeclaration(node) && node.moduleSpecifier && !node.exportClause);
    expect(stars.map(placeOf)).toEqual([]);
  });
});

describe('pipeline/', () => {
  it('knows no clock, no chance, no environment and no timer', () => {
    const impure =
      /^(process|Date\.now|Math\.random|performance\.\w+|fetch|set(Timeout|Interval|Immediate))$/;
    const wrong = productFiles
      .filter((path) => dirOf(path) === 'pipeline')
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter((node) => {
        if (ts.isNewExpression(node)) return node.expression.getText() === 'Date' && !node.arguments?.length;
        const isName = ts.isPropertyAccessExpression(node) || (ts.isIdentifier(node) && isGlobalUse(node));
        return isName && impure.test(node.getText());
      });
    expect(wrong.map(placeOf)).toEqual([]);
  });
});

/** Not the name of a property, a parameter or a key of that spelling. */
function isGlobalUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node && node.text === 'process';
  return ts.isCallExpression(parent) && parent.expression === node;
}

/** Which values of a document are records: a JSONPath, as a tree of steps that a walk can take. */
import { paths, query, type JsonValue } from 'jsonpath-rfc9535';

/** What comes next, by the key or the place of a value. */
export interface PathStep {
  names: Map<string, number>;
  /** By index in an array. */
  places: Map<number, number>;
  /** For every other key and place. */
  every?: number;
  /** The value is a record, or an array of them. */
  isRecord?: boolean;
  /** The value is a record even if it is an array. */
  isElement?: boolean;
}

/** Steps by number: 0 is for the whole document. */
export type PathTree = readonly PathStep[];

/** Names, places and wildcards only: a document of any size is walked in one pass. */
const SEGMENT =
  /\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*(0|[1-9][0-9]{0,8})\s*\]|(\.\*|\[\s*\*\s*\])/gy;

/** A key, a place, or null for all. */
type Segment = string | number | null;

/** The segments of a path without filters, slices, unions and `..`; undefined for another path. */
export function plainSegments(path: string): Segment[] | undefined {
  if (!path.startsWith('$')) return undefined;
  const segments: Segment[] = [];
  SEGMENT.lastIndex = 1;
  while (SEGMENT.lastIndex < path.length) {
    const match = SEGMENT.exec(path);
    if (!match) return undefined;
    const [, name, single, double, place] = match;
    const quoted =
      double ??
      single?.replace(/\\.|"/g, (one) => (one === String.raw`\'` ? "'" : one === '"' ? String.raw`\"` : one));
    const key = name ?? (quoted === undefined ? undefined : unescape(quoted));
    segments.push(key ?? (place === undefined ? null : Number(place)));
  }
  return segments;
}

/** The text between double quotes. A wrong escape is no matter here: the path then finds nothing. */
function unescape(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return quoted;
  }
}

/** @param paths each leads to a record, or to an array of records */
export function createPathTree(paths: readonly (readonly Segment[])[]): PathTree {
  const tree: PathStep[] = [newStep()];
  for (const path of paths) {
    let at = 0;
    for (const segment of path) {
      const step = tree[at] as PathStep;
      const next = nextStep(step, segment);
      at = next ?? tree.push(newStep()) - 1;
      if (next === undefined) addStep(step, segment, at);
    }
    (tree[at] as PathStep).isRecord = true;
  }
  const element = tree.push({ ...newStep(), isRecord: true, isElement: true }) - 1;
  // An array of records: all its elements are.
  for (const step of tree.slice(0, -1)) if (step.isRecord) step.every = element;
  return tree;
}

function newStep(): PathStep {
  return { names: new Map(), places: new Map() };
}

function nextStep(step: PathStep, segment: Segment): number | undefined {
  if (segment === null) return step.every;
  return typeof segment === 'string' ? step.names.get(segment) : step.places.get(segment);
}

function addStep(step: PathStep, segment: Segment, next: number): void {
  if (segment === null) step.every = next;
  else if (typeof segment === 'string') step.names.set(segment, next);
  else step.places.set(segment, next);
}

/** What is wrong with a path; undefined for a good one. */
export function explainPath(path: string): string | undefined {
  if (plainSegments(path)) return undefined;
  try {
    query(null, path);
    return undefined;
  } catch {
    return 'must be a JSONPath (RFC 9535) such as $.data.items or $.orders[*]';
  }
}

/**
 * The tree of a path with filters, slices or `..`, found in one document.
 * @throws SyntaxError for a document that is not JSON
 */
export function findPaths(document: string, path: string): PathTree {
  const found = paths(JSON.parse(document) as JsonValue, path);
  return createPathTree(found.map((one) => plainSegments(one) ?? []));
}

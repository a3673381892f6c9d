/** The JSON Schema of a run report as a file, from the types in pipeline/report.ts and their comments. */
import { join } from 'node:path';
import ts from 'typescript';

interface Schema {
  [keyword: string]: unknown;
}

/** Fields that a later version adds are allowed: whoever reads reports must not fail at them. */
export function buildReportSchema(projectDir: string): Schema {
  const file = join(projectDir, 'pipeline/report.ts');
  const program = ts.createProgram([file], {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    skipLibCheck: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  const root = symbol && checker.getExportsOfModule(symbol).find(({ name }) => name === ROOT);
  if (!root) throw new Error(`${file} exports no ${ROOT}.`);
  const definitions: Record<string, Schema> = {};
  const schema = createReader(checker, definitions)(checker.getDeclaredTypeOfSymbol(root));
  const { [ROOT]: body, ...others } = definitions;
  const sorted = Object.fromEntries(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'FlexETL run report',
    ...(body ?? schema),
    $defs: sorted,
  };
}

const ROOT = 'ReportFile';

/** @param definitions gets the interfaces, by their names */
function createReader(
  checker: ts.TypeChecker,
  definitions: Record<string, Schema>,
): (type: ts.Type) => Schema {
  const read = (type: ts.Type): Schema => {
    if (type.isUnion()) return readUnion(type.types);
    if (type.isStringLiteral()) return { enum: [type.value] };
    if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.flags & ts.TypeFlags.String) return { type: 'string' };
    if (type.flags & ts.TypeFlags.Number) return { type: 'number' };
    if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
    if (checker.isArrayType(type))
      return { type: 'array', items: read(checker.getTypeArguments(type as ts.TypeReference)[0]!) };
    const name = type.isClassOrInterface() ? type.symbol.name : undefined;
    if (name === undefined) return readObject(type);
    if (!(name in definitions)) {
      definitions[name] = {};
      definitions[name] = { ...describe(type.symbol), ...readObject(type) };
    }
    return { $ref: `#/$defs/${name}` };
  };
  const readUnion = (types: readonly ts.Type[]): Schema => {
    const there = types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    const names = there.flatMap((one) => (one.isStringLiteral() ? [one.value] : []));
    if (names.length === there.length) return { enum: names };
    const forms = new Map(there.map((one) => [JSON.stringify(read(one)), read(one)]));
    const [first = {}, ...others] = forms.values();
    return others.length === 0 ? first : { anyOf: [first, ...others] };
  };
  const readObject = (type: ts.Type): Schema => {
    const values = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    if (values) return { type: 'object', additionalProperties: read(values.type) };
    const fields = checker.getPropertiesOfType(type);
    const isOptional = ({ flags }: ts.Symbol): boolean => (flags & ts.SymbolFlags.Optional) !== 0;
    return {
      type: 'object',
      properties: Object.fromEntries(
        fields.map((field) => [field.name, { ...read(checker.getTypeOfSymbol(field)), ...describe(field) }]),
      ),
      required: fields.filter((field) => !isOptional(field)).map(({ name }) => name),
    };
  };
  /** Its comment, with links as plain words. */
  const describe = (symbol: ts.Symbol): Schema => {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim();
    return text === '' ? {} : { description: text };
  };
  return read;
}

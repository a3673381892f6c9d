export interface PartialGroups { index: number; sql(rows: string): string; checkSql(groups: string): string }
export function planPartialGroups(_: unknown): PartialGroups | undefined { return undefined; }
export function looksWorthwhile(..._: unknown[]): boolean { return false; }

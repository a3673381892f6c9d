/** Names and texts as SQL. */

/** A quoted identifier. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal. DuckDB has no escapes in plain literals: only the quote is doubled. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

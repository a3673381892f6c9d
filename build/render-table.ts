/** Tables of Markdown for the generated documents. */

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Outside of code, a star (`*.csv`) would start italics. */
function escapeCell(text: string): string {
  const line = text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return line.replace(/`[^`]*`|\*\*required\*\*|\*/g, (found) => (found === '*' ? '\\*' : found));
}

/** Numbers in pipeline files: exact, or an error. */

/** A number or boolean as YAML reads it; every other text is itself. */
export function parsePlainScalar(text: string): { value: unknown; problem?: string } {
  if (/^(?:true|True|TRUE)$/.test(text)) return { value: true };
  if (/^(?:false|False|FALSE)$/.test(text)) return { value: false };
  if (!/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return { value: text };
  const value = Number(text);
  const problem = explainInexact(text, value);
  return problem ? { value, problem } : { value };
}

/** What is wrong with a number that JavaScript cannot keep exactly; undefined for an exact one. */
export function explainInexact(source: string, value: number): string | undefined {
  const quotes = 'Put it in quotes.';
  if (!Number.isFinite(value)) return `found ${source}, expected a finite number. ${quotes}`;
  if (/^0[xo]/.test(source)) return undefined;
  if (/^[-+]?0[0-9]/.test(source)) {
    return `found ${source}: as a number it loses its leading zeros. ${quotes}`;
  }
  return significantDigits(source) === significantDigits(String(value))
    ? undefined
    : `found ${source}, which has more digits than a number can keep. ${quotes}`;
}

function significantDigits(text: string): string {
  const digits = text.replace(/[eE].*$/, '').replace(/[-+.]/g, '');
  return digits.replace(/^0+/, '').replace(/0+$/, '');
}

/** HTML as a value: whatever is put into a template is text, unless it is HTML itself. */

export interface Html {
  readonly html: string;
}

export type Content = Html | string | number | null | false | undefined | readonly Content[];

/** The tag of a template: what it is given is escaped, lists are joined, and null, false and undefined are nothing. */
export function html(texts: TemplateStringsArray, ...contents: Content[]): Html {
  return { html: texts.map((text, index) => text + render(contents[index])).join('') };
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  if ('html' in content) return content.html;
  return content.map(render).join('');
}

/**
 * For text between tags, and in attributes in quotes. Characters that cannot be seen, or that turn the direction of what
 * follows, are written as `\u202e`.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, unseen)
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function unseen(char: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char];
  return short ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

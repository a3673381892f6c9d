/** Refuses documents of another format that are text too, and would be read as a table without a word. */
import { unreadable, type Head, type HeadOptions } from './head';

/** Enough for what a document starts with. */
const LOOKED_AT_BYTES = 4096;
const HTML = /^<(!doctype\s+html|html|head|body|table)[\s>]/i;
const XML = /^<(\?xml\s|!doctype\s)/i;
/** An object, or a list of objects or lists: a name in quotes and a colon, or a first value. */
const JSON_TEXT =
  /^(\[\s*)?\{\s*"([^"\\\r\n]|\\.)*"\s*:|^\[\s*\[\s*("|-?[0-9])|^(\[\s*(\{\s*\}\s*)?\]|\{\s*\})\s*$/;

/** @throws FlexetlError SOURCE_UNREADABLE for HTML, XML and JSON */
export function assertNoDocument(head: Head, options: HeadOptions): void {
  const text = head.bytes
    .toString('utf8', 0, LOOKED_AT_BYTES)
    .replace(/^\ufeff+/, '')
    .trimStart();
  if (HTML.test(text)) {
    const hint =
      'It may be an error or a sign-in page: look at it in a browser, and download the data again.';
    throw unreadable(head, 'is a web page (HTML), not CSV', hint);
  }
  if (XML.test(text)) {
    const hint =
      'XML is not read: export the data as CSV. It may also be the answer of a server to a failed request.';
    throw unreadable(head, 'is an XML document, not CSV', hint);
  }
  // Whoever skips lines, or says that lines without a header have this delimiter, has looked at them.
  const declared = options.skip_rows > 0 || (!options.header && options.delimiter !== undefined);
  if (declared || !JSON_TEXT.test(text)) return;
  throw unreadable(
    head,
    'is JSON, not CSV',
    'Set type: json for it. If only its first line is JSON, set skip_rows: 1.',
  );
}

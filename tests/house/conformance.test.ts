/** docs/conformance.md is that of the plugins and laws that there are. */
import { PLUGINS } from '../../worker/plugins';
import { LAWS as CHECK_LAWS } from '../support/check-laws';
import { FAKE, KINDS, type Kind } from '../support/conformance-table';
import { LAWS as SOURCE_LAWS } from '../support/source-laws';
import { TARGET_LAWS } from '../support/target-laws';
import { LAWS as TRANSFORM_LAWS } from '../support/transform-laws';
import { readText } from './repository';

const LAWS: Record<Kind, object> = {
  sources: SOURCE_LAWS,
  transforms: TRANSFORM_LAWS,
  checks: CHECK_LAWS,
  targets: TARGET_LAWS,
};

/** The cells of the table of a kind, header first. */
function tableOf(kind: Kind): string[][] {
  const [, section = ''] = readText('docs/conformance.md').split(new RegExp(`^## ${kind}$`, 'im'));
  const [own = ''] = section.split(/^## /m);
  const lines = own.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| -'));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

describe.each(Object.keys(KINDS) as Kind[])(
  'docs/conformance.md, %s; made by `npm run conformance`,',
  (kind) => {
    const [[, ...columns] = [], ...rows] = tableOf(kind);

    it('has every plugin and every law', () => {
      expect(columns).toEqual(expect.arrayContaining([...PLUGINS[kind].map(({ type }) => type), FAKE]));
      expect(rows.map(([law]) => law)).toEqual(Object.keys(LAWS[kind]));
    });

    it('has no law that is broken, and for each a fake that was caught', () => {
      for (const [law = '', ...cells] of rows) {
        expect([law, cells.at(-1)]).toEqual([law, 'caught']);
        const others = cells.slice(0, -1);
        expect([law, others.filter((cell) => !['passed', '–'].includes(cell))]).toEqual([law, []]);
        expect([law, others]).toEqual([law, expect.arrayContaining(['passed'])]);
      }
    });
  },
);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { describeOptions } from '../../pipeline/config/json-schema';
import { generateFiles } from '../../build/generate';
import { parsePipelineText } from '../../pipeline/config/parse';
import { optionsOf } from '../../pipeline/config/schema';
import { listPipelines, readPipelineFile } from '../../runtime/config-file';
import { PLUGINS as plugins } from '../../worker/plugins';

const projectDir = join(__dirname, '../..');

describe('generated files', () => {
  it.each(generateFiles(plugins, projectDir))(
    '$path is fresh: `npm run generate` changes nothing',
    (file) => {
      expect(readFileSync(join(projectDir, file.path), 'utf8')).toBe(file.text);
    },
  );
});

describe('every plugin', () => {
  it.each(
    Object.values(plugins)
      .flat()
      .map((plugin) => [plugin.type, plugin] as const),
  )('%s describes itself and each of its options', (_type, plugin) => {
    expect(plugin.description).toMatch(/\.$/);
    expect(optionsOf(plugin)).toBeInstanceOf(z.ZodObject);
    const { properties = {}, additionalProperties } = describeOptions(plugin.options);
    expect(additionalProperties).toBe(false);
    expect(Object.keys(properties)).not.toContain('type');
    const silent = Object.keys(properties).filter((key) => !properties[key]?.description);
    expect(silent).toEqual([]);
  });
});

describe('every pipeline of the repository', () => {
  it('is valid', async () => {
    const names = await listPipelines(projectDir);
    expect(names).toEqual(expect.arrayContaining(['sales', 'sales_pipeline']));
    for (const name of names) {
      const config = parsePipelineText({
        ...(await readPipelineFile({ name }, projectDir)),
        env: {},
        plugins,
      });
      expect(config.name).toBe(name);
    }
  });

  it('is refused with the place of a syntax error in an expression', () => {
    const text = readFileSync(join(projectDir, 'configs/sales.yaml'), 'utf8');
    const broken = text.replace('sum(quantity * unit_price)', 'sum(quantity * )');
    expect(() => parsePipelineText({ text: broken, file: 'configs/sales.yaml', env: {}, plugins })).toThrow(
      /configs\/sales\.yaml:\d+:\d+ pipeline\.transformations\.2\.aggregations\.total_revenue: /,
    );
  });
});

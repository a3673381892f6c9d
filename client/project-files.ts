/** The files of a new project, as `flexetl init <folder>` writes them. */
import { buildJsonSchema } from '../pipeline/config/json-schema';
import { PLUGINS } from '../worker/plugins';

/** Texts by path in the project. */
export type ProjectFiles = Readonly<Record<string, string>>;

/** @param version of FlexETL: the one that the project was made with, and no other */
export function projectFiles(name: string, version: string): ProjectFiles {
  return {
    'package.json': `${JSON.stringify(manifest(name, version), null, 2)}\n`,
    'flexetl.yaml': FLEXETL_YAML.replace('NAME', name),
    'configs/pipeline.schema.json': `${JSON.stringify(buildJsonSchema(PLUGINS), null, 2)}\n`,
    '.gitignore': 'node_modules/\noutput/\nlogs/\n.flexetl/\n.env\n',
    '.dockerignore': 'node_modules/\noutput/\nlogs/\n.flexetl/\n.env\n.git/\n',
    '.env.example': ENV_EXAMPLE,
    '.github/workflows/pipelines.yml': CI,
    Dockerfile: DOCKERFILE,
    'README.md': README.replace('NAME', name).replaceAll('VERSION', version),
  };
}

/** A pipeline with its data and a test. */
export function sampleFiles(target: Readonly<Record<string, string>>): ProjectFiles {
  const options = Object.entries({ ...target, mode: 'replace' });
  const lines = options.map(
    ([key, value]) => `${key}: ${/^[\w./-]+$/.test(value) ? value : JSON.stringify(value)}`,
  );
  return {
    'data/orders.csv': SAMPLE_DATA,
    'configs/orders.yaml': `${SAMPLE_PIPELINE}    - ${lines.join('\n      ')}\n`,
    'configs/orders.test.yaml': SAMPLE_TEST,
  };
}

function manifest(name: string, version: string): object {
  return {
    name: name.toLowerCase(),
    version: '0.0.0',
    private: true,
    scripts: { check: 'flexetl validate --all && flexetl test --all' },
    dependencies: { flexetl: version },
    // npm asks about packages that run a script when they are installed: this one fetches its binary for Node 20.
    allowScripts: { 'better-sqlite3': true },
  };
}

const FLEXETL_YAML = `# Tells the runs and loads of this project from those of others: do not change it once it has run.
project: NAME
`;

const ENV_EXAMPLE = `# Variables of this project. Copy this file to .env, which is not committed. A variable of the shell comes first.
# Secrets that pipelines name, as in {secret: API_TOKEN}, or connection_string_env: DATABASE_URL.
#API_TOKEN=
#DATABASE_URL=postgresql://user@localhost/shop
# The environment whose values pipelines take, as in environments: {prod: …}; --env comes first.
#FLEXETL_ENV=dev
# A Temporal server of yours. Without it the project runs its own.
#TEMPORAL_ADDRESS=localhost:7233
`;

const CI = `name: pipelines
on: [push, pull_request]
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 24
      - run: npm ci
      - run: npx flexetl validate --all
      - run: npx flexetl test --all
`;

const DOCKERFILE = `FROM flexetl:worker
COPY --chown=1000:1000 . /project
WORKDIR /project
ENV FLEXETL_PROJECT_DIR=/project
`;

const README = `# NAME

Pipelines of FlexETL VERSION.

| command                      | does                                                  |
| ---------------------------- | ----------------------------------------------------- |
| \`npm install\`                | installs FlexETL                                      |
| \`npx flexetl validate --all\` | checks the pipeline files in configs/                 |
| \`npx flexetl test --all\`     | runs their tests; needs no server                     |
| \`npx flexetl preview <name>\` | shows the first rows; writes to no target             |
| \`npx flexetl run <name>\`     | runs a pipeline; the result is in output/             |
| \`npx flexetl status\`         | shows the last run of each pipeline                   |
| \`npx flexetl init <file>\`    | writes a pipeline file for a CSV or JSON file         |
| \`npx flexetl dev\`            | a server, a worker and the Web UI, until Ctrl-C       |
| \`npx flexetl doctor\`         | checks this machine and this folder                   |

If npm does not find flexetl VERSION, install it from its file: \`npm install ./flexetl-VERSION.tgz\`. Commit that file too.

- configs/: one file for each pipeline. Editors complete them: configs/pipeline.schema.json. After an update:
  \`npx flexetl schema > configs/pipeline.schema.json\`.
- .env: variables and secrets of this machine; .env.example has their names.
- .github/workflows/pipelines.yml checks and tests the pipelines after each push. Commit package-lock.json for it.
- Dockerfile: the worker of FlexETL with these pipelines. It needs the image \`flexetl:worker\`.
- node_modules/flexetl/docs: the documents of this version.
`;

const SAMPLE_DATA = `order_id,ordered_on,shop,item,cups,price
1,2026-03-01,Harbour,Flat white,2,3.40
2,2026-03-01,Harbour,"Tea, mint",1,2.95
3,2026-03-01,Station,Flat white,3,3.60
4,2026-03-01,Station,Espresso,0,2.10
5,2026-03-02,Harbour,Flat white,4,3.40
6,2026-03-02,Harbour,,1,2.00
7,2026-03-02,Station,Espresso,2,2.10
8,2026-03-02,Station,Espresso,1,2.15
`;

const SAMPLE_PIPELINE = `# yaml-language-server: $schema=./pipeline.schema.json
# Cups and revenue of each shop, day by day. A sample: change it, or remove it with data/orders.csv and its test.
version: "1.0"

pipeline:
  name: orders
  tags: [daily]

  source:
    type: csv
    path: data/orders.csv

  transformations:
    - type: drop_nulls
    - type: filter
      column: cups
      operator: ">"
      value: 0
    - type: aggregate
      group_by: [ordered_on, shop]
      aggregations:
        cups: sum(cups)
        revenue: sum(cups * price)

  validation:
    schema:
      ordered_on: { type: date }
      cups: { type: integer }
      price: { type: decimal } # exact, with all digits of the input

  targets:
`;

const SAMPLE_TEST = `# Tests of configs/orders.yaml: \`flexetl test orders\` runs them.
version: "1.0"
tests:
  - name: cups and revenue are summed for each shop and day, exactly
    given:
      rows:
        - { order_id: 1, ordered_on: 2026-03-01, shop: Harbour, item: Tea, cups: 3, price: "0.10" }
        - { order_id: 2, ordered_on: 2026-03-01, shop: Harbour, item: Tea, cups: 2, price: "0.15" }
        - { order_id: 3, ordered_on: 2026-03-01, shop: Harbour, item: Tea, cups: 0, price: "9.99" }
    expect:
      rows:
        - { ordered_on: 2026-03-01, shop: Harbour, cups: 5, revenue: "0.6" }

  - name: half a cup is refused, with its place
    given:
      text: |
        order_id,ordered_on,shop,item,cups,price
        1,2026-03-01,Harbour,Tea,1.5,2.10
    expect:
      rejects:
        - { line: 2, column: cups, value: "1.5" }
`;

/** Lands all of the fake record source in a process that can be killed: `land-child.ts folder runNumber options faults`. */
import { openSource } from '../../engine/landing';
import { withFaults } from './fake-record-source';
import { landAll, openSandbox } from './source-sandbox';

const [, , dir = '', number = '', options = '{}', faults = '{}'] = process.argv;
const { context } = openSandbox(dir, { number: Number(number) });
const source = withFaults(JSON.parse(faults) as object);
void landAll(openSource(source, source.options.parse(JSON.parse(options)), context), 1);

/** Lands all of the fake record source in a process that can be killed: `land-child.ts folder runNumber options`. */
import { openSource } from '../../engine/landing';
import { fakeRecords } from './fake-record-source';
import { landAll, openSandbox } from './source-sandbox';

const [, , dir = '', number = '', options = '{}'] = process.argv;
const { context } = openSandbox(dir, { number: Number(number) });
void landAll(openSource(fakeRecords, fakeRecords.options.parse(JSON.parse(options)), context), 1);

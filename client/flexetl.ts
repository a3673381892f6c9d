#!/usr/bin/env node
/** The command `flexetl`: the packed program where there is one, else the same modules one by one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as Cli from './cli';
import { catchSignals } from './signals';

const onInterrupt = catchSignals();

const packed = join(__dirname, '..', 'program', 'cli.js');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- which of the two is known only here
const cli = require(existsSync(packed) ? packed : './cli.js') as typeof Cli;
cli.startProcess(onInterrupt);

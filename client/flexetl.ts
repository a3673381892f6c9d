#!/usr/bin/env node
/** The command `flexetl`: the packed program where there is one, else the same modules one by one. */
import type * as Cli from './cli';
import { findPacked, loadPacked } from '../build/packed';

const file = findPacked('flexetl');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only where nothing is packed
const cli = (file === undefined ? require('./cli') : loadPacked(file).exports) as typeof Cli;
cli.startProcess();

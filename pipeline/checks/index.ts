import type { Check } from '../../plugin/check';
import { nullCheck } from './null_check';

/** All checks of `validation.quality_checks`, by their `type` in the pipeline file. */
export const checks: readonly Check<unknown>[] = [nullCheck as Check<unknown>];

/** Passes over the bytes of a partition: in a thread if they take long, so that the event loop is not blocked. */
import { join } from 'node:path';
import { callThread } from '../../runtime/thread';
import { repairFile, type Repair, type RepairJob } from './repair';
import { sliceFile, type Slice, type SliceJob } from './slice';

/** A smaller pass ends before a thread has started, and blocks only for short times. */
const INLINE_BYTES_MAX = 8 * 1024 * 1024;
const THREAD = join(__dirname, 'csv-thread');

/** @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED */
export function runJob(job: SliceJob, signal: AbortSignal): Promise<Slice>;
export function runJob(job: RepairJob, signal: AbortSignal): Promise<Repair>;
export function runJob(job: SliceJob | RepairJob, signal: AbortSignal): Promise<Slice | Repair> {
  const bytes = (job.task === 'slice' ? job.target : job.end) - job.start;
  return bytes <= INLINE_BYTES_MAX ? doJob(job) : callThread(THREAD, job, signal);
}

export function doJob(job: SliceJob | RepairJob): Promise<Slice | Repair> {
  return job.task === 'slice' ? sliceFile(job) : repairFile(job);
}

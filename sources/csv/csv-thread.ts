/** The thread of `jobs.ts`. */
import { answerCall } from '../../runtime/thread';
import { doJob } from './jobs';

answerCall(doJob);

/** The thread of `pass.ts`. */
import { answerCall } from '../../runtime/thread';
import { doPass } from './pass';

answerCall(doPass);

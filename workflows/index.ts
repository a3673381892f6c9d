/** The workflow types of a worker. */
export { pipeline } from './pipeline';

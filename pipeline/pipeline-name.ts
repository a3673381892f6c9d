/** The names of pipelines. In a module of its own: every command looks for the project, and needs no schema for that. */

/** Folders of `configs/` come first, as in `finance/ledger`. */
export const PIPELINE_NAME = /^(?=.{1,100}$)[A-Za-z0-9][A-Za-z0-9_.-]*(\/[A-Za-z0-9][A-Za-z0-9_.-]*)*$/;

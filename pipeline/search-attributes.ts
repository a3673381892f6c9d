/** Temporal's search attributes of a run, by name with their type: `FlexetlStatus = "failed"` filters the Web UI's list. */
export const SEARCH_ATTRIBUTES = {
  FlexetlPipeline: 'Keyword',
  /** As in the run report. */
  FlexetlStatus: 'Keyword',
  /** Rows of the output that were loaded. */
  FlexetlRows: 'Int',
  /** The code of the error. */
  FlexetlError: 'Keyword',
} as const;

/** The result of extract for a partition: for the workflow, and in the receipt of the staged part. */

export interface ExtractResult {
  /** Good rows. */
  rows: number;
  rejected: number;
  /** Digest of the types of the staged rows: extract is done when it is the same for all partitions. */
  types: string;
}

/** The receipt of a staged part; the digest of its types is in its name. */
export interface ExtractReceipt extends Omit<ExtractResult, 'types'> {
  kind: 'rows' | 'groups';
  /** Checks that fail, over all records: rows of the verdicts part, which is absent if there are none. */
  verdicts: number;
  /** Of the staged columns, in their order. */
  types: readonly string[];
  /** States of the dataset checks, in their order. */
  states: readonly unknown[];
  /** Rows that meet the conditions of checks with a percentage, in their order. */
  counted: readonly number[];
  /** Name of the part that has the rows, where this one is the same rows with wider types. */
  stagedAs?: string;
}

/** What extract says of a partition: to the workflow, and in the receipt of the staged part. */

export interface ExtractResult {
  /** Good rows. */
  rows: number;
  rejected: number;
  /** Digest of the types that its rows are staged with: extract is done when all partitions have the same. */
  types: string;
}

/** What is known of a staged part; its types are in its name. */
export interface ExtractReceipt extends Omit<ExtractResult, 'types'> {
  kind: 'rows' | 'groups';
  /** Of the staged columns, in their order. */
  types: readonly string[];
  /** States of the dataset checks, in their order. */
  states: readonly unknown[];
  /** The part that has the rows, where this one is the same under wider types. */
  stagedAs?: string;
}

/** What an aggregate keeps of the rows of a part. */
export interface AggregateState {
  /** Distinguishes the states of one aggregate. */
  name: string;
  /** The DuckDB type that it is stored in. */
  storedAs: string;
  /** What one row contributes. */
  ofRow: string;
  /** What the rows of a group contribute: an aggregate. */
  ofRows: string;
}

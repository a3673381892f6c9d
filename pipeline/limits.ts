/** Every number that bounds something, with its reason. Units stand last in the names. */
export const LIMITS = {
  /** A pipeline file larger than this is refused before it is parsed (YAML bombs). */
  configBytesMax: 1024 * 1024,
  /** YAML aliases expanded in one file; more is a bomb, not a pipeline. */
  yamlAliasesMax: 50,
  /** Activity inputs and results: far below Temporal's 2 MB payload error, so history stays small. */
  payloadBytesMax: 64 * 1024,
  /** Places shown when records do not fit: enough to see the pattern, small enough for a payload. */
  placesMax: 20,
  /** Characters kept of an offending value. */
  valueCharsMax: 80,
  /** A chunk when `chunk_size` is not given; measured: slices of this size cost no more than one pass. */
  chunkBytesDefault: 128 * 1024 * 1024,
  /** A chunk below this is more overhead than work. */
  chunkBytesMin: 64,
  /** Chunks in one run; more would swell plan and history. */
  chunksMax: 50_000,
  /** Read from the head of a source to guess types and the delimiter. */
  sampleBytes: 1024 * 1024,
  /** Records of the sample that types are guessed from. */
  sampleRecordsMax: 10_000,
  /** One field; a longer one is an unclosed quote far more often than data. */
  fieldBytesMax: 16 * 1024 * 1024,
  /** Digits of a decimal: DuckDB's widest is DECIMAL(38, s). */
  decimalDigitsMax: 38,
  /** Decimals of at most this many digits are 64-bit integers inside DuckDB: fast. */
  decimalDigitsFast: 18,
  /** Rows of one load activity; its transaction is what a kill redoes. */
  loadPartRowsMax: 1_000_000,
  /** Heartbeat interval; cancellation reaches an activity with the next beat. */
  heartbeatIntervalMs: 500,
  /** An activity silent for this long is taken for dead and run elsewhere. */
  heartbeatTimeoutMs: 10_000,
  /** Grace for running activities at shutdown, then force. Below the 30 s of container runtimes. */
  shutdownGraceMs: 20_000,
  shutdownForceMs: 25_000,
  /** DuckDB's memory_limit when `scalability.memory.limit_mb` is absent; RSS is larger than this. */
  duckdbMemoryMb: 400,
  /** Inflated bytes of a .gz source per compressed byte; above it is a bomb. */
  gzipRatioMax: 1000,
} as const;

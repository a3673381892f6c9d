/** Every number that bounds something, with its reason. Units stand last in the names. */
export const LIMITS = {
  /** A pipeline file larger than this is refused before it is parsed (YAML bombs). */
  configBytesMax: 1024 * 1024,
  /** YAML aliases expanded in one file; more is a bomb, not a pipeline. */
  yamlAliasesMax: 50,
  /** Levels of nesting in one file; a pipeline has about six, a parser that recurses breaks at thousands. */
  yamlDepthMax: 64,
  /** Activity inputs and results: far below Temporal's 2 MB payload error, so history stays small. */
  payloadBytesMax: 64 * 1024,
  /** Places shown when records do not fit: enough to see the pattern, small enough for a payload. */
  placesMax: 20,
  /** Problems of one pipeline file that are reported: more are not read, and take long to find. */
  problemsMax: 100,
  /** Characters kept of an offending value. */
  valueCharsMax: 80,
  /** Size of the pieces that a large source is cut into: what a kill redoes, a second of work. */
  chunkBytesDefault: 128 * 1024 * 1024,
  /** A file up to this size is read in place and in one piece: no copy, and some seconds of work. */
  inPlaceBytesMax: 1024 * 1024 * 1024,
  /** Characters kept of a record as it stands in its source. */
  rawCharsMax: 1000,
  /** A chunk below this is more overhead than work. */
  chunkBytesMin: 64,
  /** Chunks in one run; more would swell plan and history. */
  chunksMax: 50_000,
  /** Read from the head of a source to guess types and the delimiter. */
  sampleBytes: 1024 * 1024,
  /** Records of the sample that types are guessed from. */
  sampleRecordsMax: 1_000,
  /** Columns whose evidence one query counts: eight aggregates each, planned in more than linear time. */
  evidenceColumnsMax: 25,
  /** One field; a longer one is an unclosed quote far more often than data. */
  fieldBytesMax: 16 * 1024 * 1024,
  /** An expression is a formula, not a program. */
  expressionCharsMax: 4000,
  /** Levels of nesting: keeps the recursion of parser and compiler far from the end of the stack. */
  expressionDepthMax: 100,
  /** A divisor stands twice in the SQL, so quotients nested in divisors double it at every level. */
  expressionSqlCharsMax: 100_000,
  /** A regular expression of a filter. */
  patternCharsMax: 1000,
  /** Values of `in` and `not_in`; more belong into a file. */
  listValuesMax: 10_000,
  /** Digits of a decimal: DuckDB's widest is DECIMAL(38, s). */
  decimalDigitsMax: 38,
  /** Decimals of at most this many digits are 64-bit integers inside DuckDB: fast. */
  decimalDigitsFast: 18,
  /**
   * A part is staged as partial groups where each stands for at least so many rows. Processor time of
   * 10 M rows, staged as rows and grouped later: 6.3 s; as partial groups of 3.6 rows: 7.3 s, 6.9 rows: 6.2 s, 13.7
   * rows: 5.3 s.
   */
  rowsPerGroupMin: 6,
  /** Rows of one load activity; its transaction is what a kill redoes. */
  loadPartRowsMax: 1_000_000,
  /** Heartbeat interval; cancellation reaches an activity with the next beat. */
  heartbeatIntervalMs: 500,
  /** An activity silent for this long is taken for dead and run elsewhere. */
  heartbeatTimeoutMs: 10_000,
  /** Grace for running activities at shutdown, then force. Below the 30 s of container runtimes. */
  shutdownGraceMs: 20_000,
  shutdownForceMs: 25_000,
  /** A worker that is to end and has had nothing to do for this long has nothing to wait for. */
  idleStopMs: 2_000,
  /** A server on the usual local port that needs longer than this to answer is passed over. */
  serverProbeMs: 1500,
  /** A configured server that does not answer within this is an error; long enough for one that is just starting. */
  serverConnectMs: 4000,
  /** The embedded server is up in 0.3 s; only a machine in distress needs longer than this. */
  serverStartMs: 30_000,
  /** An embedded server that was up before and does not answer for this long is hung, and replaced. */
  serverHungMs: 10_000,
  /** How often a command looks whether its embedded server still lives. */
  serverWatchMs: 200,
  /** The embedded server's log is begun anew at a start that finds it larger than this. */
  serverLogBytesMax: 10 * 1024 * 1024,
  /** A lock whose holder has not renewed it for this long belonged to a command that was killed. */
  lockStaleMs: 5000,
  /** Waiting for another command that starts or ends the embedded server. */
  lockWaitMs: 60_000,
  /** Reading pages into one partition ends after this long: what a kill asks for again. */
  landingMs: 2_000,
  /** A download that sends nothing for this long has failed, from the first byte on. */
  downloadReplyMs: 10_000,
  /** Building the server with Go takes two minutes on two cores. */
  goInstallMs: 20 * 60_000,
  /**
   * Bounds of DuckDB's memory_limit when `scalability.memory.limit_mb` is absent; between them it is
   * `duckdbMemoryShare` of the memory there is. DuckDB reserves more than it touches, and a grouping that spills is
   * slower and larger: 20 M rows into 1.4 M groups take 14 s and 820 MB under a limit of 700 MB, 7.6 s and 630 MB under
   * 2,000 MB.
   */
  duckdbMemoryMbLeast: 700,
  duckdbMemoryMbMost: 2000,
  duckdbMemoryShare: 1 / 4,
  /** Below this DuckDB cannot even read a CSV file. */
  duckdbMemoryMbMin: 64,
  /** Activities of one run at a time when `parallel_workers` is absent. */
  parallelWorkersDefault: 1,
  /** Source files named in a report; there may be thousands. */
  reportFilesMax: 100,
  /** Workers that may die under one activity before it is given up. */
  deathsMax: 20,
  /** Activities of one phase between two looks at the length of the history. */
  windowMax: 250,
  /** Activities of one worker at a time; `parallel_workers` bounds those of one run. */
  activitiesPerWorkerMax: 4,
  /** How long a workflow waits for the worker that last had it. */
  stickyTimeoutMs: 5_000,
  /** A workflow task that a dead worker took is given to another after this long. */
  workflowTaskTimeoutMs: 10_000,
  /** A run that has ended by then shows no progress: asking for it would make a twentieth of its time. */
  progressFirstMs: 1_000,
  /** Between two looks at the progress of a run. */
  progressIntervalMs: 300,
  /** A look that takes longer is given up: a run that has ended must not wait for it. */
  progressDeadlineMs: 1_000,
  /** A worker that needs longer than this to say how it is, is not well: its event loop is never blocked as long. */
  healthAnswerMs: 4_000,
  /** Its part for the question to the Temporal server. */
  healthServerMs: 3_000,
  /** Where no bar can be drawn, a line at least this often. */
  progressLineMs: 5_000,
  /** How long a second Ctrl-C waits for the server to end. */
  leaveMs: 2_000,
  /** Between two interrupts of a query that is to end. */
  interruptIntervalMs: 50,
  /** Staged parts of a run that did not finish are kept for a retry this long: 7 days. */
  stagingKeepMs: 7 * 24 * 60 * 60 * 1000,
  /** Rolled log files kept: a month of daily ones. */
  logFilesMax: 30,
  /** DuckDB's memory for reading a staged part into a target: a row group of wide rows. */
  partMemoryMb: 512,
  /** A SQLite file locked for longer than this is busy: in `check`, where a user waits … */
  sqliteCheckBusyMs: 5_000,
  /** … and in a load, where other parts of the same run take their turns. */
  sqliteLoadBusyMs: 30_000,
  /** How long a thread without work is kept: from the check of a target to its load in a small run. */
  threadIdleMs: 5_000,
  /** Inflated bytes of a .gz source per compressed byte; above it is a bomb. */
  gzipRatioMax: 1000,
} as const;

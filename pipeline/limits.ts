/** Every number that limits something, with its reason. Units stand last in the names. docs/limits.md is generated from here. */
export const LIMITS = {
  /** A pipeline file larger than this is refused before it is parsed (YAML bombs). */
  configBytesMax: 1024 * 1024,
  /** YAML aliases expanded in one file; more is an attack (a YAML bomb), not a pipeline. */
  yamlAliasesMax: 50,
  /** Levels of nesting in one pipeline file. A pipeline has about six; a recursive parser fails at some thousands. */
  yamlDepthMax: 64,
  /** One input or result of an activity: far below the 2 MB at which Temporal fails, so that history stays small. */
  payloadBytesMax: 64 * 1024,
  /** Rejected records shown with their places: enough to see the pattern, small enough for a payload. */
  placesMax: 20,
  /** Problems reported for one pipeline file: nobody reads more, and finding them takes long. */
  problemsMax: 100,
  /** Characters kept of a value that is shown in a message. */
  valueCharsMax: 80,
  /** Size of the slices that a large file is cut into. A kill costs one of them, about a second of work. */
  chunkBytesDefault: 128 * 1024 * 1024,
  /** The same where a larger piece holds enough rows of each group to be staged as partial groups: 4 seconds of work. */
  groupedChunkBytes: 512 * 1024 * 1024,
  /** A file up to this size is read in place as one partition: no copy, and some seconds of work. */
  inPlaceBytesMax: 1024 * 1024 * 1024,
  /** Files up to this size are read together, as one partition: each partition costs a third of a second, whatever its size. */
  joinedFileBytesMax: 1024 * 1024,
  /** Bytes of the files of one partition: they are copied, so that DuckDB reads one file. */
  joinedBytesMax: 16 * 1024 * 1024,
  /** Files of one partition. */
  joinedFilesMax: 500,
  /** Characters kept of a rejected record, as it is in its source. */
  rawCharsMax: 1000,
  /** A smaller partition is more overhead than work. */
  chunkBytesMin: 64,
  /** Partitions of one run; more would make plan and history too large. */
  chunksMax: 50_000,
  /** A source file up to this size is known by its whole content, at a tenth of a second; a larger one by size, time, head and tail. */
  contentBytesMax: 64 * 1024 * 1024,
  /** Files that an incremental source remembers: 100 bytes each, in every target, read by each run. */
  filesRememberedMax: 50_000,
  /** Records within the lag whose digests an incremental source keeps in its state: 1 MB. */
  recordsRememberedMax: 20_000,
  /** Bytes read from the start of a source to infer types and the delimiter. */
  sampleBytes: 1024 * 1024,
  /** Records of the sample from which types are inferred. */
  sampleRecordsMax: 1_000,
  /** `flexetl preview` reads a source up to this size whole; of a larger one only the sample. */
  previewBytesMax: 64 * 1024 * 1024,
  /** Bytes of a source that `flexetl init` reads to propose types and a key: a second of work. */
  proposalBytes: 32 * 1024 * 1024,
  /** Less free space on a disk is worth a warning of `flexetl doctor`: some runs stage more. */
  diskFreeBytes: 2 * 1024 * 1024 * 1024,
  /** With less, nearly every run fails. */
  diskFreeBytesMin: 100 * 1024 * 1024,
  /** Difference of the clocks of machines that share staging: run keys and the age of parts are compared in seconds. */
  clockSkewMs: 5_000,
  /** A data file up to this size is copied into a new project; a larger one is read where it is. */
  initCopyBytesMax: 64 * 1024 * 1024,
  /** Columns among which it looks for a key of two: each pair is a query. */
  keyColumnsMax: 8,
  /** In fewer records two columns are often distinct by chance. */
  keyRecordsMin: 100,
  /** Columns whose evidence one query counts. Each needs eleven aggregates, and planning time grows faster than their number. */
  evidenceColumnsMax: 25,
  /** One field; a longer one is far more often an unclosed quote than data. */
  fieldBytesMax: 16 * 1024 * 1024,
  /** Length of an expression: it is a formula, not a program. */
  expressionCharsMax: 4000,
  /** Levels of nesting in an expression: keeps the recursion of parser and compiler far from the end of the stack. */
  expressionDepthMax: 100,
  /** Length of the SQL of one expression. A divisor is in the SQL twice, so quotients nested in divisors double it at every level. */
  expressionSqlCharsMax: 100_000,
  /** Length of a regular expression. */
  patternCharsMax: 1000,
  /** Values of `in` and `not_in`; more belong in a file. */
  listValuesMax: 10_000,
  /** Digits of a decimal: DuckDB's widest is DECIMAL(38, s). */
  decimalDigitsMax: 38,
  /** Decimals of at most this many digits are 64-bit integers inside DuckDB: fast. */
  decimalDigitsFast: 18,
  /**
   * A part is staged as partial groups if a group has at least this many rows. Processor time for 10 M rows:
   * 6.3 s when staged as rows and grouped later; as partial groups 7.3 s with 3.6 rows per group, 6.2 s with 6.9, and
   * 5.3 s with 13.7.
   */
  rowsPerGroupMin: 6,
  /** Rows of one slice of a load; a kill costs its transaction. */
  loadPartRowsMax: 1_000_000,
  /** The same for a target that takes files: it makes a file of each slice, and small ones make readers slow. A kill costs it. */
  loadFileRowsMax: 10_000_000,
  /** A slice holds the lock of its target for about this long: others that wait for it give up after minutes. */
  loadLockMs: 2_000,
  /** Slices do not become smaller than this, however slow the target is: each has a cost of its own. */
  loadSliceRowsMin: 1_000,
  /** Values of the first slice: half a second of work for SQLite … */
  loadFirstValues: 500_000,
  /** … and its bytes, as staged. */
  loadFirstBytes: 16 * 1024 * 1024,
  /** Between two heartbeats of an activity; a cancellation reaches it with the next one. */
  heartbeatIntervalMs: 500,
  /** An activity without a heartbeat for this long is considered dead and is started again on another worker. */
  heartbeatTimeoutMs: 10_000,
  /** Time that running activities have at a shutdown. */
  shutdownGraceMs: 20_000,
  /** Then they are ended by force: before the 30 s after which container runtimes kill. */
  shutdownForceMs: 25_000,
  /** A stopping worker that has been idle for this long ends without waiting for more. */
  idleStopMs: 2_000,
  /** A server on the usual local port that needs longer to answer is ignored. */
  serverProbeMs: 1500,
  /** A configured server that does not answer within this time is an error; long enough for one that is just starting. */
  serverConnectMs: 4000,
  /** The embedded server starts in 0.3 s; only an overloaded machine needs longer than this. */
  serverStartMs: 30_000,
  /** An embedded server that does not answer for this long hangs, and is replaced. */
  serverHungMs: 10_000,
  /** An embedded server whose users were all killed ends after this long; time for the next command to take it over. */
  serverOrphanMs: 10_000,
  /** How often a command checks that its embedded server is still alive. */
  serverWatchMs: 200,
  /** Finished runs are kept in the history of the embedded server for this long; right for daily pipelines. */
  historyKeepMs: 30 * 24 * 60 * 60 * 1000,
  /** A log of the embedded server that is larger than this is emptied at the next start. */
  serverLogBytesMax: 10 * 1024 * 1024,
  /** A lock that has not been renewed for this long belongs to a command that was killed. */
  lockStaleMs: 5000,
  /** How long a command waits for another one that starts or ends the embedded server. */
  lockWaitMs: 60_000,
  /** Dead letters that a replay reads as one partition: some seconds of work. */
  lettersPerPart: 50_000,
  /** Pages of a record source are read into one partition for this long. */
  landingMs: 2_000,
  /** Landed pages wait for each other this long before they are written to a file; a kill costs these requests. */
  pagesFileMs: 200,
  /** Landed pages of this size are written to a file at once: they are in memory until then, and so are the next ones. */
  pagesFileBytes: 8 * 1024 * 1024,
  /** A download that sends nothing for this long has failed. */
  downloadReplyMs: 10_000,
  /** Building the server with Go: it takes two minutes on two cores. */
  goInstallMs: 20 * 60_000,
  /**
   * Minimum of DuckDB's memory limit when `scalability.memory.limit_mb` is not set. DuckDB reserves more than it uses,
   * and a grouping that spills is slower and larger: 20 M rows into 1.4 M groups take 14 s and 820 MB under a limit of
   * 700 MB, 7.6 s and 630 MB under 2,000 MB.
   */
  duckdbMemoryMbLeast: 700,
  /** Its maximum when the setting is absent. */
  duckdbMemoryMbMost: 2000,
  /** Between the two it is this share of the machine's or container's memory. */
  duckdbMemoryShare: 1 / 4,
  /** Smallest memory limit that can be set: below it DuckDB cannot even read a CSV file. */
  duckdbMemoryMbMin: 64,
  /** Staged files that one step opens at a time: there may be thousands, and systems allow 256 open files at the least. */
  filesTogether: 16,
  /** Activities of one run at a time when `parallel_workers` is not set. */
  parallelWorkersDefault: 1,
  /** Source files named in a report; there may be thousands. */
  reportFilesMax: 100,
  /** Characters of JSON for them: their paths can be long, and a result must be small. */
  reportFilesChars: 20_000,
  /** Columns of a source, and of the output. DuckDB's time and memory grow faster than their number; 6,000 ended its process. */
  columnsMax: 5_000,
  /** Characters of the JSON of the columns in a report: about 150 columns. */
  reportColumnsChars: 8_000,
  /** Characters of what a plugin throws, in the message of the run. */
  pluginMessageCharsMax: 300,
  /** Columns named in the report of a check. */
  checkColumnsMax: 20,
  /** Characters of the results of all checks in a run report. */
  reportChecksChars: 16_000,
  /** Rows shown of a check that they fail. */
  checkExamplesMax: 3,
  /** Rules whose quarantined records are counted apart in a run report. */
  deadLetterRulesMax: 100,
  /** Earlier runs that a check can look at: their states are in the targets, and their keys in the staging store. */
  keptRunsMax: 100,
  /** Rules of rows in a report and on its page, those that most records fail: nobody reads more, and a page must be small. */
  verdictRulesMax: 50,
  /** Verdicts of a rule that are shown as examples. */
  ruleExamplesMax: 5,
  /** Columns of a profile: each is a card on the page, and more than one query. */
  profileColumnsMax: 60,
  /** Values that a profile reads: a quarter of a second. Of more rows it takes the first ones of each part. */
  profileValuesMax: 4_000_000,
  /** Rows that it reads: of more the number of distinct values could not be told to 1 %. */
  profileRowsMax: 1_000_000,
  /** Values up to which distinct ones are counted exactly; of more they are estimated, which takes a third of the time. */
  exactValuesMax: 200_000,
  /** Parts from which such a sample is taken: opening a file takes longer than reading some rows of it. */
  profilePartsMax: 40,
  /** Bars of a histogram, and values that it shows one by one. */
  histogramBarsMax: 12,
  /** Distinct texts of a column up to which the most frequent ones are shown, instead of the lengths of all. */
  topValuesOf: 100,
  /** Runs in a trend: a month of days. */
  trendRunsMax: 30,
  /** Warnings of one run: more are not read, and a state with all of them must fit into a payload. */
  warningsMax: 20,
  /** Characters of one warning. */
  warningCharsMax: 500,
  /** Workers that may die while they run one activity; then the run fails. */
  deathsMax: 20,
  /** How often a step is given out again if workers of another project or staging store refuse it: five minutes in all. */
  refusalsMax: 65,
  /** The longest pause between two of them; the first is 0.1 s. */
  refusalPauseMs: 5_000,
  /** The first pause of a step that waits for a lock, for disk space; each is twice as long as the one before … */
  waitPauseMsMin: 500,
  /** … up to this. */
  waitPauseMsMax: 5_000,
  /** The part of a failed attempt that counts as waiting: it may have worked for long before it had to wait. */
  waitAttemptMsMax: 60_000,
  /** Activities of one phase before the length of the history is checked again. */
  windowMax: 250,
  /** Activities of one worker at a time; `parallel_workers` bounds those of one run. */
  activitiesPerWorkerMax: 4,
  /** How long a workflow waits for the worker that ran it last. */
  stickyTimeoutMs: 5_000,
  /** A workflow task that a dead worker had taken is given to another one after this long. */
  workflowTaskTimeoutMs: 10_000,
  /** A shorter run shows no progress: asking for it would take a twentieth of its time. */
  progressFirstMs: 1_000,
  /** Between two requests for the progress of a run. */
  progressIntervalMs: 300,
  /** A request for progress that takes longer is abandoned: a run that has ended must not wait for it. */
  progressDeadlineMs: 1_000,
  /** A worker that is asked for the report of a cancelled run has this long; then another one is asked. */
  reportDeadlineMs: 10_000,
  /** Times that it is asked for. */
  reportAttemptsMax: 4,
  /** Between two looks at whether the workflow of a run fails. */
  taskLookMs: 1_000,
  /**
   * Attempts of one workflow task that fail one after the other, while a command waits for the run; more are an error. Each takes
   * workflowTaskTimeoutMs.
   */
  taskFailuresMax: 2,
  /** A worker that needs longer to answer a health check is unhealthy: its event loop is never blocked for this long. */
  healthAnswerMs: 4_000,
  /** The part of it for the question to the Temporal server. */
  healthServerMs: 3_000,
  /** Without a terminal for the progress bar, a line of progress at least this often. */
  progressLineMs: 5_000,
  /** How long a second Ctrl-C waits for the server to end. */
  leaveMs: 2_000,
  /** Between two interrupts of a query that must end. */
  interruptIntervalMs: 50,
  /** Staged parts of a run that failed are kept for this long, for a retry. */
  stagingKeepMs: 7 * 24 * 60 * 60 * 1000,
  /** Old log files that are kept: a month of daily ones. */
  logFilesMax: 30,
  /** DuckDB's memory for reading a staged part into a target: a row group of wide rows. */
  partMemoryMb: 512,
  /** Folders that a part of a load is divided into by `partition_by`; more would be files of some rows each. */
  filePartitionsMax: 10_000,
  /** Bytes of the name of a file or folder: what all common file systems allow. */
  fileNameBytesMax: 255,
  /** Columns of a table in SQLite: its own limit. */
  sqliteColumnsMax: 2_000,
  /** A step waits this long for the lock of a SQLite file; then the run says what it waits for, and tries again. */
  sqliteBusyMs: 5_000,
  /** Columns of a table in PostgreSQL: its own limit. */
  postgresqlColumnsMax: 1_600,
  /** Bytes of a name in PostgreSQL: its own limit; it cuts longer names without an error. */
  postgresqlNameBytesMax: 63,
  /** A step waits this long for a lock in PostgreSQL: readers that come later wait behind it. Then the run tries again. */
  postgresqlLockMs: 2_000,
  /** A PostgreSQL server that needs longer for a connection is unreachable. */
  postgresqlConnectMs: 10_000,
  /** How long an idle thread is kept: longer than from the check of a target to its load in a small run. */
  threadIdleMs: 5_000,
  /** Bytes of a packed source (.gz, .zst, .zip) per packed byte; more is an attack (a zip bomb). */
  gzipRatioMax: 1000,
  /** One response of an API, packed or unpacked: it is held in memory. */
  apiBodyBytesMax: 64 * 1024 * 1024,
  /** Redirects of one request; more is a circle. */
  apiRedirectsMax: 5,
  /** Pages of one list; more is far more often a circle than data. `stop.max_pages` ends earlier. */
  apiPagesMax: 100_000,
  /** Entries of a `for_each`. */
  apiEntriesMax: 100_000,
  /** Attempts of one request before the step fails, and is tried again by its own rules. */
  apiTriesMax: 4,
  /** The pause before the second attempt, up to twice as long by chance; each is twice as long as the one before. */
  apiBackoffMs: 250,
  /** For a longer pause, as a service may ask for, the step ends: no worker is kept waiting. */
  apiPauseMsMax: 5_000,
  /** Characters of an error response that a message shows. */
  apiSaidCharsMax: 200,
  /** Levels of nesting in a record of JSON. Data has about ten; more is an attack on recursive parsers. */
  jsonDepthMax: 100,
  /** Bytes of JSON that are read for the keys of its records before a run: a tenth of a second. */
  jsonSurveyBytesMax: 64 * 1024 * 1024,
  /** A document up to this size is read as a whole where its `record_path` has filters, slices or `..`. */
  jsonQueryBytesMax: 64 * 1024 * 1024,
} as const;

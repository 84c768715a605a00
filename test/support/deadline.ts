/**
 * Preloaded into every test process (`node --import`): one that a forgotten server or timer keeps alive fails, where it would
 * hang. node --test has a time limit for tests, and none for what is left when they are done.
 */
const FILE_TIMEOUT_MS = 600_000

// The runner itself, which has no such variable, takes as long as all files do.
if (process.env['NODE_TEST_CONTEXT'] !== undefined) setTimeout(end, FILE_TIMEOUT_MS).unref()

function end(): void {
  const open = [...new Set(process.getActiveResourcesInfo())].join(', ')
  process.stderr.write(`${process.argv[1]} did not end within ${FILE_TIMEOUT_MS} ms; still open: ${open}\n`)
  process.exit(1)
}

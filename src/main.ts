#!/usr/bin/env node
/** The oldest Node that runs pinyon. */
const NODE_MAJOR = 24

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR)
  fail(
    `pinyon needs Node.js ${NODE_MAJOR} or later, this is ${process.version}: in a checkout npm start brings one, https://nodejs.org has them`,
  )
else await run()

/** Only now is anything imported: an older Node, or a checkout without its packages, would end here without a word of help. */
async function run(): Promise<void> {
  try {
    keepCompiled()
    const { runCli } = await import('./cli/cli.ts')
    process.exitCode = await runCli(process.argv)
  } catch (error) {
    const missing = /^Cannot find package '([^']+)'/.exec((error as Error).message)?.[1]
    if (missing === undefined) throw error
    fail(`pinyon needs packages that are not installed: npm start, or npm ci, installs them: ${missing}`)
  }
}

/**
 * As it is installed, what Node makes of the program is kept beside it, for whoever may write there, and read by everybody: who can change that could
 * change the program as well. A checkout's npm scripts say where by themselves.
 */
function keepCompiled(): void {
  const { filename, dirname } = import.meta
  if (filename.endsWith('.ts')) return
  // Threads and processes of ours look there, too.
  process.env['NODE_COMPILE_CACHE'] ??= `${dirname}/../.compiled`
  process.getBuiltinModule('node:module').enableCompileCache(process.env['NODE_COMPILE_CACHE'])
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

/**
 * Makes `dist/` of `src/`: JavaScript, for where Node strips no types, which is everywhere below node_modules. What is no TypeScript is
 * copied. Runs before `npm pack`.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SOURCE = join(ROOT, 'src')
const BUILT = join(ROOT, 'dist')
/** What is needed in a checkout only. */
const LEFT_OUT = /\.ts$|\.mjs$|tsconfig\.build\.json$/

rmSync(BUILT, { recursive: true, force: true })
compile()
for (const path of globSync('**/*.js', { cwd: BUILT })) pointToBuilt(join(BUILT, path))
for (const entry of globSync('**/*', { cwd: SOURCE, withFileTypes: true })) {
  if (!entry.isFile() || LEFT_OUT.test(entry.name)) continue
  const from = join(entry.parentPath, entry.name)
  const to = join(BUILT, from.slice(SOURCE.length))
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
chmodSync(join(BUILT, 'main.js'), 0o755)

function compile() {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { status, error } = spawnSync(tsc, ['--project', join(SOURCE, 'tsconfig.build.json')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error !== undefined) fail(`cannot run ${tsc}: ${error.message}`)
  if (status !== 0) fail('src does not compile')
}

/** Threads and processes are started by the path of their module, which the compiler leaves as it is. */
function pointToBuilt(path) {
  const text = readFileSync(path, 'utf8')
  const built = text.replace(/(import\.meta\.resolve\('\.[^']*)\.ts'\)/g, "$1.js')")
  if (/\.ts['"]\s*[,)]/.test(built)) fail(`${path} names a .ts file in a way that this build does not know`)
  if (built !== text) writeFileSync(path, built)
}

function fail(message) {
  process.stderr.write(`pinyon: ${message}\n`)
  process.exit(1)
}

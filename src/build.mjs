/**
 * Makes `dist/` of `src/`, the program as it is packed: JavaScript, as Node strips no types below node_modules, and in a few files, with most of the
 * packages that it needs, as each of some six hundred modules costs a start a fifth of a millisecond. What is no TypeScript is copied. Runs before
 * `npm pack`.
 */
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SOURCE = join(ROOT, 'src')
const BUILT = join(ROOT, 'dist')
/** What is needed in a checkout only. */
const LEFT_OUT = /\.ts$|\.mjs$/
/**
 * Looked up when they are needed: machine code, what is loaded file by file, what its license wants to be replaceable, and what is imported late, as the
 * names that a module of the older form exports are then known to Node only.
 */
const EXTERNAL = ['better-sqlite3', 'fast-xml-parser', 'openpgp', 'prom-client', 'undici']
/** What a thread or a process of its own begins with, by its path from the module that starts it. */
const STARTED = /import\.meta\.resolve\('(\.[^']*)\.ts'\)/g
/** A file that is read, by its path from the module that reads it. */
const READ = /new URL\(([`'])(\.[^`']*)\1, import\.meta\.url\)/g
/** What packages of the older form ask Node for. */
const REQUIRE = `import { createRequire as createRequireOf } from 'node:module'; const require = createRequireOf(import.meta.url);`

// Packages of other kinds may lie there.
for (const name of globSync('*', { cwd: BUILT, exclude: ['*.rpm'] }))
  rmSync(join(BUILT, name), { recursive: true })
const modules = globSync('**/*.ts', { cwd: SOURCE })
const common = {
  outdir: BUILT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: EXTERNAL,
  banner: { js: REQUIRE },
  metafile: true,
  logLevel: 'warning',
  plugins: [{ name: 'paths', setup: (esbuild) => esbuild.onLoad({ filter: /\.ts$/ }, load) }],
}
// Of the program no command needs all. What a thread begins with is one file.
const built = await Promise.all([
  build({ ...common, entryPoints: [toEntry('main.ts')], splitting: true }),
  build({ ...common, entryPoints: [...new Set(modules.flatMap(startedBy))].map(toEntry) }),
])
for (const entry of globSync('**/*', { cwd: SOURCE, withFileTypes: true })) {
  if (!entry.isFile() || LEFT_OUT.test(entry.name)) continue
  const from = join(entry.parentPath, entry.name)
  const to = join(BUILT, from.slice(SOURCE.length))
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
writeFileSync(
  join(BUILT, 'licenses.txt'),
  collectLicenses(built.flatMap(({ metafile }) => Object.keys(metafile.inputs))),
)
chmodSync(join(BUILT, 'main.js'), 0o755)

/** Everything that is built lies in one folder, whichever file its module gets into: so paths from there are known before. */
function load({ path }) {
  const folder = posix.dirname(path.slice(SOURCE.length + 1))
  const contents = readFileSync(path, 'utf8')
    .replace(STARTED, (_, to) => `import.meta.resolve('./${flatten(posix.join(folder, `${to}.ts`))}.js')`)
    .replace(READ, (_, quote, to) => `new URL(${quote}./${posix.join(folder, to)}${quote}, import.meta.url)`)
  return { contents, loader: 'ts' }
}

function startedBy(path) {
  const text = readFileSync(join(SOURCE, path), 'utf8')
  const to = Array.from(text.matchAll(STARTED), ([, name]) => posix.join(posix.dirname(path), `${name}.ts`))
  // Each way to name a file that this build does not know would be found out by nobody before it is packed.
  const rest = text
    .replace(STARTED, '')
    .replace(READ, '')
    .replaceAll('createRequire(import.meta.url)', '')
    .replaceAll('= import.meta\n', '')
  if (rest.includes('import.meta.'))
    fail(`src/${path} uses import.meta in a way that this build does not know`)
  const [, late] = /\bimport\('(?!node:)([^.'][^']*)'\)/.exec(text) ?? []
  if (late !== undefined && !EXTERNAL.includes(late))
    fail(`src/${path} imports late what is built in: ${late}`)
  return to
}

function toEntry(path) {
  return { in: join(SOURCE, path), out: flatten(path) }
}

function flatten(path) {
  return path.replace(/\.ts$/, '').replaceAll('/', '-')
}

/** What the authors of packages that are built in ask for. */
function collectLicenses(inputs) {
  const packages = inputs.flatMap(
    (path) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  )
  return [...new Set(packages)].map(licenseOf).join('\n')
}

function licenseOf(name) {
  const folder = join(ROOT, 'node_modules', name)
  const [file] = globSync('{LICEN[CS]E,licen[cs]e}*', { cwd: folder })
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8')
  return `${name} ${version} (${license})\n\n${text}`
}

function fail(message) {
  process.stderr.write(`pinyon: ${message}\n`)
  process.exit(1)
}

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/**
 * What pages refer to; `more.css` is what the overview, which is what people load first and most often, does without, and `write.js` what a
 * server does without that takes no writes.
 */
export type AssetName = 'ui.css' | 'more.css' | 'ui.js' | 'write.js'

/** A file that pages refer to, as it is and compressed. */
export interface Asset {
  readonly contentType: string
  readonly body: Buffer
  readonly gzip: Buffer
  readonly etag: string
}

const TYPES: Readonly<Record<AssetName, string>> = {
  'ui.css': 'text/css; charset=utf-8',
  'more.css': 'text/css; charset=utf-8',
  'ui.js': 'text/javascript; charset=utf-8',
  'write.js': 'text/javascript; charset=utf-8',
}

const SHORTEN: Readonly<Record<AssetName, (text: string) => string>> = {
  'ui.css': (text) => `${shortenCss(text)}${percentClasses('w', 'width')}`,
  'more.css': (text) => `${shortenCss(text)}${percentClasses('x', 'left')}`,
  'ui.js': shortenScript,
  'write.js': shortenScript,
}

interface Prepared {
  readonly paths: Readonly<Record<AssetName, string>>
  readonly byPath: ReadonlyMap<string, Asset>
}

let prepared: Prepared | undefined

/** The path of a file, which names its content: it can be kept for ever. */
export function assetPath(name: AssetName): string {
  return prepare().paths[name]
}

/** The file at a path such as `/assets/ui.0123456789.css`; undefined when it is not, or no longer, there. */
export function findAsset(path: string): Asset | undefined {
  return prepare().byPath.get(path)
}

/** Read when the first page is asked for, and never again: commands need none of it. */
function prepare(): Prepared {
  prepared ??= readAll()
  return prepared
}

function readAll(): Prepared {
  const names = Object.keys(TYPES) as AssetName[]
  const files = names.map((name) => {
    const text = readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8')
    const body = Buffer.from(SHORTEN[name](text))
    const digest = hash('sha256', body).slice(0, 12)
    const path = `/assets/${name.replace('.', `.${digest}.`)}`
    return [
      name,
      path,
      { contentType: TYPES[name], body, etag: `"${digest}"`, gzip: gzipSync(body) },
    ] as const
  })
  return {
    paths: Object.fromEntries(files.map(([name, path]) => [name, path])) as Record<AssetName, string>,
    byPath: new Map(files.map(([, path, asset]) => [path, asset])),
  }
}

/** Without comments and what lays out a style sheet for its authors. */
function shortenCss(text: string): string {
  return text
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/;\}/g, '}')
    .replace(/ > /g, '>')
    .replace(/(?<=[ :,(])0\.(?=\d)/g, '.')
    .replace(/(?<=[{;(][\w-]+): /g, ':')
    .trim()
}

/** Without lines of comments and indentation. */
function shortenScript(text: string): string {
  return text
    .replace(/^\s*\/\*\*.*?\*\/\n/gms, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'))
    .join('\n')
}

/** The security policy forbids styles within pages: places and widths in percent are classes. */
function percentClasses(name: string, property: string): string {
  const steps = Array.from({ length: 101 }, (_, percent) => percent)
  return steps.map((percent) => `.${name}${percent}{${property}:${percent}%}`).join('')
}

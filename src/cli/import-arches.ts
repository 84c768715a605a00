import { ARCH_WORDS, fillArch } from '../config/arches.ts'
import type { ImportedMirror } from './import-mirror.ts'
import type { MirrorKey } from './import-settings.ts'

const SOURCES: ReadonlySet<string> = new Set(['baseurl', 'metalink', 'mirrorlist', 'mirrorlist_expire'])

/**
 * A mirror as it is to be written for several architectures: words that stood for them while it was judged are variables again, and where its
 * sources have these, so are the architectures named.
 */
export function nameArches(mirror: ImportedMirror, arches: readonly string[]): ImportedMirror {
  const urls = mirror.keys.flatMap(readUrls)
  const open = urls.filter(isOpen)
  const last = mirror.keys.findLastIndex(isSource)
  const named: readonly MirrorKey[] =
    open.length === 0 ? mirror.keys : mirror.keys.toSpliced(last + 1, 0, ['arches', arches])
  const reasons = [
    ...(mirror.refusal === undefined ? [] : [mirror.refusal]),
    ...(open.length > 0 && open.length < urls.length ? ['only some of its URLs have $basearch'] : []),
  ]
  return {
    ...mirror,
    title: restore(mirror.title),
    keys: named.map(([key, value]): MirrorKey => [key, restoreValue(value)]),
    notes: mirror.notes.map(restore),
    ...(reasons.length === 0 ? {} : { refusal: reasons.map(restore).join('; ') }),
  }
}

function isSource([key]: MirrorKey): boolean {
  return SOURCES.has(key)
}

/** The URLs of a key that names sources. */
function readUrls(key: MirrorKey): readonly string[] {
  if (!isSource(key) || key[0] === 'mirrorlist_expire') return []
  return [key[1] ?? []].flat().filter((one) => typeof one === 'string')
}

function isOpen(url: string): boolean {
  return Object.values(ARCH_WORDS).some((word) => url.includes(word))
}

function restoreValue(value: MirrorKey[1]): MirrorKey[1] {
  if (typeof value === 'string') return restore(value)
  return typeof value === 'object' ? value.map(restore) : value
}

function restore(text: string): string {
  return fillArch(text, undefined)
}

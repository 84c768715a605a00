import { ARCH_NAME, MAX_ARCHES } from '../model/arch.ts'
import { isMapping } from '../model/is-mapping.ts'
import { findVariables } from '../model/yum-variables.ts'
import * as z from 'zod'
import type { ArchConfig, GpgKey, MirrorConfig } from './config.ts'
import type { ConfigDocument } from './document.ts'
import { value } from './schema-value.ts'
import type { KeyLocation, Parsed } from './urls.ts'
import { archOf, joinVariables } from './variables.ts'

// A mirror of several architectures has `$basearch` in its URLs. While the file is checked a word stands for it that every URL may have, so that
// each URL is read once; then that word is replaced by each architecture, and by `$basearch` again where the mirror itself is meant.

const BASEARCH_WORD = '__pinyon_basearch__'
const ARCH_WORD = '__pinyon_arch__'

const ARCHES = `a list of up to ${MAX_ARCHES} architectures such as [x86_64, aarch64]`
const ARCH = 'the name of an architecture such as x86_64, each once'
const SOURCE = 'a URL with $basearch, as arches: has several architectures'
const VARIABLE = 'nothing: arches: gives it a value for each architecture'

/** Keys that say where a mirror comes from. */
const SOURCES = ['baseurl', 'metalink', 'mirrorlist'] as const
const GIVEN = ['basearch', 'arch'] as const

/** The words that stand for an architecture while a file is checked. */
export const ARCH_WORDS: Readonly<Record<(typeof GIVEN)[number], string>> = {
  basearch: BASEARCH_WORD,
  arch: ARCH_WORD,
}

/** The key `arches`. */
export function archesSchema() {
  const one = value((input): Parsed<string> => {
    const isName = typeof input === 'string' && ARCH_NAME.test(input)
    return isName ? { value: input } : { expected: ARCH }
  })
  const list = z.array(one, { error: ARCHES }).min(1, { error: ARCHES }).max(MAX_ARCHES, { error: ARCHES })
  const unique = list.superRefine((arches, context) => {
    for (const [index, arch] of arches.entries())
      if (arches.indexOf(arch) < index)
        context.addIssue({ code: 'custom', message: ARCH, path: [index], input: arch })
  })
  return z.preprocess((input) => (typeof input === 'string' ? [input] : input), unique)
}

/** Refuses sources that are the same for every architecture, and variables that are not anybody's to set; `mirror` may be wrong in other ways. */
export function refuseArches(name: string, mirror: unknown, document: ConfigDocument): void {
  if (!isMapping(mirror) || mirror['arches'] === undefined) return
  for (const key of SOURCES) {
    const source = mirror[key]
    const isOne = typeof source === 'string'
    for (const [index, url] of (isOne ? [source] : Array.isArray(source) ? source : []).entries())
      if (typeof url === 'string' && !findVariables(url).some((one) => GIVEN.some((given) => given === one)))
        document.refuseValue(['mirrors', name, key, ...(isOne ? [] : [index])], SOURCE)
  }
  const { vars } = mirror
  for (const given of GIVEN)
    if (isMapping(vars) && Object.hasOwn(vars, given))
      document.refuseValue(['mirrors', name, 'vars', given], VARIABLE)
}

/** A text of a checked file as it is for one architecture, or with variables again. */
export function fillArch(text: string, arch: string | undefined): string {
  const [basearch, own] = arch === undefined ? ['$basearch', '$arch'] : [arch, archOf(arch)]
  return text.replaceAll(BASEARCH_WORD, basearch).replaceAll(ARCH_WORD, own)
}

/** Where the keys of a mirror are: of several architectures those of each, one after the other for every place that is written. */
export function expandKeys(
  keys: readonly KeyLocation[],
  arches: readonly string[] | undefined,
): readonly KeyLocation[] {
  if (arches === undefined) return keys
  return keys.flatMap((key) =>
    arches.map((arch) =>
      'url' in key ? { url: fillArch(key.url, arch) } : { file: fillArch(key.file, arch) },
    ),
  )
}

/** Which of the keys that are written one of those is, and for a message, whose. */
export function locateKey(
  index: number,
  arches: readonly string[],
): readonly [index: number, ofArch: string] {
  if (arches.length === 0) return [index, '']
  return [Math.floor(index / arches.length), ` for ${arches[index % arches.length]}`]
}

/** What a mirror of several architectures is built from. */
interface ArchParts {
  /** By name, without that of an architecture. */
  readonly all: Readonly<Record<string, string>>
  readonly own: Readonly<Record<string, string>>
  /** In the order of {@link expandKeys}. */
  readonly keys: readonly GpgKey[] | undefined
}

/** A mirror as it was built from a checked file, with what it is for each of its architectures. */
export function buildArches(
  mirror: MirrorConfig,
  arches: readonly string[],
  { all, own, keys }: ArchParts,
): MirrorConfig {
  const sorted = arches.toSorted()
  const { gpgKeys: _, ...others } = mirror
  const unique = keys && [...new Map(keys.map((key) => ['url' in key ? key.url : key.file, key])).values()]
  return {
    ...others,
    ...fillSources(mirror, undefined),
    ...(mirror.list === undefined ? {} : { variables: joinVariables(withoutArch(all), own) }),
    ...(unique === undefined ? {} : { gpgKeys: unique }),
    arches: sorted.map((arch): ArchConfig => {
      const place = arches.indexOf(arch)
      const ofArch = keys?.filter((_one, index) => index % arches.length === place)
      return {
        arch,
        ...fillSources(mirror, arch),
        ...(mirror.list === undefined
          ? {}
          : { variables: joinVariables(withoutArch(all), { ...own, basearch: arch }) }),
        ...(ofArch === undefined ? {} : { gpgKeys: ofArch }),
      }
    }),
  }
}

/** A mirror's settings for each of its architectures; its own where it is of one repository. */
export function perArch(mirror: MirrorConfig): readonly (MirrorConfig & { readonly arch?: string })[] {
  const { arches, ...settings } = mirror
  return arches === undefined ? [settings] : arches.map((arch) => ({ ...settings, ...arch }))
}

/** All base URLs of a mirror, of every architecture. */
export function allBaseurls(mirror: MirrorConfig): readonly string[] {
  return perArch(mirror).flatMap(({ baseurls }) => baseurls)
}

/** What holds for all mirrors says nothing of the architectures of this one. */
function withoutArch({ basearch: _basearch, arch: _arch, ...others }: Readonly<Record<string, string>>) {
  return others
}

function fillSources(
  { baseurls, list, fallbacks }: MirrorConfig,
  arch: string | undefined,
): Pick<MirrorConfig, 'baseurls' | 'list' | 'fallbacks'> {
  const fill = (text: string) => fillArch(text, arch)
  return {
    baseurls: baseurls.map(fill),
    ...(list === undefined ? {} : { list: { ...list, url: fill(list.url) } }),
    fallbacks: fallbacks.map(fill),
  }
}

import type { YumFile } from './import-files.ts'
import { joinVariables } from '../config/variables.ts'
import { nameArches } from './import-arches.ts'
import { importSection, type ImportedMirror } from './import-mirror.ts'
import { SecretVariables } from './import-secrets.ts'
import { noteMain, type MainSection } from './import-settings.ts'

/** What became of all the sections of some files. */
export interface ImportedSections {
  readonly mains: readonly MainSection[]
  /** In the order of the files; each id that is no comment stands in it once. */
  readonly mirrors: readonly ImportedMirror[]
  /** Names of the environment variables for what is not written down. */
  readonly secrets: readonly string[]
}

/**
 * Makes mirrors of the sections of files, `[main]` excepted: it holds for its own file, and for those after it that have none, as that of
 * yum.conf does for the *.repo files named after it.
 *
 * @param variables what `$releasever` and the like stand for, by name; of several architectures, the words of {@link ARCH_WORDS}
 * @param arches those that are to be one mirror
 */
export function importSections(
  files: readonly YumFile[],
  variables: ReadonlyMap<string, string>,
  arches?: readonly string[],
): ImportedSections {
  const known = joinVariables({}, Object.fromEntries(variables))
  const secrets = new SecretVariables()
  const mains: MainSection[] = []
  const mirrors: ImportedMirror[] = []
  const places = new Map<string, string>()
  for (const { label, sections } of files) {
    const found = sections.find(({ id }) => id === 'main')
    if (found !== undefined) mains.push({ label, section: found, notes: new Set() })
    const main = mains.at(-1)
    if (found !== undefined && main !== undefined) noteMain(main)
    for (const section of sections) {
      if (section === found) continue
      const judged = importSection(label, section, main, { variables: known, secrets, arches })
      const mirror = arches === undefined ? judged : nameArches(judged, arches)
      const first = places.get(mirror.id)
      mirrors.push(first === undefined ? mirror : refuseSecond(mirror, first))
      if (first === undefined) places.set(mirror.id, mirror.place)
    }
  }
  return { mains, mirrors, secrets: secrets.names }
}

/** Sections of one file are joined by then. */
function refuseSecond(mirror: ImportedMirror, first: string): ImportedMirror {
  return { ...mirror, refusal: `yum and dnf take the first repository of this id, which is ${first}` }
}

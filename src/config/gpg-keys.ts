import type { GpgKey } from './config.ts'
import { armorKeys, refuseArmoredKeys } from './armor.ts'
import { describeUnread, readSmallFile } from './small-file.ts'
import type { KeyLocation } from './urls.ts'

/** The longest file of keys, in bytes: those of distributions have some 5,000 a key. */
const FILE_MAX_BYTES = 1 << 20

const EXPECTED = 'a file of OpenPGP public keys'

/** The keys of a file, or what is wrong with it. */
type KeyReading = { readonly armored: Buffer } | { readonly expected: string }

/**
 * Reads the key files of mirrors, each once, however many mirrors name it.
 *
 * @param mirrors where each mirror's keys are, by its name
 * @param refuse is told what was expected of which of a mirror's keys, counted from 0
 */
export function readGpgKeys(
  mirrors: Readonly<Record<string, readonly KeyLocation[]>>,
  refuse: (mirror: string, index: number, expected: string) => void,
): ReadonlyMap<string, readonly GpgKey[]> {
  const readings = new Map<string, KeyReading>()
  const keys = new Map<string, readonly GpgKey[]>()
  for (const [mirror, locations] of Object.entries(mirrors)) {
    const read: GpgKey[] = []
    for (const [index, location] of locations.entries()) {
      if ('url' in location) {
        read.push(location)
        continue
      }
      const { file } = location
      const reading = readings.get(file) ?? readKeys(file)
      readings.set(file, reading)
      if ('expected' in reading) refuse(mirror, index, reading.expected)
      else read.push({ file, armored: reading.armored })
    }
    if (locations.length > 0) keys.set(mirror, read)
  }
  return keys
}

function readKeys(file: string): KeyReading {
  try {
    const bytes = readSmallFile(file, FILE_MAX_BYTES)
    if (bytes === undefined) return { expected: `${EXPECTED} (it is larger than ${FILE_MAX_BYTES} bytes)` }
    const armored = armorKeys(bytes)
    const reason = refuseArmoredKeys(armored)
    return reason === undefined ? { armored } : { expected: `${EXPECTED} (${reason})` }
  } catch (thrown) {
    return { expected: `${EXPECTED} (${describeUnread(file, thrown)})` }
  }
}

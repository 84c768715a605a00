import type { MirrorConfig } from '../config/config.ts'
import type { ClientKey, ClientSettings } from '../proxy/mirror-repo.ts'

const NEWLINE = Buffer.from('\n')

/** What clients are told of a mirror, by its configuration; nothing of one that is not in it. */
export function toClientSettings(mirror: MirrorConfig | undefined): ClientSettings {
  const { gpgKeys = [], gpgcheck = gpgKeys.length > 0 ? true : undefined } = mirror ?? {}
  // Files come together, where the first of them stood.
  const firstFile = gpgKeys.find((key) => 'file' in key)
  const gpgkeys = gpgKeys.flatMap((key): ClientKey[] => {
    if ('url' in key) return [key.url]
    return key === firstFile ? ['served'] : []
  })
  const files = gpgKeys.flatMap((key) => ('file' in key ? [key.armored, NEWLINE] : []))
  return { gpgcheck, gpgkeys, servedKeys: files.length === 0 ? undefined : Buffer.concat(files) }
}

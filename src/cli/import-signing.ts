import { pathToFileURL } from 'node:url'

import { expandKeys } from '../config/arches.ts'
import { escapeEnvironment } from '../config/environment.ts'
import { readGpgKeys } from '../config/gpg-keys.ts'
import { parseKeyUrl } from '../config/urls.ts'
import { parseYumBoolean, splitYumList } from '../inject/yum-values.ts'
import { findVariables } from '../model/yum-variables.ts'
import { describeSetting, type MirrorKey, type SectionSettings } from './import-settings.ts'
import { describeVariables, maskText } from './import-url.ts'

/** Files are named by absolute paths: yum knows no others. */
const ROOT = new URL('file:///')

/** The keys of a mirror about signatures; notes what cannot be had or checked here, so that clients go on checking it alone. */
export function readSigning(settings: SectionSettings, arches?: readonly string[]): MirrorKey[] {
  const setting = settings.get('gpgkey')
  const written = setting === undefined ? [] : splitYumList(setting.text).map(toUrl)
  const judged = written.map((url) => ({ url, refusal: refuseKey(url, arches) }))
  const refused = judged.filter(({ refusal }) => refusal !== undefined)
  for (const { url, refusal } of refused)
    settings.notes.push(`gpgkey=${maskText(url)} is not carried over: ${refusal ?? ''}`)
  const keys = refused.length > 0 ? [] : written.map(escapeEnvironment)
  const reason = refuseChecks(keys)
  return [
    ...(keys.length === 0 ? [] : [['gpgkey', keys.length === 1 ? keys[0] : keys] as const]),
    ...readCheck(settings, 'repo_gpgcheck', reason),
    ...readCheck(settings, 'gpgcheck', keys.length === 0 && written.length === 0 ? undefined : reason),
  ]
}

function toUrl(text: string): string {
  return /^\/(?!\/)/.test(text) ? pathToFileURL(text).href : text
}

/** What stands in the way of a key; undefined when nothing does. */
function refuseKey(url: string, arches: readonly string[] | undefined): string | undefined {
  const location = parseKeyUrl(url, ROOT)
  if ('expected' in location) return `pinyon takes ${location.expected}`
  const { value } = location
  if ('url' in value) return undefined
  const variables = findVariables(value.file)
  if (variables.length > 0) return describeVariables(variables)
  let refusal: string | undefined
  readGpgKeys(
    { key: expandKeys([value], arches) },
    (_mirror, _index, expected) => (refusal = `expected ${expected}`),
  )
  return refusal === undefined ? undefined : `${refusal}; give the key to pinyon, and gpgkey= with its path`
}

/** Why pinyon cannot check with these keys; undefined when it can. */
function refuseChecks(keys: readonly string[]): string | undefined {
  if (keys.length === 0) return 'pinyon checks nothing without a gpgkey'
  const variables = keys.flatMap(findVariables)
  return variables.length > 0 ? `in its gpgkey, ${describeVariables([...new Set(variables)])}` : undefined
}

function readCheck(
  settings: SectionSettings,
  key: 'gpgcheck' | 'repo_gpgcheck',
  reason: string | undefined,
): MirrorKey[] {
  const setting = settings.get(key)
  if (setting === undefined || setting.text === '') return []
  const isOn = parseYumBoolean(setting.text)
  if (isOn === undefined)
    settings.note(setting, `${describeSetting(setting)} is neither yes nor no, and left out`)
  if (isOn === false) return key === 'gpgcheck' ? [[key, false]] : []
  if (isOn === undefined) return []
  if (reason === undefined) return [[key, true]]
  settings.notes.push(`${key}= is left to clients: ${reason}`)
  return []
}

import { splitYumList } from '../inject/yum-values.ts'
import { noteSecrets, readCredentials, type SecretVariables } from './import-secrets.ts'
import type { SectionSettings, Setting } from './import-settings.ts'
import type { ChosenList } from './import-lists.ts'
import { importBaseurl, type ImportedUrl } from './import-url.ts'

/** The baseurls of a mirror. */
export interface ChosenBaseurls {
  /** The usable ones; where there are none, what is to be looked at in their place. */
  readonly urls: readonly string[]
  /** Why none is usable. */
  readonly refusal?: string
}

/** Far more than make sense; of commented-out ones, too. */
const URLS_MAX = 100

/**
 * Chooses the baseurls of a repository that pinyon can use, and notes what becomes of the others.
 * @param list beside which there need be none, when it can be used
 */
export function chooseBaseurls(
  settings: SectionSettings,
  id: string,
  secrets: SecretVariables,
  list: ChosenList,
): ChosenBaseurls {
  const setting = settings.get('baseurl')
  const found = setting === undefined ? [] : judge(settings, setting, id, secrets)
  const usable = found.filter(({ refusal }) => refusal === undefined)
  const hasList = list.keys.length > 0
  if (found.length === 0 || setting === undefined)
    return hasList ? { urls: [] } : suggestBaseurls(settings, id, secrets, list)
  noteSecrets(settings, setting, found)
  if (usable.length === 0 && !hasList) return { urls: found.map(({ text }) => text), ...firstRefusal(found) }
  for (const { text, refusal } of found)
    if (refusal !== undefined) settings.notes.push(`baseurl ${text} is left out: ${refusal}`)
  return { urls: usable.map(({ text }) => text) }
}

function judge(
  settings: SectionSettings,
  setting: Setting,
  id: string,
  secrets: SecretVariables,
): ImportedUrl[] {
  const credentials = readCredentials(settings, '')
  const path = settings.get('path')?.text ?? ''
  const written = splitYumList(setting.text)
  if (written.length > URLS_MAX)
    settings.notes.push(`only the first ${URLS_MAX} of ${written.length} baseurls are looked at`)
  const urls = written
    .slice(0, URLS_MAX)
    .map((url) => importBaseurl(addPath(url, path), id, credentials, secrets))
  if (urls.length > 0 && !urls.some(({ source }) => source === 'keys'))
    settings.noteUnused(['username', 'password'], 'no baseurl has a use for it')
  return urls
}

/** `path=` is zypper's, below the baseurl. */
function addPath(url: string, path: string): string {
  const below = path.replace(/^\/+/, '')
  return below === '' ? url : `${url}${url.endsWith('/') ? '' : '/'}${below}`
}

/** What distributions leave in a comment where they give a list of mirrors. */
function suggestBaseurls(
  settings: SectionSettings,
  id: string,
  secrets: SecretVariables,
  { refusal }: ChosenList,
): ChosenBaseurls {
  const disabled = settings.getDisabled('baseurl').slice(0, URLS_MAX)
  const suggested = disabled.flatMap((setting) => judge(settings, setting, id, secrets))
  const [first] = disabled
  if (first !== undefined && suggested.length > 0) {
    settings.notes.push(`the baseurl below is a comment in ${first.place}: see whether it answers`)
    noteSecrets(settings, first, suggested)
  }
  const what = refusal ?? 'it has no baseurl, metalink or mirrorlist'
  return { urls: suggested.map(({ text }) => text), refusal: what }
}

function firstRefusal(urls: readonly ImportedUrl[]): { refusal?: string } {
  const refusal = urls.find(({ refusal }) => refusal !== undefined)?.refusal
  return refusal === undefined ? {} : { refusal: `its baseurl cannot be used: ${refusal}` }
}

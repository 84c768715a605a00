import { formatDuration } from '../model/duration.ts'
import { parseYumSeconds } from '../inject/yum-values.ts'
import { noteSecrets, type SecretVariables } from './import-secrets.ts'
import { describeSetting, type MirrorKey, type SectionSettings } from './import-settings.ts'
import { importListUrl, maskText } from './import-url.ts'

/** The list of mirrors of a repository. */
export interface ChosenList {
  /** Empty where there is none that can be used. */
  readonly keys: readonly MirrorKey[]
  /** Why there is none, though the repository names one. */
  readonly refusal?: string
}

/** yum's own, which is pinyon's, in seconds. */
const DEFAULT_EXPIRE_SECONDS = 86_400

/** Chooses the metalink or mirrorlist of a repository: the former where there are both, as dnf does; the other is noted. */
export function chooseList(settings: SectionSettings, id: string, secrets: SecretVariables): ChosenList {
  const named = ['metalink', 'mirrorlist'].flatMap((key) => settings.get(key) ?? [])
  const [first, second] = named.filter(({ text }) => text !== '')
  if (second !== undefined)
    settings.notes.push(
      `${second.key}=${maskText(second.text)} is left out: dnf does not look at it beside a metalink`,
    )
  if (first === undefined) return { keys: [] }
  const url = importListUrl(first.text, id, secrets)
  if (url.refusal !== undefined) {
    settings.notes.push(`${first.key}=${maskText(first.text)} is left out: ${url.refusal}`)
    return { keys: [], refusal: `its ${first.key} cannot be used: ${url.refusal}` }
  }
  noteSecrets(settings, first, [url])
  // yum and dnf tell by the URL.
  const key = first.text.includes('metalink') ? 'metalink' : first.key
  return { keys: [[key, url.text], ...(key === 'mirrorlist' ? readExpire(settings) : [])] }
}

/** The order of baseurls; pinyon's own is that of dnf. */
export function readFailovermethod(settings: SectionSettings): MirrorKey[] {
  const setting = settings.get('failovermethod')
  if (setting === undefined || setting.text === '' || setting.text === 'priority') return []
  if (setting.text === 'roundrobin') return [['failovermethod', setting.text]]
  settings.note(
    setting,
    `${describeSetting(setting)} is not carried over: pinyon takes priority and roundrobin`,
  )
  return []
}

function readExpire(settings: SectionSettings): MirrorKey[] {
  const setting = settings.get('mirrorlist_expire')
  if (setting === undefined || setting.text === '') return []
  const seconds = parseYumSeconds(setting.text)
  if (seconds === undefined || seconds < 1 || seconds > 366 * 86_400) {
    settings.note(setting, `${describeSetting(setting)} is not carried over: pinyon takes 1s to 366d`)
    return []
  }
  return seconds === DEFAULT_EXPIRE_SECONDS ? [] : [['mirrorlist_expire', formatDuration(seconds * 1000)]]
}

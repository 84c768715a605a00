import { fillArch } from '../config/arches.ts'
import { formatDuration } from '../model/duration.ts'
import type { YumSection } from '../inject/yum-config.ts'
import { parseYumBoolean, parseYumSeconds } from '../inject/yum-values.ts'
import { expandVariables, findVariables } from '../model/yum-variables.ts'
import { refuseMirrorName } from '../model/mirror-name.ts'
import { PROXY_TLS_KEYS, readAccess, readPace, readProxyTls } from './import-access.ts'
import { chooseBaseurls } from './import-baseurl.ts'
import { chooseList, readFailovermethod } from './import-lists.ts'
import { readSigning } from './import-signing.ts'
import { noteSecrets, readCredentials, type SecretVariables } from './import-secrets.ts'
import { describeSetting, SectionSettings, type MainSection, type MirrorKey } from './import-settings.ts'
import { describeVariables, importProxy } from './import-url.ts'

/** What became of a section. */
export interface ImportedMirror {
  /** The repo id. */
  readonly id: string
  /** The mirror's name: the id, or what is nearest to it. */
  readonly name: string
  /** What yum calls the repository. */
  readonly title: string
  /** `epel.repo:12` */
  readonly place: string
  readonly keys: readonly MirrorKey[]
  /** What there is to say about it, a line each. */
  readonly notes: readonly string[]
  /** Why it cannot be written but as a comment; absent when it can. */
  readonly refusal?: string
}

/** What all sections have in common. */
export interface ImportContext {
  /** By name, for `$basearch` and the like. */
  readonly variables: ReadonlyMap<string, string>
  readonly secrets: SecretVariables
  /** Those that are to be one mirror; undefined where there is one. */
  readonly arches?: readonly string[] | undefined
}

const RETRIES_MAX = 100
const TIMEOUT_MIN_SECONDS = 1
const TIMEOUT_MAX_SECONDS = 3600
/** Types of zypper's that stand for repodata. */
const RPM_MD = /^(?:rpm-md|rpm|yum|none)?$/i

/**
 * Makes a mirror of a section.
 *
 * @param label the name of its file, for comments
 * @param main the `[main]` that holds for it
 */
export function importSection(
  label: string,
  section: YumSection,
  main: MainSection | undefined,
  context: ImportContext,
): ImportedMirror {
  const settings = new SectionSettings(label, section, main, context.variables)
  // An id is one, of whatever architectures.
  const id = fillArch(expandVariables(section.id, context.variables), undefined)
  const list = chooseList(settings, id, context.secrets)
  const baseurl = chooseBaseurls(settings, id, context.secrets, list)
  const [url, ...others] = baseurl.urls
  const hasBaseurl = url !== undefined || list.keys.length === 0
  const keys: MirrorKey[] = [
    ...(hasBaseurl ? [['baseurl', others.length > 0 ? baseurl.urls : url] as const] : []),
    ...list.keys,
    ...(others.length > 0 ? readFailovermethod(settings) : []),
    ...readEnabled(settings),
    ...readTimeout(settings),
    ...readRetries(settings),
    ...readPace(settings),
    ...readProxy(settings, context),
    ...readAccess(settings),
    ...readSigning(settings, context.arches),
  ]
  settings.noteLeftBehind()
  const refusals = [refuseId(id), refuseType(settings), baseurl.refusal].filter(
    (reason) => reason !== undefined,
  )
  return {
    id,
    name: refuseMirrorName(id) === undefined ? id : repairName(id),
    title: settings.get('name')?.text ?? '',
    place: `${label}:${section.line}`,
    keys,
    notes: settings.notes,
    ...(refusals.length === 0 ? {} : { refusal: refusals.join('; ') }),
  }
}

function refuseId(id: string): string | undefined {
  const variables = findVariables(id)
  if (variables.length > 0) return `in its id, ${describeVariables(variables)}`
  const reason = refuseMirrorName(id)
  return reason === undefined
    ? undefined
    : `its id cannot be a mirror's name: ${reason}; under another one, clients need that id, too`
}

function refuseType(settings: SectionSettings): string | undefined {
  const type = settings.get('type')?.text ?? ''
  return RPM_MD.test(type) ? undefined : `type=${type} is not repodata`
}

/** A possible name for an id that is none; clients have to be told. */
function repairName(id: string): string {
  const name = id
    .slice(0, 80)
    .replace(/[^A-Za-z0-9._+@~-]+/g, '-')
    .replace(/^-|-$/g, '')
  return refuseMirrorName(name) === undefined ? name : `${name}-repo`.replace(/^[._-]+/, '')
}

function readEnabled(settings: SectionSettings): MirrorKey[] {
  const setting = settings.get('enabled')
  if (setting === undefined || setting.text === '') return []
  const enabled = parseYumBoolean(setting.text)
  if (enabled === undefined)
    settings.note(setting, `${describeSetting(setting)} is neither yes nor no, and taken for yes`)
  return enabled === false ? [['enabled', false]] : []
}

function readTimeout(settings: SectionSettings): MirrorKey[] {
  const setting = settings.get('timeout')
  if (setting === undefined || setting.text === '') return []
  const seconds = parseYumSeconds(setting.text)
  if (seconds !== undefined && seconds >= TIMEOUT_MIN_SECONDS && seconds <= TIMEOUT_MAX_SECONDS)
    return [['timeout', formatDuration(seconds * 1000)]]
  settings.note(setting, `${describeSetting(setting)} is not carried over: pinyon takes 1s to 1h`)
  return []
}

function readRetries(settings: SectionSettings): MirrorKey[] {
  const setting = settings.get('retries')
  if (setting === undefined || setting.text === '') return []
  const retries = /^\d{1,9}$/.test(setting.text) ? Number(setting.text) : undefined
  if (retries !== undefined && retries > 0 && retries <= RETRIES_MAX) return [['retries', retries]]
  const reason =
    retries === 0
      ? 'it is "for ever" to yum, which pinyon does not offer'
      : `pinyon takes 1 to ${RETRIES_MAX}`
  settings.note(setting, `${describeSetting(setting)} is not carried over: ${reason}`)
  return []
}

function readProxy(settings: SectionSettings, { secrets }: ImportContext): MirrorKey[] {
  const setting = settings.get('proxy')
  const credentials = readCredentials(settings, 'proxy_')
  const proxy =
    setting === undefined ? undefined : importProxy(setting.text, setting.owner, credentials, secrets)
  if (setting === undefined || proxy === undefined) {
    settings.noteUnused(['proxy_username', 'proxy_password', ...PROXY_TLS_KEYS], 'it has no proxy')
    return []
  }
  if (proxy.refusal !== undefined) {
    settings.note(setting, `proxy= is not carried over, so upstream is asked directly: ${proxy.refusal}`)
    return []
  }
  noteSecrets(settings, setting, [proxy])
  if (proxy.text.startsWith('https:')) return [['proxy', proxy.text], ...readProxyTls(settings)]
  settings.noteUnused(PROXY_TLS_KEYS, 'its proxy is not spoken to by TLS')
  return [['proxy', proxy.text]]
}

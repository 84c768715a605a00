import { readIdentity } from '../config/identity-files.ts'
import { formatRate, parseRate, parseThrottle } from '../config/rate.ts'
import { ACCESS_DEFAULTS } from '../config/schema-access.ts'
import { parseYumBoolean } from '../inject/yum-values.ts'
import { describeSetting, type MirrorKey, type SectionSettings } from './import-settings.ts'

/** Keys that name files of certificates and keys. */
const FILES = ['sslcacert', 'sslclientcert', 'sslclientkey'] as const

/** The same keys, for an https proxy. */
export const PROXY_TLS_KEYS = ['proxy_sslverify', ...FILES.map((key) => `proxy_${key}` as const)]

/** The keys of a mirror by which it is made known to its upstream; notes what cannot be had here. */
export function readAccess(settings: SectionSettings): MirrorKey[] {
  return [...readVerify(settings), ...readFiles(settings)]
}

/** The keys of a mirror by which an https proxy is spoken to. */
export function readProxyTls(settings: SectionSettings): MirrorKey[] {
  return [...readVerify(settings, 'proxy_'), ...readFiles(settings, 'proxy_')]
}

/** The keys of a mirror that bound its transfers; notes those that pinyon does not take. */
export function readPace(settings: SectionSettings): MirrorKey[] {
  const minrate = readRate(settings, 'minrate')
  const bandwidth = readRate(settings, 'bandwidth')
  const throttle = readThrottle(settings, minrate ?? ACCESS_DEFAULTS.minrate, bandwidth ?? 0)
  return [
    ...(minrate === undefined || minrate === ACCESS_DEFAULTS.minrate
      ? []
      : [['minrate', formatRate(minrate)] as const]),
    ...(throttle === undefined ? [] : [['throttle', formatRate(throttle)] as const]),
  ]
}

function readVerify(settings: SectionSettings, prefix: '' | 'proxy_' = ''): MirrorKey[] {
  const setting = settings.get(`${prefix}sslverify`)
  if (setting === undefined || setting.text === '') return []
  const isOn = parseYumBoolean(setting.text)
  if (isOn === undefined)
    settings.note(setting, `${describeSetting(setting)} is neither yes nor no, and taken for yes`)
  return isOn === false ? [[`${prefix}sslverify`, false]] : []
}

/** All of them or none: a certificate without its key makes no configuration. */
function readFiles(settings: SectionSettings, prefix: '' | 'proxy_' = ''): MirrorKey[] {
  const found = FILES.flatMap((key) => settings.get(`${prefix}${key}`) ?? []).filter(
    ({ text }) => text !== '',
  )
  if (found.length === 0) return []
  const relative = found.find(({ text }) => !text.startsWith('/') || text.includes('$'))
  const paths = Object.fromEntries(found.map(({ key, text }) => [key.slice(prefix.length), text]))
  const reading = relative === undefined ? readIdentity({ sslverify: true, ...paths }) : undefined
  const isWhole = paths['sslclientkey'] === undefined || paths['sslclientcert'] !== undefined
  if (reading !== undefined && 'identity' in reading && isWhole)
    return found.map(({ key, text }) => [key, text] as const)
  const reason =
    reading !== undefined && 'problems' in reading
      ? reading.problems.map(({ key, expected }) => `${key} is expected to be ${expected}`).join('; ')
      : relative === undefined
        ? 'sslclientkey needs an sslclientcert'
        : 'pinyon needs absolute paths'
  for (const setting of found)
    settings.note(setting, `${describeSetting(setting)} is not carried over: ${reason}`)
  return []
}

function readRate(settings: SectionSettings, key: 'minrate' | 'bandwidth'): number | undefined {
  const setting = settings.get(key)
  if (setting === undefined || setting.text === '') return undefined
  const parsed = parseRate(setting.text)
  if ('value' in parsed) return parsed.value
  settings.note(setting, `${describeSetting(setting)} is not carried over: pinyon takes ${parsed.expected}`)
  return undefined
}

/** In bytes a second; undefined is none. */
function readThrottle(settings: SectionSettings, minrate: number, bandwidth: number): number | undefined {
  const setting = settings.get('throttle')
  if (setting === undefined || setting.text === '') return undefined
  const parsed = parseThrottle(setting.text)
  if ('expected' in parsed) {
    settings.note(setting, `${describeSetting(setting)} is not carried over: pinyon takes ${parsed.expected}`)
    return undefined
  }
  const { value } = parsed
  const rate = 'part' in value ? Math.floor(value.part * bandwidth) : value.bytes
  // What is a percentage of nothing is no bound to dnf.
  if (rate === 0) return undefined
  if (rate >= minrate) return rate
  settings.note(setting, `${describeSetting(setting)} is not carried over: it is less than minrate`)
  return undefined
}

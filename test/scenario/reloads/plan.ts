import type { Publisher } from './publisher.ts'

/** Mirrors of which each round pins another snapshot, so that no two generations of the index are alike: the round's decimal digits. */
export const DIGITS = ['hundreds', 'tens', 'units'] as const

/** Names of snapshots by digit, and the first one of `steady-1`. */
export interface Pins {
  readonly digits: Readonly<Record<(typeof DIGITS)[number], readonly string[]>>
  readonly steady: string
}

/** Every name that a mirror ever has. */
export const MIRRORS = [...DIGITS, 'steady-0', 'steady-1', 'moving', 'coming', 'named', 'renamed'] as const

/** Every repository that {@link formatConfig} names. */
export const REPOSITORIES = [
  ...DIGITS,
  'steady-0',
  'steady-1',
  'moving-a',
  'moving-b',
  'coming',
  'named',
] as const

/** The digits of a round as snapshots. */
export function pinsOfRound(round: number, { digits }: Pins): Record<(typeof DIGITS)[number], string> {
  const at = (digit: number) => Math.floor(round / digit) % 10
  return {
    hundreds: digits.hundreds[at(100)] ?? '',
    tens: digits.tens[at(10)] ?? '',
    units: digits.units[at(1)] ?? '',
  }
}

/** Whether `coming` is out of the configuration, enabled or disabled. */
export function comingAt(round: number): 'enabled' | 'absent' | 'disabled' {
  return (['enabled', 'absent', 'disabled'] as const)[Math.floor(round / 7) % 3] ?? 'absent'
}

/** The configuration of a round; without pins the one that everything is set up under. */
export function formatConfig(publisher: Publisher, round: number, pins?: Pins): string {
  const at = (every: number, choices: number) => Math.floor(round / every) % choices
  const pinned = pins === undefined ? undefined : pinsOfRound(round, pins)
  const [a, b] = [publisher.baseurl('moving-a'), publisher.baseurl('moving-b')]
  const coming = comingAt(round)
  const entries = [
    ...DIGITS.map((name) => entry(name, publisher.baseurl(name), { pin: pinned?.[name] })),
    entry('steady-0', publisher.baseurl('steady-0'), { sync_interval: ['off', '1h', '2h'][round % 3] }),
    entry('steady-1', publisher.baseurl('steady-1'), { pin: at(17, 3) === 0 ? pins?.steady : undefined }),
    entry('moving', [`[${a}]`, `[${b}]`, `[${b}, ${a}]`][at(25, 3)] ?? ''),
    entry(at(11, 2) === 0 ? 'named' : 'renamed', publisher.baseurl('named'), { sync_interval: '1h' }),
    ...(coming === 'absent'
      ? []
      : [
          entry('coming', publisher.baseurl('coming'), {
            sync_interval: '1h',
            enabled: `${coming === 'enabled'}`,
          }),
        ]),
  ]
  return `${HEAD}retention: ${RETENTION[at(RETENTION_ROUNDS, 2)]}\nmirrors:\n${entries.join('')}`
}

const HEAD = 'listen: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\n'

/** Rounds with one retention, before those with the other. */
const RETENTION_ROUNDS = 13

/** Whether this is the last of some rounds that keep little: what was published before is old enough to go. */
export function endsLittleRetention(round: number): boolean {
  return round % (2 * RETENTION_ROUNDS) === RETENTION_ROUNDS - 1
}

/** The first keeps only what is current, pinned, or in a view. */
const RETENTION = ['{ keep: 1, max_age: 1s, keep_used: 0s, removed: 0s }', '{ keep: 500 }']

function entry(name: string, baseurl: string, keys: Readonly<Record<string, string | undefined>> = {}) {
  const lines = Object.entries(keys).flatMap(([key, value]) =>
    value === undefined ? [] : [`    ${key}: ${value}\n`],
  )
  return `  ${name}:\n    baseurl: ${baseurl}\n${lines.join('')}`
}

/** A round's configuration as it must be refused: what else is new in it must not be taken up either. */
export function breakConfig(text: string, choice: number): string {
  const ways = [
    () => `${text}  oops: {}\n`,
    () => text.replace(/(units:\n.*\n {4}pin: ).*/, '$11999-01-01-00-00'),
    () => text.replace(':0\n', ':1\n'),
    () => text.replace('./data', './elsewhere'),
    () => text.replace('mirrors:', 'mirrors: ['),
    () => text.replace(/keep: \d+/, 'keep: 0'),
    () => HEAD,
  ]
  return ways[choice % ways.length]?.() ?? ''
}

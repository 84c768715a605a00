import assert from 'node:assert/strict'

import type { IndexFormat } from '../../../src/proxy/index-formats.ts'
import type { GenerationView } from '../../../src/proxy/api-generations.ts'
import { httpGet } from '../../support/http-get.ts'
import type { Sighting } from './client.ts'
import { DIGITS, type Pins } from './plan.ts'

/** A generation as the server itself remembers it. */
export interface Remembered {
  readonly number: number
  /** Names of snapshots by mirror. */
  readonly current: ReadonlyMap<string, string>
  /** The round whose pins it has; undefined before they were set. */
  readonly round: number | undefined
}

/** All generations, and in which one each text of the index can have been seen. */
export interface Past {
  readonly generations: readonly Remembered[]
  readonly numberOf: ReadonlyMap<string, number>
}

/**
 * Reads every generation's index and checks that no two are alike.
 * @param numbers the last generation before the first round, and the last of all
 */
export async function readPast(
  url: string,
  { setUp, count }: { readonly setUp: number; readonly count: number },
  pins: Pins,
): Promise<Past> {
  const generations: Remembered[] = []
  const numberOf = new Map<string, number>()
  for (let number = 1; number <= count; number += 1) {
    const reply = await httpGet(`${url}/repos/generations/${number}/all_latest.json`)
    assert.equal(reply.status, 200)
    const text = reply.body.toString()
    const { latest_ci_repos: repos } = JSON.parse(text) as { latest_ci_repos: Record<string, string> }
    const names = Object.entries(repos).map(
      ([mirror, base]) => [mirror, base.slice(`${url}/repos/yum/${mirror}/`.length)] as const,
    )
    for (const [format, written] of Object.entries(writeFormats(Object.entries(repos), text))) {
      assert.ok(!numberOf.has(written), `generations ${numberOf.get(written)} and ${number}: same ${format}`)
      numberOf.set(written, number)
    }
    const current = new Map(names)
    generations.push({ number, current, round: number > setUp ? roundOf(current, pins) : undefined })
  }
  return { generations, numberOf }
}

/** The four formats, written here a second time. */
function writeFormats(repos: readonly [string, string][], json: string): Record<IndexFormat, string> {
  const lines = (write: (mirror: string, base: string) => string) =>
    repos.map(([mirror, base]) => write(mirror, base)).join('')
  return {
    json,
    yaml: `---\nlatest_ci_repos:\n${lines((mirror, base) => `  ${mirror}: '${base}'\n`)}`,
    py: `latest_ci_repos = {\n${lines((mirror, base) => `    '${mirror}': '${base}',\n`)}}\n`,
    html:
      '<html><head>Latest repo snapshots</head><body>\n<table border=1>\n<tr><th>Repo Name</th> <th>Repo URL</th></tr>\n' +
      `${lines((mirror, base) => `<tr>\n<td>${mirror}</td> <td>${base}</td>\n</tr>\n`)}</table>\n</body></html>\n`,
  }
}

function roundOf(current: ReadonlyMap<string, string>, { digits }: Pins): number {
  const found = DIGITS.map((digit) => digits[digit].indexOf(current.get(digit) ?? ''))
  assert.ok(!found.includes(-1), `a digit has no snapshot: ${found.join(' ')}`)
  return Number(found.join(''))
}

/**
 * Whether what one client saw, in this order, can have been: each answer from one generation, none from an earlier one than an answer before
 * it, none from before a change that was in force when the question was asked.
 */
export function judgeSightings(who: string, sightings: readonly Sighting[], past: Past): void {
  const { generations, numberOf } = past
  let at = 1
  for (const sighting of sightings) {
    const { floor } = sighting
    while ((generations[at - 1]?.round ?? 0) < floor) {
      assert.ok(at < generations.length, `round ${floor} was in force and has no generation`)
      at += 1
    }
    if ('text' in sighting) {
      const seen = numberOf.get(sighting.text)
      assert.ok(seen !== undefined, `${who} saw an index that never was:\n${sighting.text}`)
      assert.ok(seen >= at, `${who} saw generation ${seen} after ${at}:\n${sighting.text}`)
      at = seen
    } else {
      const { mirror, snapshot } = sighting
      const from = at
      while (generations[at - 1]?.current.get(mirror) !== snapshot) {
        at += 1
        assert.ok(
          at <= generations.length,
          `${who} saw ${mirror} at ${snapshot}, which it was not since generation ${from}`,
        )
      }
    }
  }
}

/** Who does what, by generation: pins and syncs, and the removals of `coming`. */
export function judgeOrigins(
  views: readonly GenerationView[],
  past: Past,
  expected: { readonly user: string; readonly isApiRound: (round: number) => boolean },
): void {
  let round = -1
  for (const { generation, cause, by, changes } of views) {
    const now = past.generations[generation - 1]?.round ?? -1
    const label = `generation ${generation}, round ${now}: ${JSON.stringify({ cause, by, changes })}`
    const mirrors = changes.map(({ mirror }) => mirror)
    if (round >= 0 && now !== round) {
      assert.equal(cause, 'pin', label)
      assert.equal(by, expected.isApiRound(now) ? expected.user : 'configuration file', label)
      if (by === expected.user) assert.deepEqual(mirrors, ['units'], label)
    } else if (round >= 0 && cause === 'remove') {
      assert.deepEqual([by, ...mirrors], [expected.user, 'coming'], label)
      assert.equal(changes[0]?.to, null, label)
    } else if (round >= 0) {
      assert.equal(cause, 'sync', label)
      assert.equal(mirrors.length, 1, label)
      assert.ok((changes[0]?.to ?? '') > (changes[0]?.from ?? ''), label)
      if (mirrors[0]?.startsWith('steady') === true) assert.equal(by, expected.user, label)
    }
    round = now
  }
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'

import { createLayout } from '../../src/cache/layout.ts'
import { BisectSession, type BisectReport } from '../../src/cli/bisect-session.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { createPackage, publishSimply } from '../snapshot/publish-simply.ts'
import { createFarm, MAIN, type Farm } from './pinyon.ts'

const PUBLIC_URL = 'http://mirrors.example.org/pinyon'

interface History extends Farm {
  /** Names of its mirror's snapshots, oldest first. */
  readonly names: readonly string[]
}

/** A farm whose mirror `one` has so many snapshots, in each of which one package more than before. */
async function createHistory(t: TestContext, count: number): Promise<History> {
  const farm = createFarm(t, ['one'], { public_url: PUBLIC_URL })
  const layout = createLayout(farm.dataDir)
  mkdirSync(layout.temporary, { recursive: true })
  const store = new SqliteSnapshotStore(layout.database, () => join(layout.temporary, 'scratch'))
  await store.reconcile([{ name: 'one' }], 0)
  const names: string[] = []
  for (let number = 0; number < count; number += 1) {
    const packages = Array.from({ length: number }, (_, index) => createPackage(`P/p${index}`))
    names.push((await publishSimply(store, { mirror: 'one', packages })).snapshot.name)
  }
  await store.close()
  return { ...farm, names }
}

/** A command that notes what it was given, and fails from a snapshot on. */
function failsFrom(name: string, dir: string): string {
  const note = `echo "$PINYON_MIRROR $PINYON_SNAPSHOT $PINYON_BASEURL" >> ${dir}/runs; echo chatter; echo more >&2`
  return `${note}; [ "$PINYON_SNAPSHOT" \\< "${name}" ]`
}

function readRuns(farm: History): number[] {
  const lines = readFileSync(join(farm.dir, 'runs'), 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [mirror, snapshot = '', baseurl] = line.split(' ')
    assert.deepEqual([mirror, baseurl], ['one', `${PUBLIC_URL}/repos/yum/one/${snapshot}`])
    return farm.names.indexOf(snapshot)
  })
}

async function bisect(
  farm: History,
  ...args: readonly string[]
): Promise<{ code: number; report: BisectReport }> {
  const { code, stdout } = await farm.run('bisect', 'one', ...args, '--json')
  return { code, report: JSON.parse(stdout) as BisectReport }
}

describe('bisect', () => {
  test('finds the first bad snapshot, and says what changed and how to go back', async (t) => {
    const farm = await createHistory(t, 9)
    const { names, dir } = farm
    const command = failsFrom(names[6] ?? '', dir)
    const { code, stdout, stderr } = await farm.run(
      'bisect',
      'one',
      names[0] ?? '',
      'newest',
      '--run',
      command,
    )
    assert.equal(code, 0, stderr)
    assert.deepEqual(readRuns(farm), [4, 6, 5])
    assert.equal(
      stdout,
      `first bad  ${names[6]}
last good  ${names[5]}
runs       3

one: ${names[5]} -> ${names[6]}
1 added

Added (1)
  p5-1-1.noarch

What changed, and how to go back until unpin:
  pinyon diff one ${names[5]} ${names[6]}
  pinyon pin one ${names[5]} --why '...'
`,
    )
    assert.equal(stderr.split('chatter\nmore\n').length, 4, "the command's output is on stderr")
    assert.match(stderr, new RegExp(`^${names[4]}: 8 candidates, 3 runs left\n`))
    assert.match(stderr, new RegExp(`\n${names[6]}: bad \\(exit 1\\)\n`))
  })

  test('goes from a good newer one to a bad older one as well', async (t) => {
    const farm = await createHistory(t, 8)
    const { names, dir } = farm
    const command = `${failsFrom(names[3] ?? '', dir)} && exit 1; exit 0`
    const { code, report } = await bisect(farm, names[7] ?? '', names[0] ?? '', '--run', command)
    assert.equal(code, 0)
    assert.deepEqual([report.first_bad, report.last_good], [names[2], names[3]])
    assert.ok(report.runs.length <= 3)
  })

  test('for scripts is one document, whatever the command says', async (t) => {
    const farm = await createHistory(t, 5)
    const { names, dir } = farm
    const { code, report } = await bisect(
      farm,
      names[0] ?? '',
      names[4] ?? '',
      '--run',
      failsFrom(names[1] ?? '', dir),
    )
    const { runs, ...rest } = report
    assert.equal(code, 0)
    assert.deepEqual(rest, {
      mirror: 'one',
      good: names[0],
      bad: names[4],
      outcome: 'found',
      first_bad: names[1],
      last_good: names[0],
      candidates: [names[1]],
      changes: { replaced: 0, downgraded: 0, removed: 0, upgraded: 0, added: 1, advisories: 0 },
    })
    assert.deepEqual(
      runs.map(({ ms, ...run }) => ({ ...run, timed: ms > 0 })),
      [2, 1].map((place) => ({ snapshot: names[place], verdict: 'bad', exit: 1, signal: null, timed: true })),
    )
  })

  test('skips what can say nothing, and names what is left when that hides it', async (t) => {
    const farm = await createHistory(t, 7)
    const { names } = farm
    const skip = (...places: number[]) =>
      `case $PINYON_SNAPSHOT in ${places.map((place) => names[place]).join('|')}) exit 125;; esac; `
    const firstBad = (place: number) => `[ $PINYON_SNAPSHOT \\< ${names[place]} ]`
    const around = await bisect(farm, names[0] ?? '', names[6] ?? '', '--run', skip(3) + firstBad(5))
    assert.deepEqual([around.code, around.report.first_bad], [0, names[5]])
    const hidden = await bisect(farm, names[0] ?? '', names[6] ?? '', '--run', skip(3, 4) + firstBad(4))
    const { outcome, first_bad: found, last_good: good, candidates } = hidden.report
    assert.deepEqual([hidden.code, outcome, found, good], [3, 'undecided', null, names[2]])
    assert.deepEqual(candidates, names.slice(3, 6))
    const { stdout } = await farm.run('bisect', 'one', names[0] ?? '', 'current', '--run', 'exit 125')
    assert.match(
      stdout,
      new RegExp(
        `is one of\n${names
          .slice(1)
          .map((name) => `  ${name}\n`)
          .join('')}`,
      ),
    )
  })

  test('stops without a verdict when the command was killed, or could not go on', async (t) => {
    const farm = await createHistory(t, 5)
    const { names } = farm
    const cases = [
      ['kill -9 $$', null, 'SIGKILL'],
      ['exit 128', 128, null],
      ['sh -c "kill -TERM \\$\\$"; exit $?', 143, null],
    ] as const
    for (const [command, exit, signal] of cases) {
      const { code, report } = await bisect(farm, names[0] ?? '', names[4] ?? '', '--run', command)
      assert.deepEqual(
        [code, report.outcome, report.first_bad, report.candidates.length],
        [1, 'stopped', null, 4],
      )
      assert.deepEqual(
        report.runs.map((run) => [run.verdict, run.exit, run.signal]),
        [['stopped', exit, signal]],
      )
    }
    const { report } = await bisect(farm, names[0] ?? '', names[4] ?? '', '--run', 'exit 127')
    assert.equal(report.first_bad, names[1], 'as for git, what cannot be found is bad')
  })

  test('believes what it is told of the ends, unless told to look', async (t) => {
    const farm = await createHistory(t, 4)
    const { names, dir } = farm
    const ends = [names[0] ?? '', names[3] ?? '']
    const right = await bisect(farm, ...ends, '--check-ends', '--run', failsFrom(names[3] ?? '', dir))
    assert.deepEqual([right.code, right.report.first_bad], [0, names[3]])
    assert.deepEqual(readRuns(farm), [0, 3, 1, 2])
    for (const [command, message] of [
      ['false', `${names[0]} was said to be good, and is: bad`],
      ['true', `${names[3]} was said to be bad, and is: good`],
    ] as const) {
      const wrong = await farm.run('bisect', 'one', ...ends, '--check-ends', '--run', command)
      assert.deepEqual([wrong.code, wrong.stdout], [1, ''])
      assert.match(wrong.stderr, new RegExp(`${message}\n$`))
    }
  })

  test('tells what it found even when what changed cannot be told any more', async (t) => {
    const farm = await createHistory(t, 3)
    const { names } = farm
    const ends = [names[0] ?? '', names[2] ?? '']
    const { code, stdout, stderr } = await farm.run(
      'bisect',
      'one',
      ...ends,
      '--run',
      `rm -f ${farm.configFile}; false`,
    )
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^first bad  ${names[1]}\nlast good  ${names[0]}\n`))
    assert.match(stderr, /^what changed cannot be told: .*pinyon\.yaml/m)
  })

  test('needs no run between neighbours, and refuses what is no way', async (t) => {
    const farm = await createHistory(t, 3)
    const { names } = farm
    const next = await bisect(farm, names[0] ?? '', names[1] ?? '', '--run', 'exit 200')
    assert.deepEqual([next.code, next.report.first_bad, next.report.runs], [0, names[1], []])
    const cases = [
      [['one', 'newest', 'current', '--run', 'true'], 2, /^good and bad are one snapshot: /],
      [
        ['one', 'current', '2016-01-01-00-00', '--run', 'true'],
        1,
        /^one has no snapshot "2016-01-01-00-00": the nearest are /,
      ],
      [['none', 'current', 'newest', '--run', 'true'], 1, /^no such mirror, .*: none/],
      [['one', 'current', 'newest'], 2, /--run/],
    ] as const
    for (const [args, code, message] of cases) {
      const result = await farm.run('bisect', ...args)
      assert.deepEqual([result.code, result.stdout], [code, ''])
      assert.match(result.stderr, message)
    }
  })

  test('takes the URL from where the server listens, or as told', async (t) => {
    const farm = await createHistory(t, 3)
    const { names } = farm
    const tell = async (...args: string[]) => {
      const { stderr } = await farm.run(
        'bisect',
        'one',
        names[0] ?? '',
        names[2] ?? '',
        ...args,
        '--run',
        'echo URL $PINYON_BASEURL',
      )
      return /^URL (.*)$/m.exec(stderr)?.[1] ?? stderr
    }
    assert.equal(await tell('--base', 'https://x/y/'), `https://x/y/repos/yum/one/${names[1]}`)
    const config = JSON.parse(readFileSync(farm.configFile, 'utf8')) as Record<string, unknown>
    const change = (settings: Record<string, unknown>) => {
      const { public_url: _, ...rest } = { ...config, ...settings }
      writeFileSync(farm.configFile, JSON.stringify(rest))
    }
    change({ listen: ':8080' })
    assert.equal(await tell(), `http://127.0.0.1:8080/repos/yum/one/${names[1]}`)
    change({ listen: '[::1]:8080' })
    assert.equal(await tell(), `http://[::1]:8080/repos/yum/one/${names[1]}`)
    change({ listen: '127.0.0.1:0' })
    assert.match(await tell(), /^the server's port is left to the system by .*: tell --base$/m)
  })

  test('that is told to stop stops the command and all that it started', async (t) => {
    const farm = await createHistory(t, 5)
    const { names } = farm
    const run = 'echo started; sleep 1000 & wait'
    const args = [
      'bisect',
      'one',
      names[0] ?? '',
      names[4] ?? '',
      '--run',
      run,
      '--json',
      '--config',
      farm.configFile,
    ]
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    const stdout = text(child.stdout)
    const exited = once(child, 'exit')
    // The lines end when all that hold our standard error have ended.
    for await (const line of createInterface({ input: child.stderr }))
      if (line === 'started') child.kill('SIGINT')
    assert.deepEqual(await exited, [1, null])
    const report = JSON.parse(await stdout) as BisectReport
    assert.deepEqual([report.outcome, report.candidates.length], ['stopped', 4])
  })
})

test('snapshots that are retired meanwhile are skipped', async () => {
  const steps = ['a', 'b', 'c', 'd', 'e']
  const said: string[] = []
  const session = new BisectSession({
    mirror: 'm',
    steps,
    pathOf: (snapshot) => `/repos/yum/m/${snapshot}`,
    command: '[ $PINYON_SNAPSHOT = b ]',
    base: 'http://127.0.0.1:8080',
    signal: new AbortController().signal,
    isThere: async (snapshot) => snapshot !== 'c',
    say: (line) => void said.push(line),
  })
  const { outcome, last_good: lastGood, candidates, runs } = await session.run()
  assert.deepEqual([outcome, lastGood, candidates], ['undecided', 'b', ['c', 'd']])
  assert.deepEqual(
    runs.map(({ snapshot, verdict, exit }) => [snapshot, verdict, exit]),
    [
      ['c', 'skip', null],
      ['b', 'good', 0],
      ['d', 'bad', 1],
    ],
  )
  assert.ok(said.includes('c: skip (it is gone by now)'))
})

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { gate } from '../../support/gate.ts'
import { startFarm, type Farm } from './farm.ts'
import { startFront } from './front.ts'
import { manifest } from './manifest.ts'
import { Client } from './run-client.ts'

/** A process that stands for a job; it ends when killed. */
async function startJob(t: TestContext): Promise<ChildProcess & { pid: number }> {
  const job = spawn('sh', ['-c', 'echo; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(job.stdout, 'data')
  t.after(() => job.kill('SIGKILL'))
  assert.ok(job.pid !== undefined)
  return job as ChildProcess & { pid: number }
}

async function end(job: ChildProcess): Promise<void> {
  const ended = once(job, 'exit')
  job.kill('SIGKILL')
  await ended
}

function view(farm: Farm): string | undefined {
  const about = readFileSync(join(farm.client.journal, 'open/about'), 'utf8')
  return /^view (.*)$/m.exec(about)?.[1]
}

describe('two jobs on one slave', () => {
  test('the second one fails while the first lives, and names it', async (t) => {
    const farm = await startFarm(t)
    const { client } = farm
    const job = await startJob(t)
    await client.must(['begin', '--view', 'job-1', '--pid', String(job.pid)])
    const begun = manifest(farm.root)
    const second = await client.run(['begin', '--view', 'job-2'])
    assert.equal(second.code, 1)
    assert.match(
      second.stderr,
      new RegExp(
        `another job's transaction is open: pid ${job.pid}, view job-1, since \\d{4}-.*Z\npinyon: nothing was changed\n`,
      ),
    )
    assert.deepEqual(manifest(farm.root), begun)
    const waited = await client.run(['begin', '--view', 'job-2', '--wait', '1'])
    assert.deepEqual([waited.code, view(farm)], [1, 'job-1'])
    // Neither can the second one end the first one's.
    const undone = await client.must(['rollback', '--view', 'job-2'])
    assert.match(undone.stderr, /nothing to undo: what is open is that of view job-1, not job-2/)
    assert.equal((await client.run(['commit', '--view', 'job-2'])).code, 1)
    assert.deepEqual(manifest(farm.root), begun)
    await client.must(['commit', '--view', 'job-1'])
  })

  test('the second one waits for the first one’s end', async (t) => {
    const farm = await startFarm(t)
    const { client } = farm
    const job = await startJob(t)
    await client.must(['begin', '--view', 'job-1', '--pid', String(job.pid)])
    const second = client.must(['begin', '--view', 'job-2', '--wait', '60'])
    await client.must(['commit', '--view', 'job-1'])
    await second
    assert.equal(view(farm), 'job-2')
  })

  test('what a job that is gone has left is undone by the next', async (t) => {
    const farm = await startFarm(t)
    const { client } = farm
    const before = manifest(farm.root)
    const job = await startJob(t)
    await client.must(['begin', '--view', 'job-1', '--pid', String(job.pid)])
    await end(job)
    const { stderr } = await client.must(['begin', '--view', 'job-2'])
    assert.match(stderr, new RegExp(`a transaction was left open: pid ${job.pid}, view job-1, since`))
    assert.equal(view(farm), 'job-2')
    // A process of the same number is another one.
    const about = join(client.journal, 'open/about')
    writeFileSync(about, readFileSync(about, 'utf8').replace(/^owner .*$/m, `owner ${process.pid}-1`))
    await client.must(['begin', '--view', 'job-3'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(farm.root), before)
  })

  test('that begin at once never nest: one begins, the others fail or wait', async (t) => {
    const farm = await startFarm(t)
    const before = manifest(farm.root)
    const jobs = await Promise.all([startJob(t), startJob(t), startJob(t)])
    const begins = await Promise.all(
      jobs.map(async (job, index) => {
        const args = ['begin', '--view', `job-${index}`, '--pid', String(job.pid)]
        return await farm.client.run(args, { shell: index === 1 ? 'bash' : 'dash' })
      }),
    )
    const won = begins.findIndex(({ code }) => code === 0)
    assert.equal(begins.filter(({ code }) => code === 0).length, 1, JSON.stringify(begins))
    for (const { stderr } of begins.filter((_, index) => index !== won))
      assert.match(
        stderr,
        /another (?:process is at work here|job's transaction is open): pid \d+.* \(?view|begun/,
      )
    assert.equal(view(farm), `job-${won}`)
    await farm.client.must(['rollback'])
    assert.deepEqual(manifest(farm.root), before)
  })

  test('of one caller’s, begun at once, are two jobs as well', async (t) => {
    const farm = await startFarm(t)
    const front = await startFront(t, farm.url)
    const slow = new Client(farm.root, front.url, farm.scratch)
    const asked = gate()
    front.fail = () => {
      asked.open()
      return undefined
    }
    const first = slow.run(['begin', '--view', 'job-1'])
    await asked.opened
    const second = await farm.client.run(['begin', '--view', 'job-2', '--wait', '1'])
    await first
    assert.equal(second.code, 1, second.stderr)
    assert.match(second.stderr, /another (?:process is at work here|job's transaction is open): pid \d+/)
    assert.equal(view(farm), 'job-1')
    // Called once more it is the same job's next try.
    await farm.client.must(['begin', '--view', 'job-2'])
  })

  test('a lock whose holder was killed is taken over', async (t) => {
    const farm = await startFarm(t)
    await farm.client.must(['begin'])
    const lock = join(farm.client.journal, 'lock')
    const job = await startJob(t)
    const start = readFileSync(`/proc/${job.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]
    renameSync(join(lock, 'free'), join(lock, `${job.pid}-${start}`))
    writeFileSync(join(lock, `${job.pid}-${start}`), 'begin (view job-1, since then)\n')
    const refused = await farm.client.run(['begin'])
    assert.match(
      refused.stderr,
      new RegExp(`another process is at work here: pid ${job.pid} begin \\(view job-1, since then\\)`),
    )
    await end(job)
    await farm.client.must(['rollback'])
    assert.deepEqual(readdirSync(lock), ['free'])
  })

  test('a transaction has expired when its ttl has passed, although its job lives', async (t) => {
    const farm = await startFarm(t)
    const { client } = farm
    const before = manifest(farm.root)
    const job = await startJob(t)
    await client.must(['begin', '--view', 'job-1', '--ttl', '1h', '--pid', String(job.pid)])
    await client.must(['rollback', '--expired'])
    assert.equal(client.isOpen, true)
    const about = join(client.journal, 'open/about')
    const text = readFileSync(about, 'utf8').replace(
      /^clock (\d+)$/m,
      (_, clock) => `clock ${Number(clock) - 3600}`,
    )
    writeFileSync(about, text)
    await client.must(['rollback', '--expired'])
    assert.deepEqual([client.isOpen, manifest(farm.root)], [false, before])
    await client.must(['begin', '--view', 'job-1', '--pid', String(job.pid)])
    await client.must(['rollback', '--expired'])
    assert.equal(client.isOpen, true, 'one without a ttl never expires')
  })
})

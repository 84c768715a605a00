import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { PinyonError } from '../../../src/model/errors.ts'
import { parseInjectQuery } from '../../../src/proxy/inject/inject-query.ts'
import { InjectRunner, INLINE_MAX_BYTES } from '../../../src/proxy/inject/inject-runner.ts'
import type { InjectionJob } from '../../../src/proxy/inject/injection-job.ts'

const MIRRORS = [['m', 'http://h/repos/yum/m/2026-11-22-02-13']] as const
const COMMENT = `#${'-'.repeat(98)}\n`

function job(config: string, query = ''): InjectionJob {
  const { settings } = parseInjectQuery(new URLSearchParams(query))
  return { bytes: Buffer.from(config), mirrors: MIRRORS, settings, elsewhere: [] }
}

function large(config: string): string {
  return `${config}${COMMENT.repeat(Math.ceil(INLINE_MAX_BYTES / COMMENT.length))}`
}

function describeError(error: unknown): unknown {
  assert.ok(error instanceof PinyonError)
  return [error.code, error.message, error.facts]
}

function createRunner(t: TestContext): InjectRunner {
  const runner = new InjectRunner()
  t.after(() => runner.close())
  return runner
}

describe('the runner of injections', () => {
  test('gives the same in its thread as at once', async (t) => {
    const runner = createRunner(t)
    const config = '[m]\nbaseurl=x\n[n]\n'
    for (const query of ['', 'output=report', 'only_mirrored=1', 'releasever=m']) {
      const small = await runner.run(job(config, query))
      const { body, injected, unmatched } = await runner.run(job(large(config), query))
      const expected =
        query === 'output=report'
          ? Buffer.from(small.body).toString()
          : large(Buffer.from(small.body).toString())
      assert.equal(Buffer.from(body).toString(), expected)
      assert.deepEqual([injected, unmatched], [small.injected, small.unmatched])
    }
  })

  test('refuses the same, and goes on after it', async (t) => {
    const runner = createRunner(t)
    const broken = '[m]\nwhat\n'
    const expected = await runner.run(job(broken)).catch(describeError)
    const [refused, other] = await Promise.allSettled([
      runner.run(job(large(broken))),
      runner.run(job(large('[m]\n'))),
    ])
    assert.deepEqual(describeError(refused.status === 'rejected' ? refused.reason : undefined), expected)
    assert.equal(other.status, 'fulfilled')
    const strict = await runner.run(job(large('[n]\n'), 'strict=1')).catch((error: unknown) => error)
    assert.match(String(strict), /found no mirror: n/)
  })

  test('leaves the job’s own bytes as they are, for it to be run again', async (t) => {
    const runner = createRunner(t)
    const one = job(large('[m]\nbaseurl=x\n'))
    const [first, second] = [await runner.run(one), await runner.run(one)]
    assert.deepEqual(Buffer.from(first.body), Buffer.from(second.body))
  })

  test('lets so many wait and no more', async (t) => {
    const runner = createRunner(t)
    const one = job(large('[m]\nbaseurl=x\n'))
    const ended = await Promise.allSettled(Array.from({ length: 80 }, () => runner.run(one)))
    const busy = ended.filter((result) => result.status === 'rejected')
    assert.equal(busy.length, 80 - 65)
    for (const { reason } of busy) assert.equal((reason as { code?: string }).code, 'TOO_BUSY')
  })

  test('gives up a thread that exceeds its time or memory or ends, and goes on with another', async (t) => {
    const thread = new URL(import.meta.resolve('./bad-thread.ts'))
    for (const [name, maxMs, code, message] of [
      ['loop', 100, 'TOO_BUSY', /took longer than is waited for: 100 ms/],
      ['memory', 60_000, 'BODY_TOO_LARGE', /more memory than there is/],
      ['exit', 60_000, 'STORE_FAILED', /the thread that injects ended: 7/],
      ['throw', 60_000, 'STORE_FAILED', /injecting: a fault/],
    ] as const) {
      const runner = new InjectRunner({ thread, maxMs })
      t.after(() => runner.close())
      const ask = (what: string) => runner.run(job(large('[m]\n'), `name=${what}`))
      const [failed, next] = [ask(name), name === 'loop' ? undefined : ask('right')]
      await assert.rejects(
        failed,
        (error: PinyonError) => error.code === code && message.test(error.message),
        name,
      )
      if (next !== undefined) assert.equal((await next).injected, 1)
    }
  })

  test('ends what runs and waits when it is closed, and takes nothing more', async () => {
    const runner = new InjectRunner()
    const one = job(large('[m]\nbaseurl=x\n'))
    const running = [runner.run(one), runner.run(one)].map((result) =>
      assert.rejects(result, { code: 'SHUTTING_DOWN' }),
    )
    await runner.close()
    await Promise.all(running)
    await assert.rejects(runner.run(one), { code: 'SHUTTING_DOWN' })
  })
})

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, test } from 'node:test'

import { findTokenName } from '../../src/http/bearer.ts'
import { redactTarget } from '../../src/http/request-log.ts'

const SECRETS = ['first-0123456789', 'second-0123456789', 'third-0123456789']
const TOKENS = new Map(SECRETS.map((secret, at) => [`t${at}`, hash('sha256', secret, 'buffer')]))

describe('a bearer token', () => {
  test('is known by name wherever in the list it is, and every one is compared', () => {
    for (const [at, secret] of SECRETS.entries()) {
      let compared = 0
      const counting = new Map(TOKENS)
      counting[Symbol.iterator] = function* () {
        for (const entry of TOKENS) {
          compared += 1
          yield entry
        }
        return undefined
      }
      assert.equal(findTokenName(`Bearer ${secret}`, counting), `t${at}`)
      assert.equal(compared, SECRETS.length)
    }
  })

  test('is refused, and nothing of it is told', () => {
    const wrong = SECRETS.flatMap((secret) => [`${secret}x`, secret.slice(1), secret.toUpperCase()])
    for (const token of wrong)
      assert.throws(
        () => findTokenName(`Bearer ${token}`, TOKENS),
        (error: Error) => {
          assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes(token))
          return (error as { code?: string }).code === 'UNAUTHORIZED'
        },
      )
    for (const header of [
      undefined,
      '',
      'Bearer',
      'Basic x',
      `Bearer ${SECRETS[0]} x`,
      `x Bearer ${SECRETS[0]}`,
    ])
      assert.throws(() => findTokenName(header, TOKENS), { code: 'UNAUTHORIZED' })
    assert.throws(() => findTokenName(`Bearer ${SECRETS[0]}`, new Map()), { code: 'FORBIDDEN' })
  })
})

test('the log hides what somebody has put into a query', () => {
  assert.equal(redactTarget('/a?token=x&b=1&Access_Token=y#z'), '/a?token=***&b=1&Access_Token=***')
  assert.equal(redactTarget('/token=a?b=c'), '/token=a?b=c')
  assert.equal(
    redactTarget('/a?X-Amz-Signature=x&api_key=y&client_secret=z&passwd=p&q=a'),
    '/a?X-Amz-Signature=***&api_key=***&client_secret=***&passwd=***&q=a',
  )
  assert.equal(redactTarget('http://user:se@cret@host/a?q=b@c'), 'http://***@host/a?q=b@c')
})

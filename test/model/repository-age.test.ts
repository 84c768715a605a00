import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { describeStepBack, type RepositoryAge } from '../../src/model/repository-age.ts'

const NOW = Date.UTC(2026, 0, 1)
const SECOND = NOW / 1000

const age = (revision?: number | string, newestTimestamp?: number): RepositoryAge => ({
  revision: revision === undefined ? undefined : String(revision),
  newestTimestamp,
})

describe('a repository went backwards when', () => {
  const cases: readonly [string, RepositoryAge, RepositoryAge][] = [
    ['both revision and times are older', age(SECOND - 9, SECOND - 9), age(SECOND - 1, SECOND - 1)],
    ['its revision is, and there are no times', age(3), age(4)],
    ['its revision is, and the times are the same', age(3, 7), age(4, 7)],
    ['its times are, and the revision is no number', age('v1.2', 5), age('v1.1', 6)],
    ['its times are, and there is no revision', age(undefined, 5), age(undefined, 6)],
    ['its times are, and the revision is the same', age(1, 5), age(1, 6)],
    ['its revision is a date in digits', age('20250101000000'), age('20260101000000')],
  ]
  for (const [what, found, last] of cases)
    test(what, () => {
      assert.match(
        describeStepBack(found, last, NOW) ?? '',
        /^(revision|files up to) .*the last snapshot has/,
      )
      assert.equal(describeStepBack(last, found, NOW), undefined, 'the other way round')
    })
})

test('what shows that it went backwards is named, and nothing else', () => {
  const revision = 'revision 3, the last snapshot has 4'
  const times = 'files up to 1970-01-01T00:00:05Z, the last snapshot has some of 1970-01-01T00:00:06Z'
  assert.equal(describeStepBack(age(3, 7), age(4, 7), NOW), revision)
  assert.equal(describeStepBack(age(1, 5), age(1, 6), NOW), times)
  assert.equal(describeStepBack(age(3, 5), age(4, 6), NOW), `${revision}; ${times}`)
})

describe('a repository did not go backwards when', () => {
  const cases: readonly [string, RepositoryAge, RepositoryAge][] = [
    ['nothing is known', age(), age()],
    ['nothing can be compared', age('a', undefined), age('b', 5)],
    ['it was built anew: it counts from 1, and its files are newer', age(1, SECOND), age(900, SECOND - 9)],
    ['its times are fixed, and it counts on', age(901, 0), age(900, 5)],
    ['the last one came from the future', age(SECOND, SECOND), age(SECOND * 2, SECOND * 2)],
    ['it is the same', age(5, 5), age(5, 5)],
    ['a revision is not worth a number', age('1e3'), age('0x10')],
  ]
  for (const [what, found, last] of cases)
    test(what, () => assert.equal(describeStepBack(found, last, NOW), undefined))
})

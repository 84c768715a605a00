import assert from 'node:assert/strict'
import { test } from 'node:test'

import { maskQuery } from '../../src/model/shown-url.ts'

const CASES = {
  'http://h/x/': 'http://h/x/',
  'http://h/metalink?repo=epel-9&arch=$basearch': 'http://h/metalink?repo=epel-9&arch=$basearch',
  'http://h/?release=9-stream&repo=os&cc=de,fr': 'http://h/?release=9-stream&repo=os&cc=de,fr',
  'http://h/l?repo=a&sig=s3cret': 'http://h/l?repo=a&sig=***',
  'http://h/l?k=s3cret&repo=a': 'http://h/l?k=***&repo=a',
  'http://h/l?s3cret': 'http://h/l?***',
  'http://h/l?repo=a;sig=s3cret': 'http://h/l?repo=a;sig=***',
  'http://h/l?repo=a%26sig%3Ds3cret': 'http://h/l?repo=***',
  'http://h/l?repo=a?sig=s3cret': 'http://h/l?repo=***',
  'http://h/l?sig=a=s3cret&&repo=a': 'http://h/l?sig=***&&repo=a',
  'http://h/l?sig=s3cret#part': 'http://h/l?sig=***#part',
  'http://h/l?': 'http://h/l?',
  'no url ? s3cret': 'no url ?***',
}

test('of a query is shown what lists of mirrors are told of a repository, and of all else the names', () => {
  for (const [url, shown] of Object.entries(CASES)) assert.equal(maskQuery(url), shown, url)
})

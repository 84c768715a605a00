import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { dataIndex, repoSection, startJob, type Job } from './job.ts'

const A = repoSection('a-el9')
const URL_A = 'http://h/a'
const WRAPPED = JSON.stringify({ latest_ci_repos: { 'a-el9': URL_A } })

/** Nobody listens there: whoever asks such a proxy fails at once. */
const DEAD_PROXY = 'http://127.0.0.1:9/'
const DEAD_PROXIES = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) => [
    [name, DEAD_PROXY],
    [name.toUpperCase(), DEAD_PROXY],
  ]),
)

async function begin(
  t: TestContext,
  documents: Readonly<Record<string, string>> = {},
): Promise<{ job: Job; server: Upstream }> {
  const job = startJob(t, { 'a.repo': A, 'www/.keep': '' })
  const server = await startUpstream(t, join(job.dir, 'www'))
  for (const [name, text] of Object.entries(documents)) {
    const path = join(job.dir, 'www', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return { job, server }
}

describe('an index comes', () => {
  test('from a URL, from CI_MIRRORS_URL, from a saved all_latest.json, .yaml or .py, and from a data URL', async (t) => {
    const { job, server } = await begin(t, { 'all_latest.json': WRAPPED })
    job.write('all_latest.json', WRAPPED)
    job.write('all_latest.yaml', `---\nlatest_ci_repos:\n  a-el9: '${URL_A}'\n`)
    job.write('all_latest.py', `latest_ci_repos = {\n    'a-el9': '${URL_A}',\n}\n`)
    job.write('flat mirrors.yaml', `a-el9: ${URL_A}\n`)
    const url = `${server.url}all_latest.json`
    const sources = [
      url,
      'all_latest.json',
      './all_latest.yaml',
      join(job.dir, 'all_latest.py'),
      'flat mirrors.yaml',
      `file://${job.dir}/all_latest.json`,
      dataIndex({ 'a-el9': URL_A }),
      `data:application/json;base64,${Buffer.from(WRAPPED).toString('base64')}`,
    ]
    const elsewhere = { CI_MIRRORS_URL: 'http://127.0.0.1:9/' }
    const runs = sources.map((source) => [source, ['--index', source], elsewhere] as const)
    for (const [source, args, env] of [...runs, [url, [], { CI_MIRRORS_URL: url }] as const]) {
      job.write('a.repo', A)
      const { code, stdout, stderr } = await job.inject([...args, 'a.repo'], env)
      assert.deepEqual([code, stdout, stderr], [0, `a.repo: a-el9 -> ${URL_A}\n`, ''], source)
    }
  })

  test('with insertions before sections, from documents that it includes', async (t) => {
    const { job, server } = await begin(t, {
      'all_latest.json': WRAPPED,
      'gated/all_latest.json': '{"latest_ci_repos": {"x-el9": "/x/1/el9/"}}',
    })
    job.write(
      'ci/mirrors.yaml',
      `include: ['${server.url}all_latest.json']\n`.replace('include:', '"include:":') +
        `"include:before:": [[a, '${server.url}gated/all_latest.json']]\n`,
    )
    const { code, stderr } = await job.inject(['--index', 'ci/mirrors.yaml', 'a.repo'])
    assert.equal(code, 0, stderr)
    assert.match(
      job.read('a.repo'),
      new RegExp(
        `^\\[x-el9\\]\n[^[]*baseurl=${server.url}x/1/el9/\n[^[]*\\[a-el9\\]\n[^[]*baseurl=${URL_A}\n`,
      ),
    )
  })

  test('without the proxies of the environment, after redirects neither', async (t) => {
    const { job, server } = await begin(t, { 'all_latest.json': WRAPPED })
    server.rules = [{ match: 'moved.json', redirectTo: '/all_latest.json' }]
    for (const env of [{}, { no_proxy: '127.0.0.1' }, { NODE_USE_ENV_PROXY: '1' }]) {
      job.write('a.repo', A)
      const { code, stderr } = await job.inject(['--index', `${server.url}moved.json`, 'a.repo'], {
        ...DEAD_PROXIES,
        ...env,
      })
      assert.equal(code, 0, stderr)
    }
    assert.equal(server.count('all_latest.json'), 3)
  })
})

describe('an index that cannot be had', () => {
  /** With the words for it. */
  const failures: readonly (readonly [title: string, source: string, message: RegExp])[] = [
    ['404', 'SERVER/none.json', /index \S+none\.json: tried once: \S+ answered: 404$/],
    ['{}', 'SERVER/empty.json', /expected the key latest_ci_repos, found: \[\]$/],
    ['an empty value', 'SERVER/value.json', /: a-el9: expected a URL, found: ""$/],
    [
      'a line break',
      dataIndex({ 'a-el9': 'http://h/\nproxy=x' }),
      /a-el9: expected an http, https, ftp or file URL, found: /,
    ],
    ['a failed include', 'SERVER/include.json', /none\.json answered: 404 \(included by \S+include\.json\)$/],
    ['a circle', 'SERVER/circle.json', /circle\.json includes itself: /],
    ['no such file', 'none.yaml', /index file:\S+none\.yaml: reading \S+none\.yaml: ENOENT$/],
    [
      'no such scheme',
      'gopher://h/',
      /expected an http, https, file or data URL, or a path: gopher:\/\/h\/$/,
    ],
    [
      'a data URL of something else',
      'data:text/plain,a',
      /expected data:application\/json,… or …;base64,…: a data URL$/,
    ],
  ]
  const documents = {
    'empty.json': '{}',
    'value.json': '{"latest_ci_repos": {"a-el9": ""}}',
    'include.json': '{"latest_ci_repos": {"a-el9": "http://h/a", "include:": ["none.json"]}}',
    'circle.json': '{"latest_ci_repos": {"a-el9": "http://h/a", "include:": ["circle.json"]}}',
  }
  for (const [title, source, message] of failures)
    test(`${title}: fails closed, with --fail-open goes on, and changes nothing either way`, async (t) => {
      const { job, server } = await begin(t, documents)
      const index = source.replace('SERVER/', server.url)
      const closed = await job.inject(['--index', index, 'a.repo'])
      assert.deepEqual([closed.code, closed.stdout], [1, ''])
      assert.match(closed.stderr.trimEnd(), message)
      const open = await job.inject([
        '--index',
        index,
        '--fail-open',
        '--strict',
        '--only-mirrored',
        'a.repo',
      ])
      assert.deepEqual([open.code, open.stdout], [0, ''])
      assert.match(open.stderr, /^warning: nothing is injected: /)
      assert.equal(job.read('a.repo'), A)
    })

  test('none at all is a failure like others with --fail-open, in which a dry run prints what is there', async (t) => {
    const { job } = await begin(t)
    const open = await job.inject(['--fail-open', '--dry-run', 'a.repo'])
    assert.deepEqual([open.code, open.stdout], [0, A])
    assert.match(
      open.stderr,
      /^warning: nothing is injected: neither --index nor CI_MIRRORS_URL names an index\n/,
    )
    const report = JSON.parse((await job.inject(['--fail-open', '--json', 'a.repo'])).stdout) as {
      index_error: string
    }
    assert.match(report.index_error, /names an index$/)
  })

  test('leaves a list of URLs what it says: the job needs its .repo file', async (t) => {
    const { job } = await begin(t)
    job.write('check.repos', 'a-el9,http://upstream.example.org/a\n')
    assert.equal((await job.inject(['--fail-open', '--index', 'none', 'check.repos'])).code, 0)
    assert.match(job.read('check.repo'), /^baseurl=http:\/\/upstream\.example\.org\/a$/m)
  })

  test('is no excuse for a file that cannot be read', async (t) => {
    const { job } = await begin(t)
    assert.equal((await job.inject(['--fail-open', '--index', 'none', 'none.repo'])).code, 1)
    job.write('bad.repo', 'x')
    assert.equal((await job.inject(['--fail-open', '--index', 'none', 'bad.repo'])).code, 1)
  })

  test('trouble that passes is told, and waited for', async (t) => {
    const { job, server } = await begin(t, { 'all_latest.json': WRAPPED })
    server.rules = [{ match: 'all_latest.json', times: 2, status: 503 }]
    const { code, stderr } = await job.inject(['--index', `${server.url}all_latest.json`, 'a.repo'])
    assert.equal(code, 0)
    assert.match(stderr, /^(?:index http:\S+: \S+ answered: 503; trying again in \d\.\d s\n){2}$/)
  })
})

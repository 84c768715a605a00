import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { parse } from 'yaml'

import { METRIC_NAMES, fullName, metricOf } from '../../src/system/metric-table.ts'
import { startSite, type Site } from '../http/site.ts'
import { startDaemon } from '../support/daemon.ts'
import { httpGet } from '../support/http-get.ts'
import { tempDir } from '../support/temp-dir.ts'
import { findTool, needs } from '../support/tools.ts'

const CONFIG = new URL('../../config/observability/', import.meta.url)
const RULES = new URL('alerts.yaml', CONFIG).pathname
const RULE_TESTS = new URL('alerts.test.yaml', import.meta.url).pathname
const BOARD = JSON.parse(readFileSync(new URL('grafana.json', CONFIG), 'utf8')) as Board

interface Panel {
  readonly title: string
  readonly type: string
  readonly description?: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly panels?: readonly Panel[]
}

interface Board {
  readonly panels: readonly Panel[]
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

function panelsOf(panels: readonly Panel[]): Panel[] {
  return panels.flatMap((panel) => [panel, ...panelsOf(panel.panels ?? [])])
}

const PANELS = panelsOf(BOARD.panels)
const BOARD_QUERIES = [
  ...PANELS.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...BOARD.annotations.list.map(({ expr }) => expr),
]
const RULE_QUERIES = (
  parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] }
).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))

function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(findTool('promtool') ?? 'promtool', args, {
    input,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
  return stdout + stderr
}

/** Names and labels of all series. */
function seriesOf(text: string): string[] {
  return (text.match(/^[a-z]\S*?(?=(?: [^ ]+)$)/gm) ?? []).toSorted()
}

/** Requests that a scrape tells of. */
function requestsIn(text: string): number {
  const counts = [...text.matchAll(/^pinyon_requests_total\{.*\} (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** What promtool says of figures; nothing where there is none. */
function promtoolOrNothing(text: string): string {
  return findTool('promtool') === undefined ? '' : promtool(['check', 'metrics'], text)
}

/** A server with something to tell of everything. */
async function startTelling(t: TestContext): Promise<Site> {
  const site = await startSite(t, { packages: [{ name: 'a', content: 2_000 }], others: ['never-synced'] })
  await httpGet(`${site.url}${site.base}Packages/a/a-1.0-1.noarch.rpm`)
  await httpGet(`${site.url}/repos/yum/none/latest.txt`)
  await httpGet(`${site.url}/repos/yum/all_latest.json`)
  await site.app.collector.collect({ dryRun: false, wait: true })
  return site
}

async function scrape({ url }: Site): Promise<string> {
  return (await httpGet(`${url}/metrics`)).body.toString()
}

/** The names of metrics, without what a histogram's lines add. */
function namesIn(text: string): Set<string> {
  const found = text.match(/\b(?:pinyon|process)_[a-z0-9_]+/g) ?? []
  return new Set(found.map((name) => name.replace(/_(?:bucket|sum|count)$/, '')))
}

test('a scrape is as promtool wants it, and as the table says', needs('promtool'), async (t) => {
  const site = await startTelling(t)
  const text = await scrape(site)
  assert.equal(promtool(['check', 'metrics'], text), '')
  const told = namesIn(text)
  // Only of a mirror that is pinned.
  const absent = new Set(['pinyon_pinned_since_timestamp_seconds'])
  for (const name of METRIC_NAMES)
    assert.equal(told.has(fullName(name)), !absent.has(fullName(name)), fullName(name))
  for (const line of text.split('\n')) {
    const [, name = '', labels = ''] =
      /^((?:pinyon|process)_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} /.exec(line) ?? []
    const metric = METRIC_NAMES.find((one) => fullName(one) === name)
    for (const [, label = '', value = ''] of metric === undefined
      ? []
      : labels.matchAll(/(\w+)="([^"]*)"/g)) {
      const allowed = metricOf(metric ?? 'views').labels[label]
      const mirrors = ['m', 'never-synced', '_none']
      const values = allowed === 'mirror' ? mirrors : typeof allowed === 'string' ? [value] : (allowed ?? [])
      assert.ok(label === 'le' || values.includes(value), line)
    }
  }
})

test('how many series there are depends on mirrors alone', async (t) => {
  const site = await startTelling(t)
  const count = async () => (await scrape(site)).split('\n').filter((line) => /^[a-z]/.test(line)).length
  const before = await count()
  const targets = Array.from(
    { length: 200 },
    (_, at) => `/repos/yum/${at % 2 === 0 ? 'm' : `x${at}`}/${at}/p${at}`,
  )
  for (const target of targets)
    await httpGet(site.url + target, {
      headers: { 'user-agent': `client ${target}`, 'x-request-id': target.slice(1) },
    })
  assert.equal(await count(), before)
  assert.ok(before <= 560 + 3 * 29, `${before} series`)
})

test('ten thousand requests of two hundred clients with hostile names make no series, and break no line', async (t) => {
  const site = await startTelling(t)
  const before = await scrape(site)
  const names = ['"}evil', 'm",x="', '%22%7D%0Aevil%201', '_none', '%F0%9F%92%A3', 'm']
  // After these a connection is closed.
  const refused = ['..%2f', '%00', '%0A']
  const ask = async (client: number) => {
    const socket = connect({
      port: site.port,
      host: '127.0.0.1',
      localAddress: `127.0.1.${1 + (client % 200)}`,
    })
    const requests = Array.from({ length: 50 }, (_, at) => {
      const name = at === 49 ? refused[client % refused.length] : names[(client + at) % names.length]
      const method = at === 49 ? `EVIL${client}` : 'GET'
      return `${method} /repos/yum/${at % 2 === 0 ? 'm' : `x${client}`}/${name}/${at} HTTP/1.1\r\nHost: h${client}.example.org\r\nUser-Agent: ${name}\r\n\r\n`
    })
    socket.on('error', () => undefined)
    socket.resume()
    socket.end(requests.join(''))
    await once(socket, 'close')
  }
  for (let client = 0; client < 200; client += 10)
    await Promise.all(Array.from({ length: 10 }, (_, at) => ask(client + at)))
  const after = await scrape(site)
  assert.deepEqual(seriesOf(after), seriesOf(before))
  assert.ok(requestsIn(after) - requestsIn(before) > 9_000, 'they were counted')
  assert.equal(promtoolOrNothing(after), '')
})

test('each alert fires where it should, and nowhere else', needs('promtool'), () => {
  assert.match(promtool(['check', 'rules', RULES]), /SUCCESS: 6 rules found/)
  assert.match(promtool(['test', 'rules', RULE_TESTS]), /SUCCESS/)
  const tested = readFileSync(RULE_TESTS, 'utf8')
  for (const [, name] of readFileSync(RULES, 'utf8').matchAll(/alert: (\w+)/g))
    assert.match(tested, new RegExp(`alertname: ${name}\\b`))
})

test('board and rules name metrics that there are, and every panel says what it is for', async (t) => {
  const told = namesIn(await scrape(await startTelling(t)))
  const pinned = 'pinyon_pinned_since_timestamp_seconds'
  const named = [
    ...BOARD_QUERIES,
    ...RULE_QUERIES,
    ...BOARD.templating.list.map(({ definition = '' }) => definition),
  ]
  for (const query of named)
    for (const name of namesIn(query)) assert.ok(told.has(name) || name === pinned, `${name} in: ${query}`)
  for (const { type, title, description = '' } of PANELS)
    assert.ok(type === 'row' || description.length > 20, title)
  assert.equal(PANELS.filter(({ type }) => type === 'row').length, 6)
})

test(
  'Prometheus scrapes a server, and understands every query of board and rules',
  needs('prometheus'),
  async (t) => {
    const site = await startTelling(t)
    const dir = tempDir(t)
    const file = join(dir, 'prometheus.yml')
    const job = `  - job_name: pinyon\n    static_configs: [{ targets: ['127.0.0.1:${site.port}'] }]\n`
    writeFileSync(file, `global: { scrape_interval: 200ms, scrape_timeout: 200ms }\nscrape_configs:\n${job}`)
    const { port } = await startDaemon(t, 'prometheus', (free) => [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${free}`,
    ])
    const ask = async (query: string) => {
      const { body } = await httpGet(
        `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`,
      )
      return JSON.parse(body.toString()) as { status: string; error?: string; data?: { result: unknown[] } }
    }
    // It says when it is ready only by its answers.
    const deadline = performance.now() + 30_000
    const isScraped = async () => {
      const reply = await ask('up{job="pinyon"} == 1').catch(() => undefined)
      return (reply?.data?.result.length ?? 0) > 0
    }
    while (!(await isScraped())) {
      assert.ok(performance.now() < deadline, 'it scrapes')
      await sleep(50)
    }
    for (const query of [...BOARD_QUERIES, ...RULE_QUERIES]) {
      const { status, error } = await ask(query.replaceAll('$instance', '.*').replaceAll('$mirror', '.*'))
      assert.equal(status, 'success', `${query}: ${error}`)
    }
    const { data } = await ask('pinyon_requests_total{kind="package",outcome="fill"}')
    assert.equal(data?.result.length, 1)
  },
)

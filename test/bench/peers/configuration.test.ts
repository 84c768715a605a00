import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { CACHES, choosePeers, COLD_PEERS } from '../../../bench/peers/start-peers.ts'
import { renderConfiguration, renderTemplate } from '../../../bench/peers/template.ts'
import { tempDir } from '../../support/temp-dir.ts'

const VALUES = {
  DIR: '/d',
  ROOT: '/r',
  PORT: '81',
  UPSTREAM: 'http://127.0.0.1:82',
  UPSTREAM_PORT: '82',
  USER: '',
}

test('values stand where they are asked for, and a server’s own variables stay', () => {
  assert.equal(
    renderTemplate('listen ${PORT}; root ${ROOT}; $uri ${lower}', VALUES),
    'listen 81; root /r; $uri ${lower}',
  )
  assert.throws(() => renderTemplate('${HOME}', VALUES), /asks for \$\{HOME\}, which is not one of DIR, ROOT/)
})

for (const peer of ['nginx', 'squid', 'trafficserver', 'varnish']) {
  test(`the configuration of ${peer} is rendered whole`, (t) => {
    const dir = tempDir(t)
    renderConfiguration(peer, dir, VALUES)
    const files = readdirSync(dir)
    assert.ok(files.length > 0)
    for (const file of files) {
      const lines = readFileSync(join(dir, file), 'utf8').split('\n')
      assert.deepEqual(
        lines.filter((line) => !line.startsWith('#') && line.includes('${')),
        [],
      )
    }
  })
}

const all = { isInstalled: () => true }
const withoutSquid = { isInstalled: (command: string) => command !== 'squid' }

test('nginx does not wait for a whole segment', () => {
  const file = new URL('../../../bench/peers/nginx/common.conf', import.meta.url)
  assert.doesNotMatch(readFileSync(file, 'utf8').replaceAll(/#.*/g, ''), /tcp_nopush/)
})

test('peers are the usual ones, or those that are asked for, as far as they are there', () => {
  assert.deepEqual(choosePeers(CACHES, [], all), CACHES)
  assert.deepEqual(choosePeers(CACHES, ['static', 'logging'], all), [
    'pinyon',
    'nginx static',
    'pinyon, logging',
  ])
  assert.ok(!choosePeers(CACHES, [], withoutSquid).includes('squid'))
  assert.deepEqual(choosePeers(CACHES, ['squid'], withoutSquid), ['pinyon'])
})

test('what asks upstream every time is to be had where every file is cold, and nowhere else', () => {
  assert.deepEqual(choosePeers(CACHES, ['bare'], all), ['pinyon', 'bare node'])
  const cold = { ...all, known: COLD_PEERS }
  const usual = ['pinyon', 'nginx proxy_cache']
  const bare = ['bare node, passing on', 'bare node, storing', 'bare node, promising']
  assert.deepEqual(choosePeers(usual, [], cold), usual)
  assert.deepEqual(choosePeers(usual, ['bare'], cold), ['pinyon', ...bare])
  assert.deepEqual(choosePeers(usual, ['bare', 'proxy'], cold), [...usual, ...bare])
  assert.deepEqual(choosePeers(usual, ['varnish'], cold), ['pinyon'])
})

import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'

import { loadConfig } from '../../src/config/load.ts'
import { freePort } from '../support/daemon.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { documents, readBlocks, ROOT } from './blocks.ts'

const BLOCKS = documents().flatMap(readBlocks)
const LANGUAGES = ['sh', 'yaml', 'ini', 'nginx', 'dockerfile', 'text']

describe('blocks of documents', () => {
  test('say what they are', () => {
    for (const { document, line, language } of BLOCKS)
      assert.ok(LANGUAGES.includes(language), `${document}:${line}: "${language}"`)
  })

  test('that cannot be run are shell all the same', async () => {
    for (const { document, line, text } of BLOCKS.filter(({ notRun }) => notRun !== undefined))
      await assert.doesNotReject(mustRun('sh', ['-n'], { input: text }), `${document}:${line}`)
  })

  test('of nginx are accepted by it', needs('nginx', 'openssl'), async (t) => {
    const blocks = BLOCKS.filter(({ language }) => language === 'nginx')
    assert.ok(blocks.length > 0)
    const dir = tempDir(t)
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    await mustRun(
      'openssl',
      [...request, '-subj', '/CN=mirrors.example.org', '-keyout', 'mirrors.key', '-out', 'mirrors.pem'],
      { cwd: dir },
    )
    for (const { document, line, text } of blocks) {
      const server = text
        .replaceAll(/\/etc\/pki\/tls\/(?:certs|private)/g, dir)
        .replace('listen 443', `listen 127.0.0.1:${await freePort()}`)
      const file = join(dir, 'nginx.conf')
      writeFileSync(file, `pid ${dir}/pid;\nerror_log ${dir}/log;\nevents {}\nhttp {\n${server}\n}\n`)
      await assert.doesNotReject(mustRun('nginx', ['-t', '-q', '-p', dir, '-c', file]), `${document}:${line}`)
    }
  })

  test('of Prometheus are accepted by it, with the rules that they name', needs('promtool'), async (t) => {
    const blocks = BLOCKS.filter(({ text }) => text.startsWith('scrape_configs:'))
    assert.ok(blocks.length > 0)
    const dir = tempDir(t)
    cpSync(join(ROOT, 'config/observability/alerts.yaml'), join(dir, 'alerts.yaml'))
    for (const { document, line, text } of blocks) {
      writeFileSync(join(dir, 'prometheus.yml'), text)
      const checked = mustRun('promtool', ['check', 'config', join(dir, 'prometheus.yml')])
      await assert.doesNotReject(checked, `${document}:${line}`)
    }
  })

  test('of configuration are accepted', async (t) => {
    const dir = tempDir(t)
    await mustRun('sh', ['-c', 'mkdir secrets && printf %032d 7 > secrets/ci-token'], { cwd: dir })
    const env = { PROXY_PASSWORD: 'x' }
    for (const [index, { document, line, text }] of BLOCKS.filter(
      ({ language }) => language === 'yaml',
    ).entries()) {
      const file = join(dir, `${index}.yaml`)
      writeFileSync(file, text)
      const { mirrors = {} } = parse(text) as { mirrors?: Record<string, Record<string, unknown>> }
      // The certificates are their owner's.
      const isReadable = !Object.values(mirrors).some((mirror) => 'sslclientcert' in mirror)
      if (isReadable) assert.doesNotThrow(() => loadConfig(file, env), `${document}:${line}`)
    }
  })
})

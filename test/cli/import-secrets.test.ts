import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { importSections } from '../../src/cli/import-sections.ts'
import { formatImport } from '../../src/cli/import-text.ts'
import { parseYumConfig } from '../../src/inject/yum-config.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pinyon } from './pinyon.ts'

const FARM = `[main]
proxy=http://proxy.example.org:3128
proxy_username=builder
proxy_password=hunter2-proxy

[by-keys]
baseurl=https://h.example/a/ https://h.example/b/
username=ci
password=hunter2-keys

[in-url]
baseurl=https://ci:hunter2%40url@h.example/a/
proxy=_none_

[token]
baseurl=https://hunter2-token:@h.example/a/
proxy=_none_

[same]
baseurl=https://ci:hunter2%40url@h.example/same/
proxy=http://other:hunter2-other@proxy.example.org:8080/

[by.keys]
baseurl=https://h.example/c/
username=ci
password=hunter2-third
proxy=_none_

[not-http]
baseurl=ftp://ci:hunter2@h.example/
[in-query]
baseurl=https://h.example/?token=hunter2
[no-url]
baseurl=http://ci:hunter2#@h.example/
[in-list]
mirrorlist=https://ci:hunter2-list@l.example/?arch=x
proxy=_none_
[listed]
mirrorlist=https://ci:hunter2@h.example/list?auth_key=hunter2&arch=x
`

describe('passwords', () => {
  test('are neither written nor shown, but asked for by the names of variables', async (t) => {
    const file = join(tempDir(t), 'pinyon.yaml')
    const { code, stdout, stderr } = await pinyon(['import', '-'], { input: FARM })
    assert.equal(code, 0)
    assert.doesNotMatch(stdout + stderr, /hunter2|builder/)
    writeFileSync(file, stdout)
    assert.equal((await pinyon(['check-config', '-c', file])).code, 0)
    const env = {
      PINYON_BY_KEYS_USERNAME: 'ci',
      PINYON_BY_KEYS_PASSWORD: 'k1',
      PINYON_BY_KEYS_PASSWORD_2: 'k3',
      PINYON_IN_URL_PASSWORD: 'u%40',
      PINYON_IN_LIST_PASSWORD: 'l',
      PINYON_TOKEN_USERNAME: 'tok',
      PINYON_MAIN_PROXY_USERNAME: 'builder',
      PINYON_MAIN_PROXY_PASSWORD: 'p',
      PINYON_SAME_PROXY_USERNAME: 'other',
      PINYON_SAME_PROXY_PASSWORD: 'o',
    }
    const names = /^to be set in pinyon's environment: (.*)$/m.exec(stderr)?.[1]?.split(', ') ?? []
    assert.deepEqual(names.toSorted(), Object.keys(env).toSorted())
    const { mirrors } = loadConfig(file, env)
    assert.deepEqual(
      Array.from(mirrors.values(), ({ name, baseurls, proxy }) => [name, ...baseurls, proxy]),
      [
        [
          'by-keys',
          'https://ci:k1@h.example/a/',
          'https://ci:k1@h.example/b/',
          'http://builder:p@proxy.example.org:3128/',
        ],
        ['in-url', 'https://ci:u%40@h.example/a/', undefined],
        ['token', 'https://tok@h.example/a/', undefined],
        ['same', 'https://ci:u%40@h.example/same/', 'http://other:o@proxy.example.org:8080/'],
        ['by.keys', 'https://ci:k3@h.example/c/', undefined],
        ['in-list', undefined],
      ],
    )
    assert.match(
      stdout,
      /# the credentials of baseurl= \(standard input:7\) go into pinyon's environment, percent-encoded/,
    )
    assert.match(
      stdout,
      /^ {2}# mirrorlist=https:\/\/\*\*\*@h\.example\/list\?auth_key=\*\*\*&arch=x is left out: it may hold a secret; write it with \$\{VARIABLE\} in its place$/m,
    )
    assert.match(
      stdout,
      /^ {4}mirrorlist: https:\/\/\$\{PINYON_BY_KEYS_USERNAME:-\}:\$\{[A-Z_0-9]+:-\}@l\.example\/\?arch=x$/m,
    )
    assert.match(stdout, /^ {2}# Left out: its baseurl cannot be used: .* not ftp$/m)
  })

  test('stay secret whatever is around them', () => {
    const part = fc.constantFrom(
      'http://',
      'ftp://',
      'x:',
      ':',
      '@',
      '/',
      '#',
      '?',
      '&',
      'a',
      'h.example',
      '$v',
      '${',
      '%',
      '[',
      '\\',
      '//',
    )
    const around = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''))
    const user = fc.tuple(
      fc.constantFrom('http://', 'https://', 'ftp://', 'rsync://', 'HTTP://', ''),
      around,
      fc.constantFrom('ci:', ''),
      around,
    )
    // An @ after it, before which everything may be a password.
    const url = fc
      .tuple(user, around)
      .map(([[scheme, before, name, within], after]) => `${scheme}${before}${name}hunter2${within}@${after}`)
    const key = fc.constantFrom(
      'baseurl',
      'mirrorlist',
      'metalink',
      'proxy',
      '#baseurl',
      'username',
      'password',
      'proxy_password',
    )
    const lines = fc.array(fc.tuple(key, url), { minLength: 1, maxLength: 4 })
    let written = 0
    fc.assert(
      fc.property(lines, (lines) => {
        const text = `[a]\n${lines.map(([key, url]) => `${key}=${url}\n`).join('')}`
        const { sections, problems } = parseYumConfig(Buffer.from(text))
        assert.deepEqual(problems, [])
        const imported = importSections([{ label: 'x', sections }], new Map())
        const output = formatImport(['x'], imported)
        parseConfig('x', output, {})
        const refusals = imported.mirrors.map(({ refusal }) => refusal).join('')
        if (!lines.some(([, url]) => isOpen(url))) assert.doesNotMatch(output + refusals, /hunter2/, text)
        if (output.includes('${PINYON_')) written += 1
      }),
      { seed: 41, numRuns: 2500 },
    )
    assert.ok(written > 200, String(written))
  })
})

/** Whether it is a scheme, a host or in a path to everybody, as in `http://ci:/hunter2@h/`, where the port is missing. */
function isOpen(url: string): boolean {
  if (/^\/[^/]/.test(url)) return true
  const parsed = URL.parse(url)
  return parsed !== null && `${parsed.protocol} ${parsed.host} ${parsed.pathname}`.includes('hunter2')
}

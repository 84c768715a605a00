import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { toClientSettings } from '../../src/app/client-settings.ts'
import type { GpgKey, MirrorConfig } from '../../src/config/config.ts'
import { parseYumConfig } from '../../src/inject/yum-config.ts'
import { splitYumList } from '../../src/inject/yum-values.ts'
import { ON_DEMAND } from '../support/config-defaults.ts'
import { formatMirrorRepo, servedKeysOf, type ClientSettings } from '../../src/proxy/mirror-repo.ts'

const SNAPSHOT = '2026-11-22-02-13'
const NOTHING: ClientSettings = {
  gpgcheck: undefined,
  repoGpgcheck: undefined,
  gpgkeys: [],
  servedKeys: undefined,
}

function configured(settings: Partial<MirrorConfig>): ClientSettings {
  return toClientSettings({
    name: 'm',
    baseurls: ['http://u/'],
    enabled: true,
    syncIntervalMs: 'off',
    timeoutMs: 1,
    retries: 0,
    strict: false,
    allowOlder: false,
    repoGpgcheck: false,
    ...ON_DEMAND,
    ...settings,
  })
}

function file(name: string): GpgKey {
  return { file: `/k/${name}`, armored: Buffer.from(name) }
}

describe('mirror.repo', () => {
  test('of a snapshot is a section with what the configuration says', () => {
    const settings: ClientSettings = {
      gpgcheck: true,
      repoGpgcheck: true,
      gpgkeys: ['served', 'https://k.example.org/a?b=c'],
      servedKeys: Buffer.from('k'),
    }
    const text = formatMirrorRepo({
      mirror: 'epel-el9',
      view: SNAPSHOT,
      layout: { climb: 0 },
      base: 'http://h:1/p',
      settings,
    })
    assert.equal(
      text,
      `[epel-el9]
name=epel-el9 ${SNAPSHOT}
baseurl=http://h:1/p/repos/yum/epel-el9/${SNAPSHOT}
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=http://h:1/p/repos/yum/epel-el9/RPM-GPG-KEY
       https://k.example.org/a?b=c
`,
    )
    const { sections, problems } = parseYumConfig(Buffer.from(text))
    assert.deepEqual([sections.length, problems], [1, []])
    assert.equal(splitYumList(sections[0]?.values.get('gpgkey')?.text ?? '').length, 2)
  })

  test('of what moves is called by its mirror, and says nothing that nobody configured', () => {
    assert.equal(
      formatMirrorRepo({
        mirror: 'm',
        view: 'latest',
        layout: { climb: 0 },
        base: 'http://h',
        settings: NOTHING,
      }),
      '[m]\nname=m\nbaseurl=http://h/repos/yum/m/latest/\nenabled=1\n',
    )
  })

  test('leads as far down as packages climb', () => {
    const facts = { mirror: 'm', layout: { climb: 2 }, base: 'http://h', settings: NOTHING }
    assert.match(
      formatMirrorRepo({ ...facts, view: SNAPSHOT }),
      new RegExp(`^baseurl=http://h/repos/yum/m/${SNAPSHOT}/_/_$`, 'm'),
    )
    assert.match(
      formatMirrorRepo({ ...facts, view: 'latest' }),
      /^baseurl=http:\/\/h\/repos\/yum\/m\/latest\/_\/_\/$/m,
    )
  })

  test('has an id that dnf takes, and URLs in which no variable and no list ends', () => {
    const settings = { ...NOTHING, gpgcheck: false, gpgkeys: ['https://k/a,b-$releasever'] }
    const text = formatMirrorRepo({
      mirror: 'a+b@c~1._-Z',
      view: 'latest',
      layout: { climb: 0 },
      base: 'http://h/$x',
      settings,
    })
    assert.match(text, /^\[a_b_c_1\._-Z\]\nname=a\+b@c~1\._-Z\n/)
    assert.match(text, /^baseurl=http:\/\/h\/%24x\/repos\/yum\/a\+b@c~1\._-Z\/latest\/$/m)
    assert.match(text, /^gpgcheck=0\ngpgkey=https:\/\/k\/a%2Cb-\$releasever\n$/m)
  })
})

describe('what a configuration says to clients', () => {
  test('is nothing where it says nothing', () => {
    assert.deepEqual(configured({}), NOTHING)
    assert.deepEqual(toClientSettings(undefined), NOTHING)
    assert.throws(
      () => servedKeysOf('m', NOTHING),
      /the configuration names no gpgkey with a file: URL for: m/,
    )
  })

  test('is to check packages where there are keys, unless told', () => {
    const gpgKeys = [{ url: 'http://k/' }]
    assert.equal(configured({ gpgKeys }).gpgcheck, true)
    assert.equal(configured({ gpgKeys, gpgcheck: false }).gpgcheck, false)
    assert.equal(configured({ gpgcheck: true }).gpgcheck, true)
    assert.equal(configured({ gpgKeys, repoGpgcheck: true }).repoGpgcheck, true)
  })

  test('is one URL for all files, in the place of the first', () => {
    const gpgKeys = [{ url: 'http://a/' }, file('one'), { url: 'http://b/' }, file('two')]
    const settings = configured({ gpgKeys })
    assert.deepEqual(settings.gpgkeys, ['http://a/', 'served', 'http://b/'])
    assert.equal(servedKeysOf('m', settings).toString(), 'one\ntwo\n')
  })
})

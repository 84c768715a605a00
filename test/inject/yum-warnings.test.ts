import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inject, mapOf } from '../support/injection.ts'

const MAP = mapOf({ a: 'http://m/a', 'a-el7': 'http://m/a7' })

/** As subscription-manager writes it. */
function entitled(id: string): string {
  return `[${id}]\nbaseurl=https://cdn.example/\nsslclientcert = /etc/pki/entitlement/1.pem\n`
}

describe('zypper’s sections', () => {
  test('keep their own keys, but for the path below the base URL', () => {
    assert.equal(
      inject(
        '[a]\nname=b\nenabled=1\nautorefresh=1\nbaseurl=http://up/\npath=/suse/\ntype=yast2\npriority=90\nkeeppackages=0\n',
        MAP,
      ).text,
      '[a]\nname=b\nenabled=1\nautorefresh=1\nbaseurl=http://m/a\npath=/\ntype=yast2\npriority=90\nkeeppackages=0\nproxy=_none_\n',
    )
  })

  test('get the one value for no proxy that zypper knows', () => {
    for (const key of ['autorefresh=0', 'keeppackages=1', 'path=/', 'service=x'])
      assert.match(inject(`[a]\n${key}\n`, MAP).text, /^proxy=_none_$/m)
    for (const key of ['type=rpm-md', 'priority=1', 'gpgcheck=1'])
      assert.match(inject(`[a]\n${key}\n`, MAP).text, /^proxy=None$/m)
    assert.match(inject('[a]\npath=/\n', MAP, { proxy: 'None' }).text, /^proxy=None$/m)
  })

  test('are warned about where a service writes them', () => {
    assert.deepEqual(inject('[a]\nservice=scc\n', MAP).warnings, [
      { line: 2, text: '[a] belongs to a zypper service, whose refresh writes it anew' },
    ])
  })
})

describe('warnings', () => {
  test('of skip_if_unavailable, which is kept, not where nothing is injected', () => {
    for (const value of ['1', 'True', 'yes'])
      assert.deepEqual(
        inject(`[b]\nskip_if_unavailable=1\n[a]\nskip_if_unavailable=${value}\n`, MAP).warnings,
        [{ line: 4, text: '[a] vanishes silently when its mirror fails' }],
      )
    assert.deepEqual(inject('[a]\nskip_if_unavailable=0\n', MAP).warnings, [])
  })

  test('of skip_if_unavailable in pinned sections, as slaves’ sets have it, and in [main]', () => {
    const pin = 'baseurl=http://m/repos/yum/a/2021-12-07-09-29\nskip_if_unavailable = true\n'
    assert.deepEqual(
      inject(`[main]\nskip_if_unavailable=True\n[a]\n${pin}`, MAP, { keepPinned: true }).warnings,
      [
        { line: 2, text: 'a repository vanishes silently when its mirror fails' },
        { line: 5, text: '[a] vanishes silently when its mirror fails' },
      ],
    )
  })

  test('of a proxy of [main], where sections keep theirs', () => {
    const text = '[main]\nproxy=http://p:3128\n[a]\n'
    assert.deepEqual(inject(text, MAP, { proxy: 'keep' }).warnings, [
      { line: 2, text: 'mirrors will be asked through the proxy of [main]' },
    ])
    assert.deepEqual(inject(text, MAP).warnings, [])
    for (const other of ['[main]\nproxy=_none_\n[a]\n', '[main]\nproxy=x\n[b]\n', '[a]\n'])
      assert.deepEqual(inject(other, MAP, { proxy: 'keep' }).warnings, [])
  })

  test('of [DEFAULT], which stays as it is', () => {
    assert.deepEqual(inject('[DEFAULT]\nmirrorlist=b\n', MAP).warnings, [
      { line: 1, text: 'yum 3 takes the keys of [DEFAULT] for those of every section' },
    ])
  })

  test('of patterns by which dnf 5 overrides what mirrors have, and which stay as they are', () => {
    const text = '[a*]\npriority=1\nproxy=http://p:3128\n'
    const { changed, unmatched, warnings } = inject(text, MAP, { onlyMirrored: true })
    assert.deepEqual([changed, unmatched], [false, []])
    assert.deepEqual(warnings, [
      { line: 3, text: 'dnf 5 takes the proxy of [a*] for that of mirrors as well' },
    ])
  })

  test('of what subscription-manager would write anew, once for a file', () => {
    const { warnings } = inject(entitled('b') + entitled('a') + entitled('a-el7'), MAP)
    assert.deepEqual(warnings, [
      {
        line: 6,
        text: '[a] belongs to subscription-manager, whose plugin of yum and dnf writes its file anew at each command unless it is switched off',
      },
    ])
    assert.deepEqual(inject(entitled('b'), MAP).warnings, [])
  })

  test('stand in the order of lines', () => {
    const text = '[a]\nskip_if_unavailable=1\n[a-el7]\nservice=b\nskip_if_unavailable=1\n[a]\n'
    assert.deepEqual(
      inject(text, MAP).warnings.map(({ line }) => line),
      [2, 4, 5, 6],
    )
  })
})

describe('findings', () => {
  test('name what was there before, in the order of the file', () => {
    const { injected, unmatched } = inject(
      '[z]\n[a-el7]\nbaseurl="http://1/,http://2/"\n[y]\nenabled=0\n[a]\nmirrorlist=b\n[z]\n',
      MAP,
    )
    assert.deepEqual(injected, [
      { id: 'a-el7', url: 'http://m/a7', previous: 'http://1/', line: 2 },
      { id: 'a', url: 'http://m/a', line: 6 },
    ])
    assert.deepEqual(unmatched, [{ id: 'z', line: 1 }])
  })
})

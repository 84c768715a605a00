import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { inject } from './injecting.ts'
import { SNAPSHOT, startSite } from './site.ts'

const LIST = '# what the suite needs\nm,http://upstream/\nother,http://other/\n'
const MOCK =
  'config_opts[\'root\'] = \'x\'\nconfig_opts[\'dnf.conf\'] = """\n[main]\n[m]\nbaseurl=http://upstream/\n"""\n'
const YUM = '[m]\nbaseurl=http://upstream/\n'

describe('what is posted may be', () => {
  test('a .repos list, which becomes a .repo file or arguments of dnf', async (t) => {
    const site = await startSite(t)
    const url = `${site.url}/repos/yum/m/${SNAPSHOT}`
    for (const query of ['format=repos', 'name=a.repos', 'name=%2Fsrc%2Fcheck.repos.el9', '']) {
      const { status, text, counts } = await inject(site.url, LIST, { query })
      assert.deepEqual([status, counts.slice(1)], [200, ['1', '1']])
      assert.match(text, /^\[m\]$/m)
      assert.ok(text.includes(`baseurl=${url}\n`), text)
      assert.ok(text.includes('baseurl=http://other/\n'), text)
    }
    const { text } = await inject(site.url, LIST, { query: 'name=a.repos&output=repofrompath' })
    assert.deepEqual(text.split(/\s+/).filter(Boolean), [
      `--repofrompath=m,${url}`,
      '--repofrompath=other,http://other/',
    ])
    const strict = await inject(site.url, LIST, { query: 'strict=1' })
    assert.deepEqual([strict.status, strict.problem['unmatched']], [422, [{ id: 'other', line: 3 }]])
  })

  test('a mock configuration, whose Python stays as it is', async (t) => {
    const site = await startSite(t)
    const expected = MOCK.replace('http://upstream/', `${site.url}/repos/yum/m/${SNAPSHOT}`)
    for (const query of ['format=mock', 'name=epel-9-x86_64.cfg', 'name=x.tpl', 'name=x', ''])
      assert.equal((await inject(site.url, MOCK, { query: `${query}&proxy=keep` })).text, expected)
  })

  test('what it is said to be, whatever it is called or looks like', async (t) => {
    const site = await startSite(t)
    const expected = YUM.replace('http://upstream/', `${site.url}/repos/yum/m/${SNAPSHOT}`)
    for (const query of ['format=yum&name=a.repos', 'format=auto&name=a.repo', 'name=dnf.conf', 'name='])
      assert.equal((await inject(site.url, YUM, { query: `${query}&proxy=keep` })).text, expected)
    assert.equal((await inject(site.url, YUM, { query: 'format=repos' })).status, 422)
    const mock = await inject(site.url, YUM, { query: 'output=repofrompath&format=mock' })
    assert.match(String(mock.problem['detail']), /expected a \.repos list, found format: mock$/)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pinyon } from '../cli/pinyon.ts'
import { httpGet } from '../support/http-get.ts'
import { SNAPSHOT, startSite } from './site.ts'

/** Of what people are shown nothing may hide, or turn around, what is there; line feeds are ours. */
const RAW = /[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u
const HIDDEN = ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069']
  .concat(['\u0085', '\u009b', '\u200b', '\u200f', '\u2028', '\ufeff', '\u{e0041}'])
  .map((character, at) => ({ name: `evil${character}mpr.${at}`, character }))

test('names from upstream are shown with codes for what would not be seen, and links lead to them', async (t) => {
  const packages = HIDDEN.map(({ name }) => ({
    name,
    href: `Packages/${name}.rpm`,
    content: name.length + 900,
  }))
  const site = await startSite(t, { packages })
  const page = (await httpGet(`${site.url}${site.base}Packages/`)).body.toString()
  assert.doesNotMatch(page, RAW)
  assert.ok(page.includes('>evil\\u202empr.4.rpm</a>'))
  assert.ok(page.includes('>evil\\udb40\\udc41mpr.15.rpm</a>'))
  const links = [...page.matchAll(/<a href="\.\/([^"]*)">/g)].map(([, href = '']) => href)
  assert.deepEqual(
    links.map(decodeURIComponent).toSorted(),
    packages.map(({ name }) => `${name}.rpm`).toSorted(),
  )
  for (const href of links)
    assert.equal((await httpGet(`${site.url}${site.base}Packages/${href}`)).status, 200)

  const shown = [
    `/mirrors/m/snapshots/${SNAPSHOT}?q=evil`,
    ...HIDDEN.slice(0, 5).map(({ name }) => `/mirrors/m/packages/${encodeURIComponent(name)}`),
  ]
  for (const path of shown) {
    const { status, body } = await httpGet(site.url + path)
    assert.equal(status, 200, path)
    assert.doesNotMatch(body.toString(), RAW, path)
    assert.ok(body.toString().includes('evil\\u20'), path)
  }

  for (const { name } of HIDDEN.slice(0, 12)) {
    const path = `${site.url}${site.base}Packages/${encodeURIComponent(`${name}.rpm`)}`
    const [text, json] = await Promise.all([
      pinyon(['why', path, '--server', site.url]),
      pinyon(['why', path, '--server', site.url, '--json']),
    ])
    assert.doesNotMatch(text.stdout + json.stdout, RAW)
    assert.ok(JSON.stringify(JSON.parse(json.stdout)).includes(`Packages/${name}.rpm`), json.stdout)
  }
})

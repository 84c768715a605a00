import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createProgram } from '../../src/cli/cli.ts'
import { httpGet } from '../support/http-get.ts'
import { startDemoFarm } from './demo-farm.ts'
import { DEMO_MIRRORS } from './demo-mirrors.ts'

test('the command line knows each command that a page shows', async (t) => {
  const farm = await startDemoFarm(t)
  const mirrors = DEMO_MIRRORS.map(({ name }) => name)
  const pages = ['/', '/generations', '/generations/4700', '/usage', '/views', '/setup']
  const paths = [...pages, ...mirrors.flatMap((name) => [`/mirrors/${name}`, `/usage/${name}`])]
  const shown = new Set<string>()
  for (const path of paths) {
    const { status, body } = await httpGet(`${farm.url}${path}`)
    assert.equal(status, 200, path)
    for (const [, code = ''] of body.toString().matchAll(/<code[^>]*>(.*?)<\/code>/gs)) {
      const text = code.replaceAll(/<[^>]*>/g, '')
      if (text.startsWith('pinyon ')) shown.add(text)
    }
  }
  const commands = new Map(createProgram(() => undefined).commands.map((one) => [one.name(), one]))
  const words = [...shown].map((text) => text.split(/\s+/))
  assert.ok(
    words.some(([, name, ...rest]) => name === 'remove' && rest.includes('--dry-run')),
    'nobody uses one of the mirrors',
  )
  for (const [, name = '', ...rest] of words) {
    const command = commands.get(name)
    const known = command?.options.map(({ long }) => long) ?? []
    const unknown = rest.filter((word) => word.startsWith('--') && !known.includes(word))
    assert.deepEqual([command?.name(), unknown], [name, []], [name, ...rest].join(' '))
  }
})

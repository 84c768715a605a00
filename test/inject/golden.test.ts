import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { detectFormat } from '../../src/inject/inject.ts'
import { inject, mapOf } from '../support/injection.ts'

const DIRECTORY = join(import.meta.dirname, 'golden')
const AFTER = '.injected'

const MAP = mapOf(
  Object.fromEntries(
    ['centos-base-el7', 'centos-updates-el7', 'epel-el9', 'fedora', 'repo-oss'].map((id) => [
      id,
      `http://pinyon.example/repos/yum/${id}/2026-11-22-02-13`,
    ]),
  ),
  { 'centos-updates-el7': [['gated-el7', 'http://gate.example/el7/']] },
)

describe('configurations as they are found', () => {
  for (const name of readdirSync(DIRECTORY).filter((name) => !name.endsWith(AFTER)))
    test(basename(name), (t) => {
      const before = readFileSync(join(DIRECTORY, name))
      const { text } = inject(before, MAP, {}, detectFormat(name, before))
      // `node --test --test-update-snapshots` writes them anew.
      t.assert.fileSnapshot(text, join(DIRECTORY, `${name}${AFTER}`), { serializers: [String] })
    })
})

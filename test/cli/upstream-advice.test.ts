import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { writeRepodata, type RepodataContent } from '../support/repodata-files.ts'
import { startUpstream } from '../support/upstream.ts'
import { tempDir } from '../support/temp-dir.ts'
import { createFarm } from './pinyon.ts'

const PRIMARY: RepodataContent = {
  type: 'primary',
  content: '<metadata xmlns="http://linux.duke.edu/metadata/common" packages="0"></metadata>',
}

/** What a sync advises, of a repository or list that was changed. */
async function adviceOf(t: TestContext, change: (root: string) => void, key = 'baseurl', path = '') {
  const root = tempDir(t)
  writeRepodata(root, [PRIMARY], { simpleNames: true })
  change(root)
  const { url } = await startUpstream(t, root)
  const farm = createFarm(t, [], { mirrors: { m: { [key]: `${url}${path}`, retries: 0 } } })
  const { stdout } = await farm.run('sync', '--json')
  const { error = '', advice = '' } = JSON.parse(stdout) as { error?: string; advice?: string }
  return { error, advice }
}

/** Writes a repomd.xml whose primary is somewhere else. */
function writeRepomd(root: string, href: string): void {
  const checksum = `<checksum type="sha256">${'2'.repeat(64)}</checksum>`
  const record = `<data type="primary">${checksum}<location href="${href}"/></data>`
  writeFileSync(
    join(root, 'repodata/repomd.xml'),
    `<repomd xmlns="http://linux.duke.edu/metadata/repo">${record}</repomd>`,
  )
}

const BASEURL = /its baseurl must be the directory that holds repodata/
const PUBLISHER = /whoever publishes the repository has to mend that/

describe('what a failed sync advises', () => {
  test('on a baseurl that holds no repodata/, or gives a page, is to look at it', async (t) => {
    const gone = await adviceOf(t, (root) => rmSync(join(root, 'repodata'), { recursive: true }))
    assert.match(gone.advice, BASEURL)
    const page = await adviceOf(t, (root) =>
      writeFileSync(join(root, 'repodata/repomd.xml'), '<html><a href="repomd.xml">repomd</a></html>'),
    )
    assert.match(page.advice, /a page of a log-in or a listing is none/)
  })

  test('on a server that was reached and refused is what the error says, and nothing of names', async (t) => {
    const { url } = await startUpstream(t, tempDir(t))
    const baseurl = url.replace('http:', 'https:')
    const farm = createFarm(t, [], { mirrors: { m: { baseurl, retries: 0 } } })
    const { stdout } = await farm.run('sync', '--json')
    const { error, advice } = JSON.parse(stdout) as { error: string; advice?: string }
    assert.match(error, /it does not speak TLS: is its URL http:/)
    assert.equal(advice, undefined)
  })

  test('on a file that repomd.xml lists and is not there, nothing of its baseurl', async (t) => {
    const { error, advice } = await adviceOf(t, (root) => rmSync(join(root, 'repodata/primary.xml.gz')))
    assert.match(error, /answered: 404/)
    assert.match(advice, PUBLISHER)
    assert.doesNotMatch(advice, BASEURL)
  })

  test('on a repomd.xml that is wrong itself, nothing of a page', async (t) => {
    const { error, advice } = await adviceOf(t, (root) => writeRepomd(root, '../../comps.xml'))
    assert.match(error, /location leaves the repository/)
    assert.match(advice, PUBLISHER)
    assert.doesNotMatch(advice, /page|baseurl/)
  })

  test('on a metalink that is not there, to look at its URL', async (t) => {
    const { error, advice } = await adviceOf(t, () => undefined, 'metalink', 'metalink.xml')
    assert.match(error, /^the metalink cannot be had: .* answered: 404$/)
    assert.equal(advice, 'is the URL of its metalink or mirrorlist right?')
  })
})

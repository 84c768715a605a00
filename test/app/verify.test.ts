import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import type { Digest } from '../../src/model/digest.ts'
import type { VerifyReport } from '../../src/snapshot/verify/verify-report.ts'
import { httpGet } from '../support/http-get.ts'
import { startWritableSite, type WritableSite } from '../http/writable-site.ts'

async function verify(site: WritableSite, body: object = {}): Promise<VerifyReport> {
  const reply = await site.write('POST', 'verify', { socket: true, body })
  assert.equal(reply.status, 200, reply.body)
  return (reply.json as unknown as { result: VerifyReport }).result
}

/** The newest snapshot of a mirror with its package stored; what it is called, where its blob is, and its bytes. */
async function fillPackage(
  site: WritableSite,
): Promise<{ url: string; digest: Digest; file: string; bytes: Buffer }> {
  const name = site.names.a.at(-1) ?? ''
  const snapshot = await site.app.store.snapshot('a', name)
  assert.ok(snapshot)
  const [entry] = (await site.app.store.directory(snapshot, 'Packages/p')) ?? []
  assert.ok(entry)
  const path = `Packages/p/${entry.name}`
  const url = `${site.url}/repos/yum/a/${name}/${path}`
  const bytes = (await httpGet(url)).body
  const digest = (await site.app.store.file(snapshot, path))?.digest
  assert.ok(digest)
  await site.log.waitFor('filled')
  return { url, digest, file: blobPath(createLayout(site.dataDir), digest), bytes }
}

/** Files below a directory. */
function countFiles(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length
}

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

async function repodata(site: WritableSite, type: string): Promise<{ digest: Digest; file: string }> {
  const snapshot = await site.app.store.snapshot('a', site.names.a.at(-1) ?? '')
  assert.ok(snapshot)
  const digest = (await site.app.store.files(snapshot)).find((file) => file.type === type)?.digest
  assert.ok(digest)
  return { digest, file: blobPath(createLayout(site.dataDir), digest) }
}

describe('verify', () => {
  test('reads every blob and finds nothing where nothing is wrong', async (t) => {
    const site = await startWritableSite(t)
    await fillPackage(site)
    const report = await verify(site)
    assert.deepEqual([report.findings, report.ok], [[], true])
    assert.equal(report.blobs, countFiles(createLayout(site.dataDir).blobs))
  })

  test('puts a blob with a flipped bit aside, fetches it again, and the next client gets right bytes', async (t) => {
    const site = await startWritableSite(t)
    const { url, digest, file, bytes } = await fillPackage(site)
    flip(file)
    const report = await verify(site)
    const [finding] = report.findings
    assert.equal(report.findings.length, 1)
    assert.equal(finding?.digest, digest)
    assert.match(finding?.reason ?? '', /its bytes are sha256:/)
    assert.deepEqual([finding?.state, finding?.error, report.ok], ['refetched', null, true])
    // Both mirrors list it, each in its newest snapshot.
    assert.deepEqual(
      finding?.listed.map(({ mirror, snapshot, snapshots }) => [mirror, snapshot, snapshots]),
      [
        ['a', site.names.a[1], 1],
        ['b', site.names.b[1], 1],
      ],
    )
    assert.ok(existsSync(join(site.dataDir, finding?.quarantined ?? 'nothing')))
    assert.deepEqual(readFileSync(file), bytes)
    assert.deepEqual((await httpGet(url)).body, bytes)
    assert.deepEqual((await verify(site)).findings, [])
  })

  test('what cannot be fetched again is broken until a source has it', async (t) => {
    const site = await startWritableSite(t)
    const { digest, file } = await repodata(site, 'primary')
    site.upstream.rules = [{ match: /primary/, status: 404 }]
    flip(file)
    const report = await verify(site)
    assert.deepEqual(
      report.findings.map((one) => [one.digest, one.state]),
      [[digest, 'broken']],
    )
    assert.equal(report.ok, false)
    assert.match(report.findings[0]?.error ?? '', /404|gone|not there/i)
    assert.equal(existsSync(file), false)
    // What is missing is found again, without a file.
    const again = await verify(site)
    assert.deepEqual(
      again.findings.map((one) => [one.digest, one.state, one.quarantined]),
      [[digest, 'broken', null]],
    )
    site.upstream.rules = []
    const mended = await verify(site)
    assert.deepEqual(
      mended.findings.map((one) => one.state),
      ['refetched'],
    )
    assert.equal(mended.ok, true)
    assert.ok(existsSync(file))
  })

  test('a dry run changes nothing', async (t) => {
    const site = await startWritableSite(t)
    const { file, digest } = await fillPackage(site)
    truncateSync(file, 10)
    const report = await verify(site, { dry_run: true })
    assert.deepEqual(
      report.findings.map((one) => [one.digest, one.state, one.quarantined]),
      [[digest, 'found', null]],
    )
    assert.equal(report.ok, false)
    assert.equal(readFileSync(file).length, 10)
  })

  test('finds what is entered and has no file any more', async (t) => {
    const site = await startWritableSite(t)
    const { file, digest, bytes } = await fillPackage(site)
    rmSync(file)
    const report = await verify(site)
    assert.deepEqual(
      report.findings.map((one) => [one.digest, one.reason, one.state]),
      [[digest, 'its file is gone', 'refetched']],
    )
    assert.deepEqual(readFileSync(file), bytes)
  })

  test('runs once at a time', async (t) => {
    const site = await startWritableSite(t)
    const replies = await Promise.all(
      [1, 2].map(() => site.write('POST', 'verify', { socket: true, body: {} })),
    )
    assert.deepEqual(
      replies.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409],
    )
    const refused = replies.find(({ status }) => status === 409)
    assert.equal(refused?.json['title'], 'VERIFY_RUNNING')
  })
})

import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import { digestOf } from '../../src/model/digest.ts'
import { decompress } from '../../src/repodata/decompress.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'
import { pinyon } from '../cli/pinyon.ts'
import { startApache } from '../support/apache.ts'
import { DnfRoot } from '../support/dnf.ts'
import { parseRawReply, rawRequest } from '../support/http-get.ts'
import { Authority } from '../support/pki.ts'
import { createRepository } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// A repository as those of EL5 are, from an Apache httpd, as yum 3 reads it: nobody packages that any more, so that its requests are made here,
// byte for byte as urlgrabber 3.10 makes them.

/** More than this yum 3 does not read of repomd.xml. */
const MAX_REPOMD_BYTES = 102_400
/** Of the sqlite files that yum 3 knows. */
const DATABASE_VERSION = 10

const SPECS = [
  { name: 'app', requires: ['lib++'] },
  { name: 'lib++', version: '1.0~rc1' },
  { name: 'car', version: '2.0^git1' },
]

/** As createrepo 0.4 wrote it: sha for sha1, fixed names, nothing said of sizes, nor of what is uncompressed. */
async function publishEl5(t: TestContext): Promise<string> {
  const dir = join(tempDir(t), 'el5')
  await buildRpms(SPECS, join(dir, 'Packages'))
  const args = ['--checksum=sha', '--simple-md-filenames', '--database', '--compress-type=bz2']
  await createRepository(dir, { args })
  const repomd = join(dir, 'repodata/repomd.xml')
  const text = readFileSync(repomd, 'utf8').replaceAll('type="sha1"', 'type="sha"')
  writeFileSync(repomd, text.replace(/ *<(?:revision|open-checksum|size|open-size)\b.*>\n/g, ''))
  return dir
}

/** What urlgrabber sends for a URL, and what comes back; the status line is looked at literally, and so is the length. */
async function grab(url: string, from?: number): Promise<Buffer> {
  const { host, port, pathname } = new URL(url)
  const range = from === undefined ? '' : `Range: bytes=${from}-\r\n`
  const agent = 'User-Agent: urlgrabber/3.10.2 yum/3.4.3\r\nAccept: */*\r\n'
  const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${range}${agent}Connection: close\r\n\r\n`
  const bytes = await rawRequest(Number(port), request)
  const line = from === undefined ? 'HTTP/1.1 200 OK\r\n' : 'HTTP/1.1 206 Partial Content\r\n'
  assert.equal(bytes.subarray(0, line.length).toString(), line, url)
  const { body, complete, rawHeaders } = parseRawReply(bytes)
  assert.ok(complete && rawHeaders.some(([name]) => name === 'Content-Length'), url)
  return body
}

/** As yum 3 quotes what it asks for. */
function quote(href: string): string {
  return href.replace(/[+^~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

test(
  'yum 3 and dnf read a repository of EL5 that an Apache httpd has',
  needs('apache2', 'openssl', 'createrepo_c', 'rpmbuild', 'dnf'),
  async (t) => {
    const upstream = await publishEl5(t)
    const authority = await Authority.create(t)
    const url = await startApache(t, upstream, { tls: await authority.issue('localhost') })
    const dir = tempDir(t)
    copyFileSync(authority.ca, join(dir, 'ca.pem'))
    const mirror = { baseurl: url, sslcacert: 'ca.pem', retries: 0, strict: true }
    const server = await startServer(t, { dir, mirrors: { el5: mirror } })
    const run = (...args: string[]) => pinyon([...args, '--config', server.configFile])
    const synced = await run('sync')
    assert.equal(synced.code, 0, synced.stderr)
    assert.match(synced.stdout, /published .*, 3 packages/)
    assert.match((await run('sync')).stdout, /unchanged|nothing new/i)

    const name = (await grab(`${server.url}/repos/yum/el5/latest.txt`)).toString().trim()
    const base = `${server.url}/repos/yum/el5/${name}`
    const repomd = await grab(`${base}/repodata/repomd.xml`)
    assert.ok(repomd.length <= MAX_REPOMD_BYTES)
    assert.deepEqual(repomd, readFileSync(join(upstream, 'repodata/repomd.xml')))
    const record = parseRepomd(repomd).records.find(({ type }) => type === 'primary_db')
    assert.match(repomd.toString(), new RegExp(`<database_version>${DATABASE_VERSION}<`))
    const packed = await grab(`${base}/${record?.href}`)
    assert.equal(digestOf(packed, 'sha1'), record?.checksum)
    const listed = await readDatabase(t, packed)
    assert.equal(listed.length, SPECS.length)
    for (const { href, size, pkgid } of listed) {
      const whole = await grab(`${base}/${quote(href)}`)
      assert.deepEqual([whole.length, digestOf(whole, 'sha1')], [size, `sha1:${pkgid}`], href)
      // What is half there is fetched to its end.
      const half = Math.floor(size / 2)
      assert.deepEqual(await grab(`${base}/${quote(href)}`, half), whole.subarray(half), href)
    }
    const missing = parseRawReply(
      await rawRequest(Number(new URL(base).port), `GET /repos/yum/el5/${name}/x.rpm HTTP/1.0\r\n\r\n`),
    )
    assert.equal(missing.status, 404)

    const machine = new DnfRoot(tempDir(t), [{ id: 'el5', baseurl: base }])
    const installed = await machine.install('app', 'car')
    assert.equal(installed.code, 0, installed.stderr)
    assert.equal((await machine.installed()).length, SPECS.length)
  },
)

interface Listed {
  readonly href: string
  readonly size: number
  readonly pkgid: string
}

/** What a compressed primary database lists, as yum 3 asks it. */
async function readDatabase(t: TestContext, packed: Buffer): Promise<Listed[]> {
  const pieces: Buffer[] = []
  const source = (async function* () {
    yield packed
  })()
  for await (const piece of decompress(source)) pieces.push(piece)
  const file = join(tempDir(t), 'primary.sqlite')
  writeFileSync(file, Buffer.concat(pieces))
  const database = new Database(file, { readonly: true })
  try {
    return database
      .prepare('SELECT location_href AS href, size_package AS size, pkgId AS pkgid FROM packages')
      .all() as Listed[]
  } finally {
    database.close()
  }
}

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { digestOf } from '../../src/model/digest.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'
import { LogRecorder } from '../http/log-recorder.ts'
import { startCountingRelay } from '../support/counting-relay.ts'
import { httpGet } from '../support/http-get.ts'
import { writeRepodata } from '../support/repodata-files.ts'
import { createRepository } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// zchunk's own client against us: it fetches the chunks that it has not got, by range.

/** As many as have, with one in a hundred changed, more holes than one request can name. */
const PACKAGES = 26_000
/** As zckdl asks, and some for the rest. */
const MOST_RANGES = 255

/** A primary.xml in which every hundredth package is of this version. */
function formatPrimary(version: number): string {
  const elements = Array.from({ length: PACKAGES }, (_, index) => {
    const own = index % 100 === 0 ? version : 1
    const hex = digestOf(`${index} ${own}`).slice(7)
    return (
      `<package type="rpm"><name>p${index}</name><arch>noarch</arch><version epoch="0" ver="${own}" rel="1"/>` +
      `<checksum type="sha256" pkgid="YES">${hex}</checksum><summary>${digestOf(`${index}`)}</summary>` +
      `<size package="1"/><location href="p${index}-${own}.rpm"/></package>\n`
    )
  })
  return `<metadata packages="${PACKAGES}">\n${elements.join('')}</metadata>\n`
}

/** Publishes such a primary, in zchunk as well: a chunk for each package. */
async function publish(dir: string, version: number): Promise<string> {
  const content = formatPrimary(version)
  const plain = join(dir, `primary-${version}.xml`)
  writeFileSync(plain, content)
  await mustRun('zck', ['--split', '<package ', plain, '--output', `${plain}.zck`])
  const zchunk = readFileSync(`${plain}.zck`)
  const revision = 1_577_836_800 + version
  writeRepodata(
    join(dir, 'up'),
    [
      { type: 'primary', content },
      { type: 'primary_zck', fileName: 'primary.xml.zck', content: zchunk, compress: 'none' },
    ],
    { revision },
  )
  return plain
}

async function findZchunk(base: string): Promise<string> {
  const { records } = parseRepomd((await httpGet(`${base}/repodata/repomd.xml`)).body)
  return records.find(({ type }) => type === 'primary_zck')?.href ?? ''
}

test(
  'of a primary of which a hundredth changed, zckdl fetches less than 15 %, and never all',
  needs('zck', 'zckdl'),
  async (t) => {
    const dir = tempDir(t)
    const upstream = await startUpstream(t, join(dir, 'up'))
    const log = new LogRecorder()
    const farm = await startApp(t, { mirrors: { m: upstream.url }, log: log.logger })
    const old = await publish(dir, 1)
    await farm.sync('m')
    await publish(dir, 2)
    await farm.sync('m')
    const base = await farm.current('m')
    const href = await findZchunk(base)
    const relay = await startCountingRelay(t, farm.url)
    log.lines.length = 0

    const downloads = join(dir, 'downloads')
    mkdirSync(downloads)
    const url = base.replace(farm.url, relay.url)
    const said = await mustRun('zckdl', ['--fail-no-ranges', '--source', `${old}.zck`, `${url}/${href}`], {
      cwd: downloads,
    })
    const got = join(downloads, href.slice(href.lastIndexOf('/') + 1))
    assert.deepEqual(readFileSync(got), readFileSync(join(dir, 'up', href)), said.stderr)
    const share = relay.sent() / statSync(got).size
    assert.ok(share < 0.15, `${relay.sent()} bytes are ${(100 * share).toFixed(1)} %`)
    const counts = relay.ranges.map((range) => range.split(',').length)
    assert.ok(counts.includes(MOST_RANGES) && !relay.ranges.includes(''), counts.join(' '))
    const requests = log.of('request').filter(({ target }) => String(target).endsWith('.zck'))
    assert.ok(requests.length === counts.length && requests.every(({ status }) => status === 206))
    t.diagnostic(`${(100 * share).toFixed(1)} % in ${counts.length} requests of ${counts.join(', ')} ranges`)
  },
)

/** The uncompressed content of a zchunk file. */
async function unzchunk(t: TestContext, bytes: Buffer): Promise<Buffer> {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'x.zck'), bytes)
  await mustRun('unzck', ['x.zck'], { cwd: dir })
  return readFileSync(join(dir, 'x'))
}

test(
  'what createrepo_c --zck writes is pinned beside what it repeats',
  needs('createrepo_c', 'rpmbuild', 'unzck'),
  async (t) => {
    const dir = tempDir(t)
    await buildRpms([{ name: 'a' }, { name: 'b' }], dir)
    await createRepository(dir, { args: ['--zck'] })
    const farm = await startApp(t, { mirrors: { m: (await startUpstream(t, dir)).url } })
    await farm.sync('m')
    const base = await farm.current('m')
    const { records } = parseRepomd((await httpGet(`${base}/repodata/repomd.xml`)).body)
    for (const type of ['primary', 'filelists', 'other']) {
      const [plain, zchunk] = [type, `${type}_zck`].map((one) =>
        records.find((record) => record.type === one),
      )
      const [a, b] = await Promise.all([plain, zchunk].map((one) => httpGet(`${base}/${one?.href}`)))
      assert.deepEqual(await unzchunk(t, b?.body ?? Buffer.alloc(0)), gunzipSync(a?.body ?? Buffer.alloc(0)))
    }
  },
)

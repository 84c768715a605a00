import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { DnfRoot } from '../support/dnf.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

const CONFIG = fileURLToPath(new URL('../../config/', import.meta.url))
const SAMPLE = `${CONFIG}sample`
const SCRIPT = `${CONFIG}make-sample-repository.sh`

function listFiles(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .toSorted()
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Path and digest of every file, so that a difference is readable. */
function fingerprint(dir: string): string[] {
  return listFiles(dir).map((path) => `${path} ${sha256(readFileSync(join(dir, path)))}`)
}

describe('config/sample', () => {
  test('holds small packages, each as its metadata says', () => {
    const packages = listFiles(SAMPLE).filter((path) => path.endsWith('.rpm'))
    assert.ok(packages.length >= 4 && packages.length <= 6)
    const primary = listFiles(SAMPLE).find((path) => path.endsWith('primary.xml.gz')) ?? ''
    const xml = gunzipSync(readFileSync(join(SAMPLE, primary))).toString()
    for (const path of packages) {
      assert.ok(statSync(join(SAMPLE, path)).size < 8192, path)
      assert.ok(xml.includes(`<location href="${path}"/>`), path)
      assert.ok(xml.includes(sha256(readFileSync(join(SAMPLE, path)))), path)
    }
    const repomd = readFileSync(join(SAMPLE, 'repodata/repomd.xml'), 'utf8')
    for (const [, href = ''] of repomd.matchAll(/<location href="([^"]+)"/g)) {
      assert.ok(repomd.includes(sha256(readFileSync(join(SAMPLE, href)))), href)
    }
  })

  test('packages ask for nothing outside and run nothing', needs('rpm'), async () => {
    for (const path of listFiles(SAMPLE).filter((path) => path.endsWith('.rpm'))) {
      const args = ['-qp', '--nosignature', '--scripts', '--triggers', '--requires', join(SAMPLE, path)]
      const { stdout } = await mustRun('rpm', args)
      const foreign = stdout.split('\n').filter((line) => !/^(?:rpmlib\(.*|pinyon-.*)?$/.test(line))
      assert.deepEqual(foreign, [], path)
    }
  })

  test('dnf installs from it into an empty root', needs('dnf', 'rpm', 'root'), async (t) => {
    const dir = tempDir(t)
    const root = new DnfRoot(dir, [{ id: 'sample', baseurl: `file://${SAMPLE}` }])
    const { code, stdout, stderr } = await root.install('pinyon-hello', 'pinyon-c++-tools', 'pinyon-tilde')
    assert.equal(code, 0, stderr + stdout)
    assert.deepEqual(await root.installed(), [
      'pinyon-c++-tools-2.0-1.noarch',
      'pinyon-greeting-data-1.1-1.noarch',
      'pinyon-hello-1.1-1.noarch',
      'pinyon-tilde-3.0~rc1-1.noarch',
    ])
    const hello = readFileSync(join(dir, 'root/opt/pinyon-sample/pinyon-hello'), 'utf8')
    assert.equal(hello, 'pinyon-hello 1.1: Says hello, politely\n')
  })
})

describe('config/make-sample-repository.sh', () => {
  test('gives the same bytes every time', needs('rpmbuild', 'createrepo_c'), async (t) => {
    const dir = tempDir(t)
    await mustRun('sh', [SCRIPT, join(dir, 'a')], { env: { TZ: 'Asia/Tokyo' } })
    await mustRun('sh', [SCRIPT, join(dir, 'b')], { cwd: dir, env: { LC_ALL: 'C' } })
    assert.deepEqual(fingerprint(join(dir, 'a')), fingerprint(join(dir, 'b')))
    assert.equal(listFiles(join(dir, 'a')).length, listFiles(SAMPLE).length)
    // In place, over what is there.
    await mustRun('sh', [SCRIPT, join(dir, 'a')])
    assert.deepEqual(fingerprint(join(dir, 'a')), fingerprint(join(dir, 'b')))
  })

  test('replaces nothing but a repository', needs('rpmbuild', 'createrepo_c'), async (t) => {
    const dir = join(tempDir(t), 'home')
    mkdirSync(dir)
    writeFileSync(join(dir, 'letter'), 'dear')
    const { code, stderr } = await runCommand('sh', [SCRIPT, dir])
    assert.equal(code, 1)
    assert.match(stderr, /will not replace what is no repository: .*home\n$/)
    assert.ok(existsSync(join(dir, 'letter')))
  })

  test('is clean for shellcheck', needs('shellcheck'), async () => {
    await mustRun('shellcheck', [SCRIPT])
  })
})

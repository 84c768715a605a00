import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'

import { loadConfig } from '../../src/config/load.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

const CONFIG = new URL('../../config/', import.meta.url).pathname

interface Manifest {
  readonly kind: string
  readonly data?: Record<string, string>
}

interface Container {
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly subPath?: string
  }[]
  readonly ports: readonly { readonly containerPort: number }[]
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean }
}

describe('what deploys pinyon', () => {
  test('the unit is as tight as it says', needs('systemd-analyze'), async () => {
    const unit = join(CONFIG, 'systemd/pinyon.service')
    const { stdout } = await mustRun('systemd-analyze', ['security', '--offline=true', '--no-pager', unit])
    const level = Number(/Overall exposure level for pinyon\.service: ([\d.]+)/.exec(stdout)?.[1])
    assert.ok(level <= 2, stdout)
    // Node compiles, and reads the boot's id: with these it would not run.
    const text = readFileSync(unit, 'utf8')
    assert.doesNotMatch(text, /^(?:MemoryDenyWriteExecute=yes|ProcSubset=pid)/m)
  })

  test("the ConfigMap's file is a configuration, and fits its pod and the image", (t) => {
    const documents = parseAllDocuments(readFileSync(join(CONFIG, 'kubernetes/pinyon.yaml'), 'utf8'))
    const manifests = documents.map((document) => document.toJS() as Manifest)
    assert.deepEqual(
      manifests.map(({ kind }) => kind),
      ['ConfigMap', 'PersistentVolumeClaim', 'Deployment', 'Service'],
    )
    const [file, text] = Object.entries(manifests[0]?.data ?? {})[0] ?? []
    const path = join(tempDir(t), 'pinyon.yaml')
    writeFileSync(path, text ?? '')
    const config = loadConfig(path, {})
    const deployment = manifests[2] as unknown as {
      spec: { template: { spec: { containers: Container[] } } }
    }
    const [container] = deployment.spec.template.spec.containers
    assert.ok(container !== undefined)
    assert.equal(container.ports[0]?.containerPort, config.listen.port)
    const mounts = new Map(container.volumeMounts.map((mount) => [mount.mountPath, mount]))
    assert.ok(mounts.has(config.dataDir), `nothing is mounted on ${config.dataDir}`)
    // A file that is mounted alone never changes.
    assert.equal(mounts.get('/etc/pinyon')?.subPath, undefined)
    const image = readFileSync(join(CONFIG, '../Dockerfile'), 'utf8')
    assert.match(image, new RegExp(`PINYON_CONFIG=/etc/pinyon/${file}\\b`))
  })

  test('compose mounts what the image reads, and nothing else can be written', () => {
    const { services } = parse(readFileSync(join(CONFIG, 'compose.yaml'), 'utf8')) as {
      services: { pinyon: { read_only: boolean; volumes: readonly (string | { target: string })[] } }
    }
    const { read_only: readOnly, volumes } = services.pinyon
    assert.equal(readOnly, true)
    const targets = volumes.map((one) => (typeof one === 'string' ? one.split(':')[1] : one.target))
    assert.deepEqual(targets, ['/etc/pinyon', '/data'])
  })
})

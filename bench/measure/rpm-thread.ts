/** A thread that writes some of a repository's packages: an MD5 of gigabytes is more than one core does in a few seconds. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'

import { renameRpm, type RpmTemplate } from './rpm-file.ts'
import { packageName } from './rpm-templates.ts'

/** What it is to write. */
export interface RpmShare {
  /** Where to, and by what ending of each name. */
  readonly dir: string
  readonly ending: string
  /** Taken in turn. Their bytes are another kind of array on this side. */
  readonly templates: readonly RpmTemplate[]
  /** Of so many packages every so-many-th, from this one on. */
  readonly packages: number
  readonly first: number
  readonly step: number
}

const { dir, ending, templates, packages, first, step } = workerData as RpmShare
const known = templates.map(({ name, signature, header, payload }) => ({
  name,
  signature: Buffer.from(signature),
  header: Buffer.from(header),
  payload: Buffer.from(payload),
}))
for (let number = first; number < packages; number += step) {
  const template = known[number % known.length]
  if (template === undefined) throw new Error('there is no package to make others from')
  const name = packageName(number)
  writeFileSync(join(dir, name + ending), renameRpm(template, name))
}

/** What a job waits for: real dnf, makecache and install into an empty root, through a warm pinyon and from nginx with a full copy, in turns. */
import { join } from 'node:path'

import { needs } from '../../test/support/tools.ts'
import { runDnfJob, type DnfTimes } from '../measure/dnf-job.ts'
import { toFigures } from '../measure/figure.ts'
import { getRpmRepository, spreadNumbers } from '../measure/rpm-repository.ts'
import { packageName } from '../measure/rpm-templates.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import { startPeers, stopPeers } from '../peers/start-peers.ts'

const TARGET = 1.05
const INSTALLED = 50
const RIVAL = 'nginx static'

/** Runs it. */
export const runDnf: Scenario = async ({ dir, options, fixtures, say }) => {
  const { skip } = needs('root', 'dnf', 'rpmbuild', 'createrepo_c')
  if (skip !== false) return { figures: [], curves: [], notes: [`dnf was left out: it ${skip}`] }
  const count = options.isQuick ? 2_000 : 17_000
  say(`makes ${count} packages`)
  const root = await getRpmRepository(fixtures, count)
  const place = { root, core: undefined }
  const upstream = await startNginxPeer('static', {
    ...place,
    dir: join(dir, 'upstream'),
    upstream: 'http://127.0.0.1:1',
  })
  const peers = await startPeers(['pinyon', RIVAL], dir, { ...place, upstream: upstream.url })
  const times: Record<string, DnfTimes[]> = Object.fromEntries(peers.map(({ name }) => [name, []]))
  const packages = spreadNumbers(INSTALLED, count).map(packageName)
  try {
    // The first round makes all of it warm.
    for (let round = 0; round <= chooseRounds(options, 3, 2); round += 1) {
      say(round === 0 ? 'warms' : `round ${round}`)
      for (let turn = 0; turn < peers.length; turn += 1) {
        const peer = peers[(round + turn) % peers.length]
        if (peer === undefined) continue
        const one = await runDnfJob(`${peer.url}${peer.base}/`, packages)
        if (round > 0) (times[peer.name] ??= []).push(one)
      }
    }
  } finally {
    await stopPeers([...peers, upstream])
  }
  const samples = (pick: (one: DnfTimes) => number) =>
    Object.fromEntries(Object.entries(times).map(([of, own]) => [of, own.map(pick)]))
  const name = `${INSTALLED} of ${count.toLocaleString('en')} packages`
  const common = { scenario: 'dnf', name, unit: 's', better: 'less', allowance: 0.1 } as const
  return {
    figures: [
      ...toFigures(
        { ...common, measure: 'makecache + install', targets: { [RIVAL]: TARGET } },
        samples(({ makecache, install }) => makecache + install),
      ),
      ...toFigures(
        { ...common, measure: 'makecache' },
        samples(({ makecache }) => makecache),
      ),
      ...toFigures(
        { ...common, measure: 'install' },
        samples(({ install }) => install),
      ),
    ],
    curves: [],
    notes: [],
  }
}

import type { Scenario } from '../measure/scenario.ts'
import type { ScenarioName } from '../options.ts'

const LOADERS: Readonly<Record<ScenarioName, () => Promise<Scenario>>> = {
  hot: async () => (await import('./hot.ts')).runHot,
  tail: async () => (await import('./tail.ts')).runTail,
  logging: async () => (await import('./logging.ts')).runLogging,
  cold: async () => (await import('./cold.ts')).runCold,
  'fill-rate': async () => (await import('./fill-rate.ts')).runFillRate,
  stampede: async () => (await import('./stampede.ts')).runStampede,
  sync: async () => (await import('./sync.ts')).runSync,
  resync: async () => (await import('./resync.ts')).runResync,
  'beside-sync': async () => (await import('./beside-sync.ts')).runBesideSync,
  dnf: async () => (await import('./dnf.ts')).runDnf,
  'against-reposync': async () => (await import('./against-reposync.ts')).runAgainstReposync,
  scale: async () => (await import('./scale.ts')).runScale,
  soak: async () => (await import('./soak.ts')).runSoak,
}

/** Loads a scenario with all that it needs, when it is its turn: what one loads is not in the memory of the others. */
export function loadScenario(name: ScenarioName): Promise<Scenario> {
  return LOADERS[name]()
}

import type { Config } from '../config/config.ts'
import type { DashboardContext, MirrorSettings } from '../dashboard/context.ts'
import { Dashboard } from '../dashboard/dashboard.ts'
import type { RouteContext } from '../http/routes.ts'
import { VERSION } from '../system/version.ts'
import { toClientSettings } from './client-settings.ts'
import { configName } from './config-name.ts'
import type { Syncing } from './syncing.ts'

/** What pages are made from beside what all requests are answered from. */
export interface DashboardParts {
  readonly config: () => Config
  readonly syncing: Pick<Syncing, 'board' | 'asked' | 'waiting' | 'ended' | 'nextAt'>
}

/**
 * The pages for those who see what this context shows.
 * @param context what their requests are answered from
 */
export function createDashboard(
  context: Omit<RouteContext, 'dashboard'>,
  { config, syncing }: DashboardParts,
): Dashboard {
  const parts: DashboardContext = {
    ...context,
    get configuration() {
      return context.configuration()
    },
    diff: async (pair) => (await context.diff(pair)).excerpt,
    syncs: {
      get running() {
        return syncing.board.running
      },
      get asked() {
        return syncing.asked
      },
      get waiting() {
        return syncing.waiting
      },
      get ended() {
        return syncing.ended
      },
      nextAt: (mirror) => syncing.nextAt(mirror),
    },
    settingsOf: (mirror) => settingsOf(config(), mirror),
    clientSettings: (mirror) => toClientSettings(config().mirrors.get(mirror)),
    hasTokens: () => (config().tokens?.size ?? 0) > 0,
    configName: () => configName(config().file),
    version: VERSION,
  }
  return new Dashboard(parts)
}

function settingsOf({ mirrors }: Config, name: string): MirrorSettings | undefined {
  const mirror = mirrors.get(name)
  if (mirror === undefined) return undefined
  const { enabled, syncIntervalMs: intervalMs, baseurls, fallbacks, policy, repoGpgcheck, pinLine } = mirror
  return { enabled, intervalMs, baseurls, fallbacks, policy, repoGpgcheck, pinLine }
}

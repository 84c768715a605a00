import type { Config } from '../config/config.ts'
import { isAnswered } from '../http/admin-socket.ts'
import { PinyonError } from '../model/errors.ts'
import type { SnapshotReader } from '../snapshot/store.ts'

/** As many mirrors as are worth naming. */
const MAX_NAMED = 5

/**
 * Refuses a data directory of another server that lives, when that serves mirrors which this configuration has not: they would go out of the index that
 * both give out, and the other one's own configuration would say nothing of it.
 * @throws PinyonError CONFIG_INVALID
 */
export async function refuseOtherFarm(
  { mirrors, dataDir }: Pick<Config, 'mirrors' | 'dataDir'>,
  store: Pick<SnapshotReader, 'index'>,
  adminSocket: string,
): Promise<void> {
  if (!(await isAnswered(adminSocket))) return
  const { current } = await store.index()
  const others = [...current.keys()].filter((name) => mirrors.get(name)?.enabled !== true)
  if (others.length === 0) return
  const named = others.slice(0, MAX_NAMED).join(', ') + (others.length > MAX_NAMED ? ', …' : '')
  throw new PinyonError(
    'CONFIG_INVALID',
    `data_dir: ${dataDir}: another server runs on it, whose mirrors this configuration has not: ${named}; they would go out of its index: give this server a data_dir of its own, or the same mirrors`,
  )
}

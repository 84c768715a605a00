import { describeDoubt, judgeWall, type WallDoubt, type WallTrust } from '../../model/wall-trust.ts'
import { runWrite } from '../write-transaction.ts'
import type { GcContext } from './gc-context.ts'

interface TrustRow {
  readonly wallMs: number
  readonly farmMs: number
  readonly lastWallMs: number
  readonly lastFarmMs: number
  readonly sinceFarmMs: number | null
}

/** Whether the system's clock is believed now, by what earlier collections have noted; writes nothing. */
export function readDoubt(context: GcContext): WallDoubt | undefined {
  return describeDoubt(judge(context))
}

/** As {@link readDoubt}, and notes it for the next collection. */
export async function noteDoubt(context: GcContext): Promise<WallDoubt | undefined> {
  const note = () => {
    const trust = judge(context)
    const { believed, doubt } = trust
    const last = doubt?.last ?? believed
    context.statements.setWallTrust.run({
      ...believed,
      lastWallMs: last.wallMs,
      lastFarmMs: last.farmMs,
      sinceFarmMs: doubt?.sinceFarmMs ?? null,
    })
    return describeDoubt(trust)
  }
  return await runWrite(context.database, note, { durable: false })
}

function judge({ statements, request }: GcContext): WallTrust {
  const row = statements.wallTrust.get() as TrustRow | undefined
  const before = row === undefined ? undefined : toTrust(row)
  return judgeWall(before, { wallMs: request.nowMs, farmMs: request.farmNowMs })
}

function toTrust({ wallMs, farmMs, lastWallMs, lastFarmMs, sinceFarmMs }: TrustRow): WallTrust {
  const last = { wallMs: lastWallMs, farmMs: lastFarmMs }
  return {
    believed: { wallMs, farmMs },
    doubt: sinceFarmMs === null ? undefined : { last, sinceFarmMs },
  }
}

import type { Socket } from 'node:net'

import type { PinyonError } from '../../model/errors.ts'
import type { Content } from '../../proxy/content.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import type { Detour } from '../detour.ts'
import type { ConnectionTimes } from '../idle-times.ts'
import type { PreparedAnswers } from './prepared-answers.ts'
import type { RequestReader } from './request-head.ts'
import type { SharedReads } from './shared-reads.ts'
import type { SmallWrites } from './small-writes.ts'
import type { SpareCopies } from './spare-copies.ts'

/** Where the bytes of warm files are. */
export type FastContent = Pick<Content, 'peek' | 'chunks' | 'turns' | 'dropUnreadable'>

/** What the connections of a server share. */
export interface FastContext<Connection> {
  readonly requests: RequestReader
  readonly answers: PreparedAnswers
  readonly times: ConnectionTimes
  readonly content: FastContent
  readonly reads: SharedReads
  readonly copies: SpareCopies
  readonly writes: SmallWrites
  readonly isDraining: boolean
  /** What was asked for by exactly this target before, and of this host. @param isJustRead whether this is called as it is read */
  peek(target: string, host: string, isJustRead: boolean): RollingReply | undefined
  /** Who asks, where this is the other end of the connection, which may ask for somebody else. */
  clientOf(peer: string | undefined, forwardedFor: string | undefined): string | undefined
  /** Why a target names nothing; undefined at once where node:http has to say what it names, and later where it names something. Never rejects. */
  whyMissing(target: string): Promise<PinyonError | undefined> | undefined
  /** Gives node:http a way to answer requests of the connection that it is sent; undefined where there is none. */
  openDetour(connection: Connection, socket: Socket): Detour | undefined
  /** Hands over the connection, and what came on it last. @returns whether it was refused at once: nobody refers to the bytes any more */
  handOver(connection: Connection, socket: Socket, bytes: Buffer): boolean
  /** By what an answer that begins now is known; undefined when no line of the log will tell of it. @param given the id that its request brings */
  nameHit(nowMs: number, given: string | undefined): string | undefined
  /** By what an answer is known that tells of an error, and always has a line. */
  nameError(given: string | undefined): string | undefined
  /** Told when an answer has ended, and after it when the connection has, or is node:http's for good. */
  onEnd(connection: Connection): void
  onClose(connection: Connection): void
}

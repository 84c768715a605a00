import type { Socket } from 'node:net'

import type { PinyonError } from '../../model/errors.ts'
import type { Content } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import type { Detour } from '../detour.ts'
import type { ConnectionTimes } from '../idle-times.ts'
import type { FileContent } from '../send-file.ts'
import type { FastExchange } from './fast-exchange.ts'
import type { PreparedAnswers } from './prepared-answers.ts'
import type { RequestReader } from './request-head.ts'
import type { SharedReads } from './shared-reads.ts'
import type { SmallWrites } from './small-writes.ts'
import type { SpareCopies } from './spare-copies.ts'

/** Where the bytes of warm files are. */
export type FastContent = Pick<Content, 'peek' | 'chunks' | 'turns' | 'dropUnreadable'>

/** Files that are not warm, or were never asked for. */
export interface ColdFiles {
  /**
   * The file that a target names, or why it names nothing; undefined at once where node:http has to say what it names, and later where it
   * names something else. Never rejects.
   */
  readonly lookUp: (target: string) => Promise<FileReply | PinyonError | undefined> | undefined
  readonly content: FileContent
}

/** Answers of what is not warm. */
export interface ColdAnswers extends ColdFiles {
  /** By what one is known, in its head and its line of the log. @param given the id that its request brings */
  name(given: string | undefined): string
  /** Told when one has ended. */
  onEnd(ended: FastExchange): void
}

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
  /** Undefined where node:http has to answer for everything that is not warm. */
  readonly cold: ColdAnswers | undefined
  /** Gives node:http a way to answer requests of the connection that it is sent; undefined where there is none. */
  openDetour(connection: Connection, socket: Socket): Detour | undefined
  /** Hands over the connection, and what came on it last. @returns whether it was refused at once: nobody refers to the bytes any more */
  handOver(connection: Connection, socket: Socket, bytes: Buffer): boolean
  /** By what an answer that begins now is known; undefined when no line of the log will tell of it. @param given the id that its request brings */
  nameHit(nowMs: number, given: string | undefined): string | undefined
  /** Told when an answer has ended, and after it when the connection has, or is node:http's for good. */
  onEnd(connection: Connection): void
  onClose(connection: Connection): void
}

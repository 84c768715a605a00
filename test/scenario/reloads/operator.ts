import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

import type { ServerConnection } from '../../../src/cli/server-connection.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import { httpGet } from '../../support/http-get.ts'
import type { StartedServer } from '../../support/start-server.ts'
import { breakConfig, comingAt, endsLittleRetention, formatConfig, pinsOfRound, type Pins } from './plan.ts'
import type { Publisher } from './publisher.ts'
import type { Syncs } from './syncs.ts'

/** How a round's configuration comes into force: or not, when it is broken on purpose. */
export type RoundKind = 'reload' | 'in place' | 'hangup' | 'watch' | 'pin' | 'remove' | 'broken'

/** The kind of each round. A change through the API edits the file of the last round that wrote one: the one before, or that before a pin. */
export function kindOf(round: number): RoundKind {
  if (round % 10 === 3) return 'broken'
  if (round % 10 === 5) return 'pin'
  if (round % 10 === 8) return 'hangup'
  if (round % 10 === 1) return 'in place'
  if (round % 50 === 7) return 'watch'
  return round % 20 === 16 && comingAt(round - 2) !== 'absent' ? 'remove' : 'reload'
}

/** What the operator works with. */
export interface Desk {
  readonly server: StartedServer
  readonly admin: ServerConnection
  readonly publisher: Publisher
  readonly syncs: Pick<Syncs, 'collect'>
  readonly pins: Pins
}

/** One after the other, each in force before the next one begins. */
export class Operator {
  /** The last round whose pins are known to be in force. */
  floor = 0
  readonly rounds: Record<RoundKind, number> = {
    reload: 0,
    'in place': 0,
    hangup: 0,
    watch: 0,
    pin: 0,
    remove: 0,
    broken: 0,
  }
  readonly #desk: Desk

  constructor(desk: Desk) {
    this.#desk = desk
  }

  async change(round: number): Promise<void> {
    const kind = kindOf(round)
    this.rounds[kind] += 1
    if (kind === 'broken') return await this.#beRefused(round)
    if (kind === 'remove') return await this.#write('DELETE', 'mirrors/coming?force=1')
    if (kind === 'pin') {
      const { units } = pinsOfRound(round, this.#desk.pins)
      await this.#write('PUT', 'mirrors/units/pin', { snapshot: units })
    } else await this.#changeFile(kind, this.#format(round), round)
    this.floor = round
    // Syncs collect as well, but may all be over while much is kept.
    if (endsLittleRetention(round)) await this.#desk.syncs.collect()
  }

  async #changeFile(kind: RoundKind, text: string, round: number): Promise<void> {
    const { server } = this.#desk
    if (kind === 'in place' || kind === 'watch') writeFileSync(server.configFile, text)
    else this.#replaceFile(text)
    if (kind === 'reload' || kind === 'in place') return await this.#write('POST', 'reload')
    if (kind === 'hangup') server.process.kill('SIGHUP')
    const { units } = pinsOfRound(round, this.#desk.pins)
    // Nobody says when that was noticed; the test's own time limit ends the wait.
    while ((await this.#read('/repos/yum/units/latest.txt')) !== `${units}\n`);
  }

  /** A broken file is refused as a whole, with a reason that is shown, and what runs stays. */
  async #beRefused(round: number): Promise<void> {
    const { publisher, server, pins } = this.#desk
    this.#replaceFile(breakConfig(formatConfig(publisher, round, pins), Math.floor(round / 10)))
    await assert.rejects(
      this.#write('POST', 'reload'),
      (error) => error instanceof PinyonError && error.code === 'CONFIG_INVALID',
      `round ${round} was not refused:\n${readFileSync(server.configFile, 'utf8')}`,
    )
    const { error } = await this.#desk.admin.get<{ error: string | null }>('/api/v1/configuration')
    assert.match(error ?? '', /pinyon\.yaml/)
  }

  #format(round: number): string {
    return formatConfig(this.#desk.publisher, round, this.#desk.pins)
  }

  #replaceFile(text: string): void {
    const { configFile } = this.#desk.server
    writeFileSync(`${configFile}.new`, text)
    renameSync(`${configFile}.new`, configFile)
  }

  async #write(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
    await this.#desk.admin.write(body === undefined ? { method, path } : { method, path, body })
  }

  async #read(path: string): Promise<string> {
    return (await httpGet(this.#desk.server.url + path)).body.toString()
  }
}

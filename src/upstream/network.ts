import { Pieces } from '../system/pieces.ts'
import { AddressGuard, type AddressGuardOptions } from './address-guard.ts'
import { Rests } from './rests.ts'
import type { Sender } from './sender.ts'
import { Slots } from './slots.ts'
import { Throttle, type ThrottleClock } from './throttle.ts'

/** How much and how fast may be taken; absent: no bound but the general ones. */
export interface Pace {
  /** Bytes a second below which a transfer is given up; 0 is never. */
  readonly minrate?: number
  /** Bytes a second. */
  readonly throttle?: number
  readonly maxParallelDownloads?: number
}

/** What is set for one host. */
export interface HostSettings extends Pace {
  /** In place of a mirror's. */
  readonly timeoutMs?: number
  readonly retries?: number
}

/** What a {@link Network} is made of. */
export interface NetworkOptions extends AddressGuardOptions {
  /** By `host` or `host:port` as in URLs; asked each time. */
  readonly hosts?: () => ReadonlyMap<string, HostSettings>
  /** For throttles; the process's own unless told. */
  readonly clock?: ThrottleClock
}

/** Transfers from one host at a time, over all mirrors. dnf has 3 and takes up to 20; pinyon downloads for a whole farm. */
const TRANSFERS_PER_HOST = 20

/** What is read at once: the first piece of a body is no longer, and goes on before more is read. In bytes. */
const READ_BYTES = 32 << 10

/** A sender that several may use; its connections end when nobody does any more. */
export interface Lease {
  readonly sender: Sender
  /** Gives it back, once. @param isGraceful whether transfers that run may end by themselves */
  readonly release: (isGraceful: boolean) => Promise<void>
}

interface Shared {
  readonly sender: Sender
  users: number
}

/** What all mirrors of a process share: what is known of hosts, connections to them, and how many and how fast. */
export class Network {
  readonly guard: AddressGuard
  /** Which hosts want to be left alone. */
  readonly rests = new Rests()
  /** What bodies are read into. */
  readonly pieces = new Pieces()
  /** What all connections that speak http/1.1 read into, one after the other. */
  readonly memory = Buffer.allocUnsafeSlow(READ_BYTES)
  readonly #options: NetworkOptions
  readonly #shared = new Map<string, Shared>()
  readonly #slots = new Map<string, Slots>()
  readonly #throttles = new Map<string, Throttle>()

  /** Does no I/O. */
  constructor(options: NetworkOptions = {}) {
    this.#options = options
    this.guard = new AddressGuard(options)
  }

  /** What is set for a URL's host. */
  settingsOf(host: string): HostSettings {
    return this.#options.hosts?.().get(host) ?? {}
  }

  /** How many transfers a host may be asked for at a time. */
  limitOf(host: string): number {
    return this.settingsOf(host).maxParallelDownloads ?? TRANSFERS_PER_HOST
  }

  /** Waits for one of a host's places; resolves with what gives it back. Rejects with the signal's reason. */
  async enter(host: string, signal: AbortSignal): Promise<() => void> {
    const slots = this.#slots.get(host) ?? new Slots(() => this.limitOf(host))
    this.#slots.set(host, slots)
    const leave = await slots.enter(signal)
    return () => {
      leave()
      // Redirects may lead to any number of hosts.
      if (slots.isIdle && this.#slots.get(host) === slots) this.#slots.delete(host)
    }
  }

  /** What holds the bytes of a host to its rate; undefined where none is set. */
  throttleOf(host: string): Throttle | undefined {
    if (this.settingsOf(host).throttle === undefined) return undefined
    const known = this.#throttles.get(host)
    if (known !== undefined) return known
    const created = this.createThrottle(() => this.settingsOf(host).throttle)
    this.#throttles.set(host, created)
    return created
  }

  /** A throttle that goes by the network's clock. */
  createThrottle(bytesPerSecond: () => number | undefined): Throttle {
    return new Throttle(bytesPerSecond, this.#options.clock)
  }

  /** The sender of this name, made when there is none; mirrors that connect alike have one, so that hosts see no more than their limit. */
  lease(name: string, create: () => Sender): Lease {
    const shared = this.#shared.get(name) ?? { sender: create(), users: 0 }
    this.#shared.set(name, shared)
    shared.users += 1
    return {
      sender: shared.sender,
      release: async (isGraceful) => {
        shared.users -= 1
        if (shared.users > 0) return
        this.#shared.delete(name)
        await (isGraceful ? shared.sender.close() : shared.sender.destroy())
      },
    }
  }
}

import assert from 'node:assert/strict'
import {
  injectConfig,
  type ConfigFormat,
  type Injection,
  type InjectOptions,
} from '../../src/inject/inject.ts'
import type { MirrorMap } from '../../src/inject/mirror-map.ts'
import { PinyonError } from '../../src/model/errors.ts'

/** A map from plain objects; `before` has pairs of id and URL. */
export function mapOf(
  mirrors: Readonly<Record<string, string>>,
  before: Readonly<Record<string, readonly (readonly [id: string, url: string])[]>> = {},
): MirrorMap {
  return {
    mirrors: new Map(Object.entries(mirrors)),
    before: new Map(
      Object.entries(before).map(([id, pairs]) => [id, pairs.map(([id, url]) => ({ id, url }))] as const),
    ),
  }
}

/** Injects into a text, and checks that doing so twice changes nothing more. */
export function inject(
  text: string | Uint8Array,
  map: MirrorMap,
  options: InjectOptions = {},
  format: ConfigFormat = 'yum',
): Injection & { readonly text: string } {
  const bytes = Buffer.from(text as string)
  const injection = injectConfig(bytes, format, map, options)
  assert.equal(injection.changed, !injection.bytes.equals(bytes))
  if (format !== 'repos') {
    const again = injectConfig(injection.bytes, format, map, options)
    assert.equal(again.bytes.toString('latin1'), injection.bytes.toString('latin1'))
    assert.equal(again.changed, false)
  }
  return { ...injection, text: injection.bytes.toString() }
}

/** The message with which a configuration is refused, after checks of its code and facts. */
export function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof PinyonError, String(error))
    assert.equal(error.code, 'INJECTION_REFUSED')
    assert.equal(error.kind.status, 422)
    for (const fact of ['line', 'expected', 'found']) assert.notEqual(error.facts[fact], undefined, fact)
    return error.message
  }
  return assert.fail('was not refused')
}

import assert from 'node:assert/strict'

import type { Advisory } from '../../src/model/advisory.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { Bunzip } from '../../src/repodata/bunzip.ts'
import { UpdateinfoScanner } from '../../src/repodata/updateinfo-scanner.ts'
import type { Random } from '../support/random.ts'
import { kindOf, type FuzzTarget } from './target.ts'

/** updateinfo.xml: however it is cut, it says the same. */
export const UPDATEINFO: FuzzTarget = {
  name: 'updateinfo.xml',
  seeds: [
    '<?xml version="1.0" encoding="UTF-8"?>\n<updates><update status="final" type="security" version="2"><id>A-1</id><title>t</title><severity>Critical</severity><issued date="2026-01-02 03:04:05"/><references><reference href="http://h/" id="CVE-2026-1" type="cve"/></references><pkglist><collection short="s"><name>n</name><package name="a" version="1" release="2" epoch="0" arch="noarch" src="a.src.rpm"><filename>a.rpm</filename></package></collection></pkglist></update></updates>',
    '<updates></updates>',
    '<updates>\n<update><id/></update><!-- --><update><id>x</id></update>\n</updates>\n',
  ],
  words: [
    '<updates>',
    '</updates>',
    '<update>',
    '<update type="security">',
    '</update>',
    '<id>',
    '</id>',
    '<package name="',
    '</package>',
    '<collection>',
    '<reference ',
    '<issued date="',
    '"/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<!DOCTYPE x>',
    '<?x ?>',
    '&lt;',
    '&#1;',
    '&x;',
  ],
  check: (input, random) => {
    const whole = advisoriesOf([input])
    assert.deepEqual(advisoriesOf(cut(input, random)), whole)
    return typeof whole === 'string' ? whole : `${Math.min(whole.length, 5)} advisories`
  },
}

/** The advisories, or the code of the refusal. */
function advisoriesOf(pieces: readonly Buffer[]): Advisory[] | string {
  try {
    const scanner = new UpdateinfoScanner()
    const found = pieces.flatMap((piece) => scanner.scan(piece))
    scanner.finish()
    return found
  } catch (error) {
    assert.ok(error instanceof PinyonError, String(error))
    return error.code
  }
}

/** "pinyon\n" by bzip2 1.0, and nothing. */
const BZIP2 = [
  '425a6839314159265359c64a6471000002c18000100021c0202000220d3c8300802b45dc914e14243192991c40',
  '425a683917724538509000000000',
]

/** bzip2, which is read here by JavaScript: the same however it is cut, or a refusal. */
export const BZIP2_FILES: FuzzTarget = {
  name: 'bzip2',
  seeds: BZIP2.map((hex) => Buffer.from(hex, 'hex')),
  words: [
    ...BZIP2.map((hex) => Buffer.from(hex, 'hex').toString('latin1')),
    'BZh9',
    'BZh1',
    '1AY&SY',
    '\x17rE8P\x90',
    '\0\0\0\0',
  ],
  check: (input, random) => {
    const whole = bunzip([input])
    assert.equal(bunzip(cut(input, random)), whole)
    return whole.slice(0, 40)
  },
}

function bunzip(pieces: readonly Buffer[]): string {
  const decoder = new Bunzip()
  let text = ''
  try {
    for (const [at, piece] of [...pieces, undefined].entries()) {
      if (piece !== undefined) decoder.write(piece)
      for (
        let block = decoder.next(at === pieces.length);
        block !== undefined;
        block = decoder.next(at === pieces.length)
      )
        text += block.toString('latin1')
    }
    return `${text.length} bytes: ${text}`
  } catch (error) {
    assert.ok(error instanceof Error)
    return kindOf(error.message)
  }
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const ends = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1))
  return [0, ...ends.toSorted((a, b) => a - b)].map((start, at, starts) =>
    bytes.subarray(start, starts[at + 1] ?? bytes.length),
  )
}

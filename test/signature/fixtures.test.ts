import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { judgeKeys } from '../../src/signature/judge-keys.ts'
import { PackageCheck } from '../../src/signature/package-check.ts'
import { verifyDetached } from '../../src/signature/verify.ts'

// Signatures of real repositories, with the key beside them or, where there is none, another one's. What gpgv says of each is the expectation.

const FIXTURES = join(import.meta.dirname, '../../../shared/fixtures')
const OTHER_KEY = 'librepo-yum_01-signed/repodata/repomd.xml.key'
const NOW = Date.UTC(2026, 6, 30)

/** By folder: the key of a good signature, or why there is none. */
const EXPECTED: readonly (readonly [string, string | RegExp])[] = [
  ['librepo-yum_01-signed', 'F4FC5B6AC58696023B9DBFB197BDB7906441EDF5'],
  ['librepo-mock-01', 'F4FC5B6AC58696023B9DBFB197BDB7906441EDF5'],
  // Version 3, DSA, SHA-1.
  ['suse-10.2-updates-subset', 'E2AC331624CB976D6A7C2D5F9BECC2B5DDB03756'],
  ['suse-obs-virtualbox-11.1', /14160D00EEE5DCB479D48A07F852E3C157721A66.* expired on 2010-04-01/],
  ['suse-obs-zypp-11.1', /6192B0BCC0CB178510928B1EC96F13F71959FBCB.* expired on 2010-04-01/],
  ['suse-zchunk-zerobyte', /DA7F466136EA8613A4D5C65986A334B60F0E9AE5.* expired on 2022-01-21/],
  ['suse-delta', /no detached signature but: SIGNED MESSAGE/],
  ['libdnf-gpg/wrong-asc', /no detached signature but: SIGNED MESSAGE/],
  ['libdnf-gpg/asc', /unknown key: 19489D8145A37EDE; gpgkey has F4FC5B6A/],
  ['asc-without-key', /unknown key: ED3F023B671B2CE402A638CC6C431928EF743B4C; gpgkey has F4FC5B6A/],
  [
    'dnf5-repomd/repomd-repo1-gpg',
    /unknown key: 1C27D6B1FB0839580FB272EC01F76D0A2ECFAFB4; gpgkey has F4FC5B6A/,
  ],
]

describe('the signature of', () => {
  for (const [folder, expected] of EXPECTED) {
    const repodata = join(FIXTURES, folder, 'repodata')
    const skip = !existsSync(repodata) && `needs the fixture ${folder}`
    test(folder, { skip }, async () => {
      const own = join(repodata, 'repomd.xml.key')
      const { keys } = await judgeKeys(readFileSync(existsSync(own) ? own : join(FIXTURES, OTHER_KEY)), NOW)
      const [data, signature] = ['repomd.xml', 'repomd.xml.asc'].map((name) =>
        readFileSync(join(repodata, name)),
      )
      assert.ok(data !== undefined && signature !== undefined)
      const verdict = verifyDetached(data, signature, keys, NOW)
      if (typeof expected === 'string') assert.equal(verdict.good?.key.fingerprint, expected)
      else assert.match(verdict.good === undefined ? verdict.reason : 'good', expected)
      if (verdict.good !== undefined) data[0] = (data[0] ?? 0) ^ 1
      assert.equal(verifyDetached(data, signature, keys, NOW).good, undefined)
    })
  }
})

/** Packages of others, whose keys are not there, and the key that rpm says each is signed by. */
const PACKAGES: readonly (readonly [string, string])[] = [
  // Version 3, beside one over header and payload.
  ['librepo-mock-01/filesystem-2.4.44-1.fc16.i686.rpm', '067F00B6A82BA4B7'],
  ['zst-frog/frog-0.1-1.noarch.rpm', 'DDEF3019C2D4A8CF'],
  ['rmt-dummy_with_src/x86_64/apples-0.0.2-lp151.2.1.x86_64.rpm', '641D39A69BDA3446'],
  ['katello-zoo/trout-0.12-1.noarch.rpm', 'EF85CCE3F78FB195'],
  ['createrepo_c-packages/empty-signed-eddsa-0-0.x86_64.rpm', '9B34BEBB1F1D8F8A'],
  ['createrepo_c-packages/empty-signed-rsa-0-0.x86_64.rpm', '183F6899719CE7A5'],
  ['createrepo_c-packages/empty-signed-v6-multiple-0-0.x86_64.rpm', '183F6899719CE7A5'],
]

describe('the signature of the package', () => {
  for (const [path, keyId] of PACKAGES) {
    const file = join(FIXTURES, path)
    test(path, { skip: !existsSync(file) && `needs the fixture ${path}` }, () => {
      const check = new PackageCheck([], NOW)
      check.update(readFileSync(file))
      assert.equal(check.isSettled, true)
      const { reason = '' } = check.finish()
      assert.match(reason, new RegExp(`by an unknown key: [0-9A-F]*${keyId}; gpgkey has no key`))
    })
  }
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { AGENTS, classifyAgent, type Agent } from '../../src/model/agent.ts'

/** User-Agents as they stand in access logs and in the clients' sources. */
const SEEN: readonly (readonly [string, Agent])[] = [
  // dnf 4, dnf 5 and microdnf: the system tells them apart.
  ['libdnf (Debian GNU/Linux 12; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (Debian GNU/Linux 13; generic; Linux.x86_64)', 'dnf'],
  ['libdnf (Fedora 32; workstation; Linux.x86_64)', 'dnf 4'],
  ['libdnf (Fedora Linux 40; container; Linux.aarch64)', 'dnf 4'],
  ['libdnf (Fedora Linux 41; server; Linux.x86_64)', 'dnf 5'],
  ['libdnf (Fedora Linux 43; generic; Linux.x86_64)', 'dnf 5'],
  ['libdnf (Red Hat Enterprise Linux 8.2; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (Red Hat Enterprise Linux 10.0; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (CentOS Linux 8; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (CentOS Stream 9; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (AlmaLinux 9.4; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (Rocky Linux 11.0; generic; Linux.x86_64)', 'dnf 5'],
  ['libdnf (Amazon Linux 2023; generic; Linux.x86_64)', 'dnf 4'],
  ['libdnf (Some System 7; generic; Linux.x86_64)', 'dnf'],
  ['libdnf (Fedora Linux; generic; Linux.x86_64)', 'dnf'],
  ['libdnf', 'dnf'],
  ['libdnf/0.35.5 (Fedora 32; workstation; Linux.x86_64)', 'dnf 4'],
  ['libdnf/1.0', 'dnf 4'],
  ['libdnf5/5.2.8', 'dnf 5'],
  ['dnf/4.0.9', 'dnf 4'],
  ['dnf/2.7.5', 'dnf'],
  // yum, with the installer's name before it, and what else takes urlgrabber.
  ['urlgrabber/3.10 yum/3.4.3', 'yum 3'],
  ['urlgrabber/3.9.1 yum/3.2.29', 'yum 3'],
  ['CentOS (anaconda)/7 yum/3.4.3', 'yum 3'],
  ['urlgrabber/3.10', 'urlgrabber'],
  ['ZYpp 17.31.15 (curl 8.5.0) openSUSE-Tumbleweed-x86_64', 'zypper'],
  ['ZYpp 17.7.2 (curl 7.60.0)', 'zypper'],
  ['tdnf/3.5.6 vmware-photon/5.0', 'tdnf'],
  ['Mock (fedora-rawhide-x86_64; x86_64)', 'mock'],
  ['rpm-ostree (Fedora 33; coreos; Linux.x86_64)', 'rpm-ostree'],
  ['PackageKit-hawkey', 'PackageKit'],
  ['Debian APT-HTTP/1.3 (2.5.3)', 'apt'],
  ['curl/7.88.1', 'curl'],
  ['Wget/1.21.3', 'wget'],
  ['Wget2/2.1.0', 'wget'],
  ['python-requests/2.28.1', 'python-requests'],
  ['Python-urllib/3.11', 'urllib'],
  ['Go-http-client/1.1', 'Go'],
  ['pinyon/0.1.0', 'pinyon'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'browser'],
  // What only looks like one of them.
  ['libdnfx (Fedora Linux 43; generic; Linux.x86_64)', 'other'],
  ['mocking/1.0', 'other'],
  ['my-yum/3.4', 'other'],
  ['Artifactory/7.55.10', 'other'],
]

describe('the kind of a client', () => {
  for (const [header, agent] of SEEN)
    test(`of ${header} is ${agent}`, () => assert.equal(classifyAgent(header), agent))

  test('of one that sends no User-Agent is none', () => {
    assert.deepEqual([classifyAgent(undefined), classifyAgent('')], ['none', 'none'])
  })

  test('is on the list, whatever is sent, and depends on no more than its beginning', () => {
    const fragments = [...SEEN.map(([header]) => header), ' 1', '(', ';', ' yum/3.', '\u0000', 'é']
    const header = fc
      .array(fc.oneof(fc.constantFrom(...fragments), fc.string()), { minLength: 1 })
      .map((parts) => parts.join(''))
    const property = fc.property(header, (text) => {
      assert.ok(AGENTS.includes(classifyAgent(text)))
      assert.equal(classifyAgent(`${text.padEnd(200)} yum/3.4.3 libdnf`), classifyAgent(text.padEnd(200)))
    })
    fc.assert(property, { seed: 20161213, numRuns: 2_000 })
  })

  test('is found out in no time, of headers that are made to take long', () => {
    const hostile = ['libdnf (', 'libdnf (Fedora Linux 4', 'yum/3'].map((start) => start + ' 1'.repeat(8_000))
    for (let round = 0; round < 2_000; round += 1)
      for (const header of hostile) assert.ok(['dnf', 'other'].includes(classifyAgent(header)))
  })
})

/** A primary.xml as large as Fedora's, the same every time. */

const WORDS =
  'a the of and to for with library tools support system which provides used by package server client files data format access ' +
  'development headers interface Python Perl Ruby network protocol simple fast bindings utility collection common shared & über'
const VOCABULARY = WORDS.split(' ').map((word) => word.replace('&', '&amp;'))

/** Which repository. */
export interface LargePrimaryOptions {
  readonly packages: number
  /** 0 for the first; each later one has `changed` packages in another release than the one before. */
  readonly generation?: number
  readonly changed?: number
}

/** A primary.xml of that many packages, some two kilobytes each, in createrepo_c's shape, piece by piece. */
export function* createLargePrimary(options: LargePrimaryOptions): Generator<string, void, undefined> {
  const { packages, generation = 0, changed = 100 } = options
  const numbers = randomNumbers(65_000)
  const random = (below: number) => numbers.next().value % below
  const step = Math.max(1, Math.floor(packages / changed))
  yield `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages}">
`
  for (let index = 0; index < packages; index++)
    yield createPackage(index, index % step === 0 && index / step < changed ? generation : 0, random)
  yield '</metadata>\n'
}

/** Numbers below 2^32, the same for the same seed (mulberry32). */
function* randomNumbers(seed: number): Generator<number, never, undefined> {
  for (let state = seed; ;) {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    yield (mixed ^ (mixed >>> 14)) >>> 0
  }
}

function createPackage(index: number, generation: number, random: (below: number) => number): string {
  const text = (words: number) =>
    Array.from({ length: words }, () => VOCABULARY[random(VOCABULARY.length)]).join(' ')
  const entries = (count: number) =>
    Array.from({ length: count }, () => {
      const name = `lib${VOCABULARY[random(20)]}-${random(5000)}.so.${random(9)}()(64bit)`
      return `      <rpm:entry name="${name}" flags="EQ" epoch="0" ver="${random(30)}.${random(90)}"/>\n`
    }).join('')
  const digits = () =>
    random(2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const hex = Array.from({ length: 7 }, digits).join('') + generation.toString(16).padStart(8, '0')
  const name = `${VOCABULARY[random(20)]}-package-${index}`
  const version = `${random(20)}.${random(40)}.${random(99)}`
  const release = `${random(60) + generation}.el9`
  return `<package type="rpm">
  <name>${name}</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="${version}" rel="${release}"/>
  <checksum type="sha256" pkgid="YES">${hex}</checksum>
  <summary>${text(6)}</summary>
  <description>${text(20 + random(80))}</description>
  <packager>builder@example.org</packager>
  <url>https://www.example.org/${name}</url>
  <time file="1716330110" build="${1_600_000_000 + random(1e8)}"/>
  <size package="${random(1e7)}" installed="${random(4e7)}" archive="${random(4e7)}"/>
  <location href="Packages/${name.charAt(0)}/${name}-${version}-${release}.x86_64.rpm"/>
  <format>
    <rpm:license>GPL-2.0-or-later AND MIT</rpm:license>
    <rpm:vendor>Example</rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>builder.example.org</rpm:buildhost>
    <rpm:sourcerpm>${name}-${version}-${release}.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="${4504 + random(1e5)}"/>
    <rpm:provides>
${entries(1 + random(4))}    </rpm:provides>
    <rpm:requires>
${entries(random(9))}    </rpm:requires>
    <file>/usr/bin/${name}</file>
  </format>
</package>
`
}

import { joinArch } from '../../model/arch.ts'
import { digestOf, type Digest } from '../../model/digest.ts'
import type { Candidate, CandidateArch, Defect, XmlBase } from '../store.ts'

/** One architecture on its way into a snapshot of several; paths are those of its own repository. */
export interface ArchCandidate {
  readonly arch: string
  readonly candidate: Candidate
}

/** The candidate of a whole snapshot: what each architecture has, below a directory of its name. @param parts in any order, at least one */
export function mergeCandidates(mirror: string, parts: readonly ArchCandidate[]): Candidate {
  const sorted = parts.toSorted((a, b) => (a.arch < b.arch ? -1 : 1))
  const arches = sorted.map(toCandidateArch)
  const revisions = new Set(arches.map(({ revision }) => revision))
  const xmlBase = mostOf(arches.flatMap(({ xmlBase: one }) => one ?? []))
  return {
    mirror,
    fingerprint: combineFingerprints(arches),
    revision: revisions.size === 1 ? arches[0]?.revision : undefined,
    files: sorted.flatMap(({ arch, candidate }) => candidate.files.map((file) => below(arch, file))),
    defects: sorted.flatMap(({ arch, candidate }) => candidate.defects.map((one) => below(arch, one))),
    extras: sorted.flatMap(({ arch, candidate: { extras = [] } }) => extras.map((one) => below(arch, one))),
    arches,
    ...(xmlBase === undefined ? {} : { xmlBase }),
  }
}

/** What makes the content of a snapshot of several architectures: which there are, and the content of each. */
function combineFingerprints(
  arches: readonly { readonly arch: string; readonly fingerprint: Digest }[],
): Digest {
  const lines = arches.map(({ arch, fingerprint }) => `${arch} ${fingerprint}\n`).toSorted()
  return digestOf(Buffer.from(lines.join('')))
}

/** What is at a path of one architecture, at its path in the snapshot. */
function below<T extends Pick<Defect, 'path'>>(arch: string, one: T): T {
  return { ...one, path: joinArch(arch, one.path) }
}

function toCandidateArch({ arch, candidate }: ArchCandidate): CandidateArch {
  const { fingerprint, revision, xmlBase, seen, signature, fetched } = candidate
  return {
    arch,
    fingerprint,
    revision,
    xmlBase,
    ...(seen === undefined ? {} : { seen }),
    ...(signature === undefined ? {} : { signature }),
    ...(fetched === undefined ? {} : { fetched }),
  }
}

/** What leads clients elsewhere anywhere is what is to be said of the whole. */
function mostOf(found: readonly XmlBase[]): XmlBase | undefined {
  return found.includes('left') ? 'left' : found[0]
}

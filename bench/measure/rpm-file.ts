import { createHash } from 'node:crypto'

/** A package of which others are made that differ in their name only. */
export interface RpmTemplate {
  readonly name: string
  /** Lead and signature header, with their padding. */
  readonly signature: Buffer
  readonly header: Buffer
  readonly payload: Buffer
}

/** The lead of rpm's file format, version 3 and 4. */
const LEAD_BYTES = 96
/** Magic, version, reserved, number of index entries, size of the store. */
const INTRO_BYTES = 16
const ENTRY_BYTES = 16
/** The signature header is padded to a multiple of this. */
const ALIGNMENT = 8

/** Tags of the signature header whose values depend on the header: digests of it, and of it and the payload. */
const SHA1 = 269
const SHA256 = 273
const MD5 = 1004

/** Takes a package file apart. @throws Error when it is none */
export function readRpm(file: Buffer, name: string): RpmTemplate {
  if (file.readUInt32BE(0) !== 0xedabeedb)
    throw new Error(`${name} is no rpm: it begins with ${file.toString('hex', 0, 4)}`)
  const signatureBytes = headerBytes(file, LEAD_BYTES)
  const headerAt = LEAD_BYTES + Math.ceil(signatureBytes / ALIGNMENT) * ALIGNMENT
  const payloadAt = headerAt + headerBytes(file, headerAt)
  return {
    name,
    signature: file.subarray(0, headerAt),
    header: file.subarray(headerAt, payloadAt),
    payload: file.subarray(payloadAt),
  }
}

/** The same package under another name of the same length, with digests that are right: rpm and dnf install it. */
export function renameRpm(template: RpmTemplate, name: string): Buffer {
  if (name.length !== template.name.length) throw new Error(`${name} is not as long as ${template.name}`)
  const signature = Buffer.from(template.signature)
  const header = Buffer.from(template.header)
  replaceAll(signature.subarray(0, LEAD_BYTES), template.name, name)
  replaceAll(header, template.name, name)
  const hex = (algorithm: string) => createHash(algorithm).update(header).digest('hex')
  writeValue(signature, SHA1, Buffer.from(hex('sha1')))
  writeValue(signature, SHA256, Buffer.from(hex('sha256')))
  writeValue(signature, MD5, createHash('md5').update(header).update(template.payload).digest())
  return Buffer.concat([signature, header, template.payload])
}

function headerBytes(file: Buffer, at: number): number {
  return INTRO_BYTES + file.readUInt32BE(at + 8) * ENTRY_BYTES + file.readUInt32BE(at + 12)
}

function replaceAll(bytes: Buffer, from: string, to: string): void {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length))
    bytes.write(to, at, 'latin1')
}

/** Puts a value of the same length in place of one of the signature header, where that has such a tag. */
function writeValue(signature: Buffer, tag: number, value: Buffer): void {
  const entries = signature.readUInt32BE(LEAD_BYTES + 8)
  const store = LEAD_BYTES + INTRO_BYTES + entries * ENTRY_BYTES
  for (let entry = 0; entry < entries; entry += 1) {
    const at = LEAD_BYTES + INTRO_BYTES + entry * ENTRY_BYTES
    if (signature.readUInt32BE(at) === tag) value.copy(signature, store + signature.readUInt32BE(at + 8))
  }
}

/** What OpenSSL and Node call what is wrong with a server's certificate, and what to do about it. */
const CERTIFICATE_ERRORS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: it has to be renewed there (and look at the clock here)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: look at the clock here, and there',
  CERT_REVOKED: 'its certificate is revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: name it as sslcacert',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that is not known: name that as sslcacert',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is of an authority that is not known: name that as sslcacert',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is of an authority that is not known, or lacks the ones between: name it as sslcacert',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is of an authority that is not known, or lacks the ones between: name it as sslcacert',
}

/** Alerts by which a server refuses what we are (RFC 8446, section 6.2), by their names in OpenSSL's codes. */
const REFUSALS =
  /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED)|HANDSHAKE_FAILURE/

/** What went wrong between us and a server by TLS, and what helps; undefined when it was something else. */
export function describeTlsError(error: unknown, showsCertificate: boolean): string | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const certificate = CERTIFICATE_ERRORS[code]
  if (certificate !== undefined) return `${certificate} (${code})`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `its certificate is of another host: ${describeNames(error)}`
  const alert = `${code} ${message}`.toUpperCase().replaceAll(' ', '_')
  if (/ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)|WRONG_VERSION_NUMBER/.test(alert))
    return 'it does not speak TLS: is its URL http:// rather than https://?'
  if (!REFUSALS.test(alert)) return undefined
  return showsCertificate
    ? `it refuses the mirror's sslclientcert (${code})`
    : `it wants a client certificate, or refuses the connection: set sslclientcert and sslclientkey (${code})`
}

/** The names in it, which tell what was meant; a server may put anything there. */
function describeNames(error: unknown): string {
  const { cert } = error as { cert?: { subjectaltname?: unknown; subject?: { CN?: unknown } } }
  const names = cert?.subjectaltname ?? cert?.subject?.CN
  const text = typeof names === 'string' ? names : 'it names none'
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}

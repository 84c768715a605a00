// Statements of a publication's transaction about files that a mirror lists again, as hosts that are out of step make it do. See package-changes.ts.

/** Rows of one file: `p` and, as `o`, those that have an end. */
const SAME_FILE = `CROSS JOIN package o ON o.mirror_id = p.mirror_id AND o.href_hash = p.href_hash AND o.href = p.href
  AND o.digest = p.digest AND o.last_seq IS NOT NULL`

/** What is gone now was gone before, or in other rows: each of them is of a departed package again. */
export const NOTE_EARLIER = `INSERT INTO departed
  SELECT o.mirror_id, o.id, o.first_seq, o.last_seq, substr(o.digest, instr(o.digest, ':') + 1, 12), coalesce(o.size, 0),
    NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = o.digest)
  FROM temp.gone g CROSS JOIN package p ON p.id = g.id ${SAME_FILE} AND o.id <> p.id
  WHERE NOT EXISTS (SELECT 1 FROM departed d WHERE d.mirror_id = o.mirror_id AND d.package_id = o.id)`

/** Rows of files that were just added again, after row :last, are of no departed packages. */
export const FORGET_RETURNED = `DELETE FROM departed WHERE mirror_id = :mirrorId AND package_id IN (
  SELECT o.id FROM package p ${SAME_FILE} WHERE p.id > :last)`

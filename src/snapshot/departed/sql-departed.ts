import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// Statements about packages that left upstream. The triggers of migration 0004 keep the table.

/** No generation is that late: the end of a span that is still open. */
const OPEN_END = 9007199254740991

const PACKAGE = `p.id AS packageId, p.mirror_id AS mirrorId, m.name AS mirror, p.href, p.digest, p.size, p.name, p.epoch,
  p.version, p.release, p.arch`

/** Of a departed row `d` of package `p`, and what is known of it when it is lost, `l`. */
const DEPARTURE = `d.state, d.last_seq AS lastSeq, l.asked_at AS askedAt, l.times, l.answers,
  (SELECT s.created_at FROM snapshot s WHERE s.mirror_id = p.mirror_id AND s.seq > p.last_seq ORDER BY s.seq LIMIT 1) AS leftAt,
  (SELECT s.name FROM snapshot s WHERE s.mirror_id = p.mirror_id AND s.seq <= p.last_seq ORDER BY s.seq DESC LIMIT 1) AS lastSnapshot,
  (SELECT s.arches FROM snapshot s WHERE s.mirror_id = p.mirror_id AND s.seq <= p.last_seq ORDER BY s.seq DESC LIMIT 1) AS lastArches,
  EXISTS (SELECT 1 FROM package n WHERE n.mirror_id = p.mirror_id AND n.href_hash = p.href_hash AND n.href = p.href
    AND n.last_seq IS NULL) AS isReplaced`

const LOST = 'LEFT JOIN lost_package l ON l.mirror_id = d.mirror_id AND l.package_id = d.package_id'

/** Live snapshots that jobs get, or hold. */
export const HELD = `SELECT s.seq FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
  WHERE s.mirror_id = :mirrorId AND s.retired_at IS NULL AND (m.pin_id IS s.id
    OR EXISTS (SELECT 1 FROM current_span c WHERE c.mirror_id = s.mirror_id AND c.snapshot_id = s.id
      AND (c.last_generation IS NULL OR EXISTS (SELECT 1 FROM view v WHERE v.expires_at > :heldAtMs
        AND v.generation BETWEEN c.first_generation AND coalesce(c.last_generation, ${OPEN_END})))))`

/** The path of package `p` in an architecture `a`. */
const SHARED_PATH = "(a.value || substr(p.href, instr(p.href, '/')))"

/**
 * A departed row `d` is of a package without an architecture that one of those of the newest snapshot, `:arches`, still lists at the same place of its
 * repository, where it is asked for as well: it has not left. What is here already is as good as that.
 */
const STILL_LISTED = `(:arches <> '[]' AND d.state <> 0 AND EXISTS (
  SELECT 1 FROM package p CROSS JOIN json_each(:arches) a CROSS JOIN package n ON n.mirror_id = p.mirror_id
    AND n.href_hash = href_hash(${SHARED_PATH}) AND n.href = ${SHARED_PATH} AND n.digest = p.digest AND n.last_seq IS NULL
  WHERE p.id = d.package_id AND p.arch = 'noarch'))`

const DEPARTED = {
  mirrorNames: 'SELECT id, name FROM mirror',
  mirrorId: 'SELECT id FROM mirror WHERE name = :mirror',
  spans: `SELECT first_seq AS firstSeq, last_seq AS lastSeq, state, count(*) AS count, sum(size) AS bytes FROM departed
    WHERE mirror_id = :mirrorId GROUP BY 1, 2, 3`,
  rows: `SELECT d.digest_key AS key, d.first_seq AS firstSeq, d.last_seq AS lastSeq, d.state, d.size FROM departed d
    WHERE d.mirror_id = :mirrorId AND NOT ${STILL_LISTED}`,
  newestArches: 'SELECT arches FROM snapshot WHERE mirror_id = :mirrorId ORDER BY seq DESC LIMIT 1',
  liveSnapshots:
    'SELECT seq, name FROM snapshot WHERE mirror_id = :mirrorId AND retired_at IS NULL ORDER BY seq',
  // Parameters stand behind a plus so that it is not planned anew each time: see sql.ts.
  find: `SELECT ${PACKAGE}, ${DEPARTURE} FROM package p JOIN mirror m ON m.id = p.mirror_id
    LEFT JOIN departed d ON d.mirror_id = p.mirror_id AND d.package_id = p.id ${LOST}
    WHERE p.mirror_id = +:mirrorId AND p.href_hash = +:hrefHash AND p.href = +:path
      AND p.first_seq <= +:seq AND (p.last_seq IS NULL OR p.last_seq >= +:seq)`,
  list: `SELECT ${PACKAGE}, ${DEPARTURE} FROM departed d CROSS JOIN package p ON p.id = d.package_id
    JOIN mirror m ON m.id = d.mirror_id ${LOST}
    WHERE d.mirror_id = :mirrorId AND d.package_id > :after AND d.state IN (SELECT value FROM json_each(:states))
      AND EXISTS (SELECT 1 FROM snapshot s WHERE s.mirror_id = d.mirror_id AND s.retired_at IS NULL
        AND s.seq BETWEEN d.first_seq AND d.last_seq AND (:seq IS NULL OR s.seq = :seq))
      AND NOT ${STILL_LISTED}
      AND (:heldAtMs IS NULL OR EXISTS (SELECT 1 FROM (${HELD}) h WHERE h.seq BETWEEN d.first_seq AND d.last_seq))
    ORDER BY d.package_id LIMIT :limit`,
  markLost: `UPDATE departed SET state = 2 WHERE mirror_id = :mirrorId AND package_id = :packageId AND state <> 0`,
  noteLost: `INSERT INTO lost_package (mirror_id, package_id, asked_at, times, answers)
    VALUES (:mirrorId, :packageId, :atMs, 1, :answers)
    ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at, times = times + 1, answers = excluded.answers`,
  forgetLost: 'UPDATE departed SET state = 1 WHERE mirror_id = :mirrorId AND state = 2',
} as const

/** Statements that count by mirror: see departed-totals.ts. */
export const DEPARTED_TOTALS = {
  totals: `SELECT t.mirror_id AS mirrorId, t.state, t.count, t.bytes, (SELECT s.arches FROM snapshot s
      WHERE s.mirror_id = t.mirror_id ORDER BY s.seq DESC LIMIT 1) AS arches,
      (SELECT max(s.seq) FROM snapshot s WHERE s.mirror_id = t.mirror_id) AS newestSeq
    FROM departed_total t WHERE t.mirror_id > :after AND t.mirror_id <= :last AND t.count > 0`,
  distinctTotals: `SELECT :mirrorId AS mirrorId, state, count(*) AS count, sum(size) AS bytes FROM (
      SELECT max(d.state) AS state, max(d.size) AS size FROM departed d
      WHERE d.mirror_id = :mirrorId AND NOT ${STILL_LISTED} GROUP BY d.digest_key)
    GROUP BY state`,
} as const

export type DepartedStatements = Prepared<typeof DEPARTED>

/** Prepares what looking after packages that left upstream needs. */
export function prepareDeparted(database: Database.Database): DepartedStatements {
  return prepareAll(database, DEPARTED)
}

/** The moment at which a demonstration is looked at. */
export const DEMO_NOW = Date.UTC(2026, 2, 17, 9, 52)

/** A mirror of the demonstration. */
export interface DemoMirror {
  readonly name: string
  /** Listed packages, and how many of them are really there as rows; the latter are 120 unless told. */
  readonly packages: number
  /** Hours between two snapshots. */
  readonly everyHours: number
  /** Hours ago that the newest was made. */
  readonly newestHours: number
  readonly snapshots: number
  /** Part of the packages that are cached. */
  readonly cached: number
  readonly hosts: number
  /** Newer snapshots than the pinned one. */
  readonly pinnedBefore?: number
  readonly why?: string
  readonly atRisk?: number
  readonly lost?: number
  readonly replaced?: number
  readonly isDown?: boolean
  /** Nothing was ever got. */
  readonly isNew?: boolean
}

/** What makes one screen of a real farm. */
export const DEMO_MIRRORS: readonly DemoMirror[] = [
  {
    name: 'almalinux-9-appstream',
    packages: 21_874,
    everyHours: 46,
    newestHours: 20,
    snapshots: 8,
    cached: 0.19,
    hosts: 38,
  },
  {
    name: 'almalinux-9-baseos',
    packages: 3_412,
    everyHours: 74,
    newestHours: 43,
    snapshots: 4,
    cached: 0.31,
    hosts: 38,
  },
  {
    name: 'centos-base-el7',
    packages: 10_097,
    everyHours: 24,
    newestHours: 14_900,
    snapshots: 1,
    cached: 0.42,
    hosts: 6,
  },
  {
    name: 'centos-stream-10-appstream',
    packages: 9_846,
    everyHours: 31,
    newestHours: 8,
    snapshots: 11,
    cached: 0.24,
    hosts: 29,
  },
  {
    name: 'centos-stream-9-appstream',
    packages: 25_318,
    everyHours: 22,
    newestHours: 8,
    snapshots: 16,
    cached: 0.12,
    hosts: 64,
    pinnedBefore: 7,
    why: 'podman 5.6.0-4 breaks nested containers, CI-1182',
    atRisk: 31,
  },
  {
    name: 'centos-stream-9-baseos',
    packages: 9_218,
    everyHours: 30,
    newestHours: 10,
    snapshots: 11,
    cached: 0.22,
    hosts: 64,
  },
  {
    name: 'copr-ovirt-master-el9',
    packages: 1_264,
    everyHours: 6,
    newestHours: 0.2,
    snapshots: 52,
    cached: 0.71,
    hosts: 47,
  },
  {
    name: 'docker-ce-el9',
    packages: 612,
    everyHours: 100,
    newestHours: 26,
    snapshots: 4,
    cached: 0.33,
    hosts: 33,
    replaced: 1,
  },
  {
    name: 'epel-el9',
    packages: 22_461,
    everyHours: 24,
    newestHours: 4,
    snapshots: 14,
    cached: 0.09,
    hosts: 71,
  },
  {
    name: 'epel-testing-el9',
    packages: 2_038,
    everyHours: 22,
    newestHours: 2.2,
    snapshots: 15,
    cached: 0.24,
    hosts: 9,
    atRisk: 14,
  },
  {
    name: 'fedora-branched-fc44',
    packages: 0,
    everyHours: 24,
    newestHours: 0,
    snapshots: 0,
    cached: 0,
    hosts: 0,
    isNew: true,
  },
  {
    name: 'fedora-updates-fc43',
    packages: 24_377,
    everyHours: 24,
    newestHours: 7,
    snapshots: 14,
    cached: 0.07,
    hosts: 35,
  },
  {
    name: 'glusterfs-11-el9',
    packages: 148,
    everyHours: 300,
    newestHours: 203,
    snapshots: 2,
    cached: 0.62,
    hosts: 13,
    lost: 2,
  },
  {
    name: 'kubernetes-1.33',
    packages: 96,
    everyHours: 260,
    newestHours: 126,
    snapshots: 2,
    cached: 0.83,
    hosts: 12,
  },
  {
    name: 'ovirt-4.5-el9',
    packages: 1_187,
    everyHours: 500,
    newestHours: 101,
    snapshots: 1,
    cached: 0.66,
    hosts: 52,
  },
  {
    name: 'ovirt-master-snapshot-el9',
    packages: 3_920,
    everyHours: 5.5,
    newestHours: 9,
    snapshots: 58,
    cached: 0.58,
    hosts: 49,
    isDown: true,
  },
  {
    name: 'postgresql-17-el9',
    packages: 1_893,
    everyHours: 110,
    newestHours: 60,
    snapshots: 12,
    cached: 0.12,
    hosts: 10,
    pinnedBefore: 9,
    why: 'libpq 17.9 and the old driver, until DB-31 is done',
  },
  {
    name: 'rocky-9-baseos',
    packages: 3_287,
    everyHours: 55,
    newestHours: 23,
    snapshots: 6,
    cached: 0.24,
    hosts: 19,
  },
]

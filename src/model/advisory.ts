/** What pinyon reads of one `<update>` of updateinfo.xml. */
export interface Advisory {
  /** `FEDORA-EPEL-2012-0619`, `RHSA-2024:1234`. */
  readonly id: string
  /** `security`, `bugfix`, `enhancement`, `newpackage`, `recommended` … */
  readonly type: string | undefined
  readonly severity: string | undefined
  readonly title: string | undefined
  /** As written: `2012-02-28 20:34:56`, mostly UTC. */
  readonly issued: string | undefined
  /** `CVE-2024-3094`, in order, without repetition. */
  readonly cves: readonly string[]
}

/**
 * A failure message without the bad records that it tells one after the other, for where a table lists each. What follows them stays:
 * the bounds of their number, and where the whole list lies.
 */
export function withoutRecords(message: string): string {
  const [, opening, records = ''] = /^(.*?): (line \d+\b.*)$/s.exec(message) ?? [];
  if (opening === undefined) return message;
  const [after = ''] = /(?: The number of records must be .*| All of them: s3:\/\/.*)$/s.exec(records) ?? [];
  return `${opening}.${after}`;
}

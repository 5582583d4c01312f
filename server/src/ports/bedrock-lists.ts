/** Resources of one account and Region: no other account or Region sees them. */
export interface BedrockScope {
  accountId: string;
  region: string;
}

export interface Tag {
  key: string;
  value: string;
}

/** A page of a list: `next` is the position to continue from, absent on the last page. */
export interface Page<Row> {
  rows: Row[];
  next?: string;
}

/** Order is by creation time, then id: a keyset, so a page costs the same wherever it begins. */
export interface ListOptions {
  createdAfter?: number | undefined;
  createdBefore?: number | undefined;
  nameContains?: string | undefined;
  sortOrder: 'Ascending' | 'Descending';
  /** Rows in a page at most. */
  limit: number;
  /** `Page.next` of the page before. */
  position?: string | undefined;
}

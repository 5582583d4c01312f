import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useState } from 'react';
import { FaultAlert } from './fault-alert.tsx';
import { currentRegion } from './preferences.ts';
import { signInCount } from './session.ts';
import { PAGE_SIZES, useFilterText, useTableState } from './table-state.ts';

export interface PageRequest {
  /** Absent: the first page. */
  token: string | undefined;
  filter: string | undefined;
  descending: boolean;
  pageSize: number;
  choice: string | undefined;
}

export interface ResourcePage<Row> {
  rows: readonly Row[];
  nextToken?: string | undefined;
}

interface ResourceTableProps<Row> {
  /** "Models": the table's heading. */
  name: string;
  description?: ReactNode;
  queryKey: readonly unknown[];
  columns: readonly TableProps.ColumnDefinition<Row>[];
  idOf(row: Row): string;
  load(request: PageRequest): Promise<ResourcePage<Row>>;
  /** "Find models by name"; absent: the service has no filter for this list. */
  filterLabel?: string;
  /** The one column by which the service can order, newest first until told otherwise. */
  orderedBy?: string;
  /** What the service can leave out, such as all but one status: "Status", and values with their words. */
  choice?: { label: string; options: readonly (readonly [value: string, text: string])[] };
  empty: { text: string; action?: ReactNode };
  selection?: 'single' | 'multi';
  actions?(selected: readonly Row[], clear: () => void): ReactNode;
  /** A row on its way to another state: the page is then asked for again every few seconds. */
  isChanging?(row: Row): boolean;
  above?: ReactNode;
}

/** What every list of Bedrock takes, from what the table asks for; a choice is of a status. */
export function byCreationTime({ token, filter, descending, pageSize, choice }: PageRequest) {
  return {
    nextToken: token,
    nameContains: filter,
    maxResults: pageSize,
    sortBy: 'CreationTime',
    sortOrder: descending ? 'Descending' : 'Ascending',
    // Each operation has an enumeration of its own; what is not in it is refused by the service.
    ...(choice !== undefined && { statusEquals: choice as never }),
  } as const;
}

const REFRESH_MILLISECONDS = 3000;
/** Pixels of columns, whose texts wrap. */
const LEAST_WIDTHS = { names: 160, others: 110 };

/** The token of each page that was seen, the first's undefined: turning back asks for nothing twice. */
const tokensOf = new Map<string, (string | undefined)[]>();

/** A list of a service, a page at a time, with its filter, its order, and its empty and failed states. All that is chosen is in the address. */
export function ResourceTable<Row>(props: ResourceTableProps<Row>) {
  const { name, queryKey, columns, idOf, load, filterLabel, orderedBy, isChanging, choice: offered } = props;
  const [state, change] = useTableState();
  const { filter, descending, page, pageSize, choice } = state;
  const settle = useCallback((text: string) => change({ filter: text }), [change]);
  const [typed, setTyped] = useFilterText(filter, settle);
  const [selected, setSelected] = useState<readonly string[]>([]);

  const asked = {
    descending,
    pageSize,
    filter: filter === '' ? undefined : filter,
    choice: choice === '' ? undefined : choice,
  };
  const list = [...queryKey, 'list', filter, descending, pageSize, choice];
  const tokens = JSON.stringify([signInCount(), currentRegion(), ...list]);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...list, page],
    queryFn: () => loadPage(tokens, page, token => load({ ...asked, token })),
    placeholderData: keepPreviousData,
    refetchInterval: query => (isChanging && query.state.data?.rows.some(isChanging) ? REFRESH_MILLISECONDS : false),
  });
  const rows = data?.rows ?? [];
  const next = data?.nextToken;
  // A list that became shorter than its address says shows its last page.
  const shownPage = data?.page ?? page;
  const isWhole = filter === '' && choice === '';

  const selectedRows = rows.filter(row => selected.includes(idOf(row)));
  const sorting = columns.find(column => column.id === orderedBy);
  return (
    <Table<Row>
      variant="container"
      ariaLabels={{
        tableLabel: name,
        selectionGroupLabel: `${name} selection`,
        itemSelectionLabel: (_, row) => `Select ${idOf(row)}`,
        allItemsSelectionLabel: () => 'Select all on this page',
      }}
      columnDefinitions={columns.map(wrapping)}
      items={rows}
      trackBy={idOf}
      wrapLines
      loading={isPending}
      loadingText={`Loading ${name.toLowerCase()}`}
      {...(props.selection && {
        selectionType: props.selection,
        selectedItems: selectedRows,
        onSelectionChange: ({ detail }) => setSelected(detail.selectedItems.map(idOf)),
      })}
      {...(sorting && {
        sortingColumn: sorting,
        sortingDescending: descending,
        onSortingChange: ({ detail }) => change({ descending: detail.isDescending ?? false }),
      })}
      header={
        <SpaceBetween size="s">
          {props.above}
          <Header
            variant="h2"
            description={props.description}
            actions={
              <div className="table-actions">
                <Button iconName="refresh" ariaLabel={`Refresh ${name.toLowerCase()}`} onClick={() => refetch()} />
                {props.actions?.(selectedRows, () => setSelected([]))}
              </div>
            }
          >
            {name}
          </Header>
          {error && <FaultAlert error={error} retry={() => refetch()} />}
        </SpaceBetween>
      }
      filter={
        (filterLabel || offered) && (
          <div className="table-filters">
            {filterLabel && (
              <TextFilter
                filteringText={typed}
                filteringPlaceholder={filterLabel}
                filteringAriaLabel={filterLabel}
                filteringClearAriaLabel="Clear"
                onChange={({ detail }) => setTyped(detail.filteringText)}
              />
            )}
            {offered && <Choice {...offered} chosen={choice} choose={value => change({ choice: value })} />}
          </div>
        )
      }
      pagination={
        (next !== undefined || shownPage > 1 || rows.length >= (PAGE_SIZES[0] ?? 0)) && (
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <ButtonDropdown
              variant="icon"
              ariaLabel={`Rows on a page: ${pageSize}`}
              items={PAGE_SIZES.map(value => ({
                id: String(value),
                text: `${value} on a page`,
                itemType: 'checkbox',
                checked: value === pageSize,
              }))}
              onItemClick={({ detail }) => change({ pageSize: Number(detail.id) })}
            />
            <Pagination
              currentPageIndex={shownPage}
              pagesCount={next === undefined ? shownPage : shownPage + 1}
              openEnd={next !== undefined}
              onChange={({ detail }) => {
                setSelected([]);
                change({ page: detail.currentPageIndex });
              }}
              ariaLabels={{
                paginationLabel: `Pages of ${name.toLowerCase()}`,
                nextPageLabel: 'Next page',
                previousPageLabel: 'Previous page',
                pageLabel: number => `Page ${number}`,
              }}
            />
          </SpaceBetween>
        )
      }
      empty={
        error ? null : (
          <Box textAlign="center" padding={{ vertical: 'm' }}>
            <SpaceBetween size="s">
              <Box>
                {isWhole ? props.empty.text : filter === '' ? 'Nothing matches.' : `Nothing matches “${filter}”.`}
              </Box>
              {isWhole ? (
                props.empty.action
              ) : (
                <Button onClick={() => change({ filter: '', choice: '' })}>Clear the filter</Button>
              )}
            </SpaceBetween>
          </Box>
        )
      }
    />
  );
}

/** A column that can be as narrow as its words, and as a part of a long name. */
function wrapping<Row>(column: TableProps.ColumnDefinition<Row>): TableProps.ColumnDefinition<Row> {
  if (!column.isRowHeader) return { minWidth: LEAST_WIDTHS.others, ...column };
  return { minWidth: LEAST_WIDTHS.names, ...column, cell: row => <span className="path">{column.cell(row)}</span> };
}

/** A page and which it is, found from the first one where its token is not known: from a link, or after a reload. */
async function loadPage<Row>(
  list: string,
  wanted: number,
  load: (token: string | undefined) => Promise<ResourcePage<Row>>,
): Promise<ResourcePage<Row> & { page: number }> {
  const tokens = tokensOf.get(list) ?? [undefined];
  tokensOf.set(list, tokens);
  for (let page = Math.min(wanted, tokens.length); ; page += 1) {
    const found = await load(tokens[page - 1]).catch(error => {
      // A token may be what was refused: the next attempt begins at the first page.
      tokensOf.delete(list);
      throw error;
    });
    if (found.nextToken !== undefined) tokens[page] = found.nextToken;
    if (page === wanted || found.nextToken === undefined) return { ...found, page };
  }
}

function Choice(
  props: NonNullable<ResourceTableProps<unknown>['choice']> & { chosen: string; choose(value: string): void },
) {
  const { label, options, chosen, choose } = props;
  const all = [['', `${label}: all`] as const, ...options];
  return (
    <ButtonDropdown
      items={all.map(([id, text]) => ({ id, text, itemType: 'checkbox', checked: id === chosen }))}
      onItemClick={({ detail }) => choose(detail.id)}
    >
      {chosen === '' ? `${label}: all` : `${label}: ${options.find(([value]) => value === chosen)?.[1] ?? chosen}`}
    </ButtonDropdown>
  );
}

import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { FaultAlert } from './fault-alert.tsx';

export interface PageRequest {
  /** Absent: the first page. */
  token: string | undefined;
  filter: string | undefined;
  descending: boolean;
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
  empty: { text: string; action?: ReactNode };
  selection?: 'single' | 'multi';
  actions?(selected: readonly Row[], clear: () => void): ReactNode;
  /** A row on its way to another state: the page is then asked for again every few seconds. */
  isChanging?(row: Row): boolean;
  above?: ReactNode;
}

export const PAGE_SIZE = 50;

/** What every list of Bedrock takes, from what the table asks for. */
export function byCreationTime({ token, filter, descending }: PageRequest) {
  return {
    nextToken: token,
    nameContains: filter,
    maxResults: PAGE_SIZE,
    sortBy: 'CreationTime',
    sortOrder: descending ? 'Descending' : 'Ascending',
  } as const;
}
const REFRESH_MILLISECONDS = 3000;
const TYPING_MILLISECONDS = 300;

/** A list of a service, a page at a time, with its filter, its order, and its empty and failed states. */
export function ResourceTable<Row>(props: ResourceTableProps<Row>) {
  const { name, queryKey, columns, idOf, load, filterLabel, orderedBy, isChanging } = props;
  const [typed, setTyped] = useState('');
  const filter = useSettled(typed.trim());
  const [descending, setDescending] = useState(true);
  /** The token of each page seen so far; the first has none. */
  const [tokens, setTokens] = useState<readonly (string | undefined)[]>([undefined]);
  const [page, setPage] = useState(1);
  const [selected, setSelected] = useState<readonly string[]>([]);
  const token = tokens[page - 1];

  const { data, error, isPending, isPlaceholderData, refetch } = useQuery({
    queryKey: [...queryKey, 'list', filter, descending, token ?? null],
    queryFn: () => load({ token, filter: filter === '' ? undefined : filter, descending }),
    placeholderData: keepPreviousData,
    refetchInterval: query => (isChanging && query.state.data?.rows.some(isChanging) ? REFRESH_MILLISECONDS : false),
  });
  const rows = data?.rows ?? [];
  const next = data?.nextToken;
  const knownPages = next !== undefined && page === tokens.length ? page + 1 : tokens.length;

  function startOver(): void {
    setTokens([undefined]);
    setPage(1);
    setSelected([]);
  }

  function turnTo(wanted: number): void {
    if (wanted > tokens.length && next !== undefined && !isPlaceholderData) setTokens([...tokens, next]);
    setPage(Math.min(wanted, knownPages));
    setSelected([]);
  }

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
      columnDefinitions={columns}
      items={rows}
      trackBy={idOf}
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
        onSortingChange: ({ detail }) => {
          setDescending(detail.isDescending ?? false);
          startOver();
        },
      })}
      header={
        <SpaceBetween size="s">
          {props.above}
          <Header
            variant="h2"
            description={props.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={`Refresh ${name.toLowerCase()}`} onClick={() => refetch()} />
                {props.actions?.(selectedRows, () => setSelected([]))}
              </SpaceBetween>
            }
          >
            {name}
          </Header>
          {error && <FaultAlert error={error} retry={() => refetch()} />}
        </SpaceBetween>
      }
      filter={
        filterLabel && (
          <TextFilter
            filteringText={typed}
            filteringPlaceholder={filterLabel}
            filteringAriaLabel={filterLabel}
            filteringClearAriaLabel="Clear"
            onChange={({ detail }) => {
              setTyped(detail.filteringText);
              startOver();
            }}
          />
        )
      }
      pagination={
        (next !== undefined || tokens.length > 1) && (
          <Pagination
            currentPageIndex={page}
            pagesCount={knownPages}
            openEnd={next !== undefined}
            onChange={({ detail }) => turnTo(detail.currentPageIndex)}
            ariaLabels={{
              paginationLabel: `Pages of ${name.toLowerCase()}`,
              nextPageLabel: 'Next page',
              previousPageLabel: 'Previous page',
              pageLabel: number => `Page ${number}`,
            }}
          />
        )
      }
      empty={
        error ? null : (
          <Box textAlign="center" padding={{ vertical: 'm' }}>
            <SpaceBetween size="s">
              <Box>{filter === '' ? props.empty.text : `Nothing matches “${filter}”.`}</Box>
              {filter === '' ? props.empty.action : <Button onClick={() => setTyped('')}>Clear the filter</Button>}
            </SpaceBetween>
          </Box>
        )
      }
    />
  );
}

/** What was typed, once the typing stops for a moment. */
function useSettled(typed: string): string {
  const [settled, setSettled] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [typed]);
  return settled;
}

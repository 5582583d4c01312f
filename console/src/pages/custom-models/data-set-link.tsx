import { To } from '../../app/show.tsx';

/** The data set that a manifest was saved by; undefined for a manifest of other making. */
export function dataSetOf(uri: string | undefined): { text: string; to: string } | undefined {
  const [, bucket, name, digits] =
    /^s3:\/\/([^/]+)\/data-sets\/([^/]+)\/versions\/(\d+)\/train\.jsonl$/.exec(uri ?? '') ?? [];
  if (bucket === undefined || name === undefined) return undefined;
  const version = String(Number(digits));
  return {
    text: `${name}, version ${version}`,
    to: `/data-sets/edit?${new URLSearchParams({ bucket, name, version })}`,
  };
}

/** A manifest by its data set and version where it has one, else by its address. */
export function DataSetLink({ uri }: { uri: string | undefined }) {
  const dataSet = dataSetOf(uri);
  return dataSet ? <To to={dataSet.to}>{dataSet.text}</To> : (uri ?? '–');
}

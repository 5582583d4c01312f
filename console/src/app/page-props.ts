export interface PageProps {
  /** What stands in the braces of the page's pattern. */
  params: Readonly<Record<string, string>>;
}
